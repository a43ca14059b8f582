package api_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"

	"touchstone/api"
	"touchstone/api/wire"
)

// contract is openapi.yaml, read once. Its schemas are closed: what it does not name is not sent.
var contract = sync.OnceValue(func() (c struct {
	doc    *openapi3.T
	router routers.Router
	err    error
}) {
	for _, each := range []string{"image/*", "image/jpeg", "image/png", "text/css", "text/event-stream", "text/html", "text/javascript", "video/*", "video/mp4"} {
		openapi3filter.RegisterBodyDecoder(each, openapi3filter.FileBodyDecoder)
	}
	if c.doc, c.err = openapi3.NewLoader().LoadFromData(api.Contract); c.err != nil {
		return c
	}
	if c.err = c.doc.Validate(openapi3.NewLoader().Context, openapi3.EnableExamplesValidation()); c.err != nil {
		return c
	}
	for _, schema := range c.doc.Components.Schemas {
		closeSchema(schema)
	}
	for _, path := range c.doc.Paths.Map() {
		for _, operation := range path.Operations() {
			closeResponses(operation.Responses.Map())
		}
	}
	c.doc.Servers = nil // any host
	c.router, c.err = legacy.NewRouter(c.doc)
	return c
})

func closeResponses(responses map[string]*openapi3.ResponseRef) {
	for _, response := range responses {
		for _, media := range response.Value.Content {
			closeSchema(media.Schema)
		}
	}
}

func closeSchema(ref *openapi3.SchemaRef) {
	if ref == nil || ref.Value == nil {
		return
	}
	s := ref.Value
	if len(s.Properties) > 0 && s.AdditionalProperties.Schema == nil {
		s.AdditionalProperties.Has = new(bool)
	}
	for _, property := range s.Properties {
		closeSchema(property)
	}
	closeSchema(s.Items)
	for _, one := range s.OneOf {
		closeSchema(one)
	}
}

// seen are the operations that were answered in this run, with the statuses.
var seen sync.Map

// keepContract fails the test when the answer is not what openapi.yaml promises.
func keepContract(t testing.TB, r *http.Request, a answer) {
	t.Helper()
	c := contract()
	if c.err != nil {
		t.Fatal(c.err)
	}
	route, parameters, err := c.router.FindRoute(r)
	if err != nil {
		if a.status != 404 && a.status != 405 && r.Method != "HEAD" && r.Method != "OPTIONS" {
			t.Errorf("%s answers %d but is not in openapi.yaml: %v", a.asked, a.status, err)
		}
		return
	}
	seen.Store(fmt.Sprintf("%s %d", route.Operation.OperationID, a.status), true)
	if a.header.Get("Content-Type") == "application/x-ndjson" {
		keepLines(t, c.doc, a)
		return
	}
	err = openapi3filter.ValidateResponse(t.Context(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: r, Route: route, PathParams: parameters},
		Status:                 a.status, Header: a.header, Body: io.NopCloser(bytes.NewReader(a.body)),
		Options: &openapi3filter.Options{IncludeResponseStatus: true},
	})
	if err != nil {
		t.Errorf("%s answers %d against openapi.yaml: %.600v", a.asked, a.status, err)
	}
}

func keepLines(t testing.TB, doc *openapi3.T, a answer) {
	t.Helper()
	schema := doc.Components.Schemas["MatchHashLine"].Value
	for line := range strings.Lines(string(a.body)) {
		value := into[any](answer{t: t, asked: a.asked, body: []byte(line)})
		if err := schema.VisitJSON(value); err != nil {
			t.Errorf("%s answers the line %s against openapi.yaml: %v", a.asked, line, err)
		}
	}
}

func TestContractIsValidWithItsExamples(t *testing.T) {
	if err := contract().err; err != nil {
		t.Fatal(err)
	}
}

func TestEveryRouteIsInTheContractAndTheOtherWayRound(t *testing.T) {
	var promised []string
	for path, item := range contract().doc.Paths.Map() {
		for method := range item.Operations() {
			promised = append(promised, method+" "+path)
		}
	}
	served := open(t).ready().server.Routes()
	slices.Sort(promised)
	slices.Sort(served)
	if !slices.Equal(served, promised) {
		t.Errorf("served:\n%s\npromised:\n%s", strings.Join(served, "\n"), strings.Join(promised, "\n"))
	}
}

func TestEveryProblemCodeIsInTheContract(t *testing.T) {
	var promised []string
	for _, code := range contract().doc.Components.Schemas["Code"].Value.Enum {
		promised = append(promised, code.(string))
	}
	known := slices.Sorted(maps.Keys(api.Codes()))
	slices.Sort(promised)
	if !slices.Equal(known, promised) {
		t.Errorf("the server knows %v, the contract %v", known, promised)
	}
}

func TestEveryOptionIsInTheContract(t *testing.T) {
	promised := map[string][]string{}
	for path, item := range contract().doc.Paths.Map() {
		for method, operation := range item.Operations() {
			for _, p := range operation.Parameters {
				if p.Value.In == "query" {
					promised[method+" "+path] = append(promised[method+" "+path], p.Value.Name)
				}
			}
		}
	}
	for route, options := range open(t).ready().server.Options() {
		slices.Sort(options)
		slices.Sort(promised[route])
		if !slices.Equal(options, promised[route]) {
			t.Errorf("%s reads %v, the contract has %v", route, options, promised[route])
		}
	}
}

func TestExamplesOfRequestsAreAccepted(t *testing.T) {
	h := openWith(t, api.Config{Access: api.Trusted}).ready()
	h.collection("there", "brand")
	id := h.add("there", product(1))[0].ID
	fillDesk(h, id)
	h.json("POST", "/v1/webhooks", `{"url":"https://hooks.example.com/in","events":["nothing"]}`).want(201)
	parameters := strings.NewReplacer("{name}", "there", "/v1/webhooks/{id}", "/v1/webhooks/1", "/v1/rights/{id}", "/v1/rights/1", "/v1/hits/{id}", "/v1/hits/1", "{id}", id)
	for path, item := range contract().doc.Paths.Map() {
		for method, operation := range item.Operations() {
			if operation.RequestBody == nil {
				continue
			}
			for contentType, media := range operation.RequestBody.Value.Content {
				for _, example := range examplesOf(media) {
					text, ok := example.(string)
					if !ok {
						text = string(marshal(t, example))
					}
					if a := h.do(h.request(method, parameters.Replace(path), contentType, strings.NewReader(text))); a.status > 299 {
						t.Errorf("%s refuses its example %.200s: %s", a.asked, text, a.body)
					}
				}
			}
		}
	}
}

func examplesOf(media *openapi3.MediaType) (all []any) {
	if media.Example != nil {
		all = append(all, media.Example)
	}
	for _, example := range media.Examples {
		all = append(all, example.Value.Value)
	}
	return all
}

func marshal(t *testing.T, value any) []byte {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestWalkOverEveryOperationKeepsTheContract gets every status that the contract lists for an
// operation, but for those that need a broken disk or an overload, which other tests bring about.
// That the answers are as promised is seen to by house.do.
func TestWalkOverEveryOperationKeepsTheContract(t *testing.T) {
	h := openWith(t, api.Config{Access: api.Trusted}).ready()
	walkCollections(h)
	walkReferences(h)
	walkMatching(h)
	walkWebhooks(h)
	walkKeys(h)
	walkDesk(h)
	walkNotices(h)
	walkStreams(h)
	postTwice(t)
	store := openBolt(t, t.TempDir())
	serve(t, openIndex(t, store), api.Config{Backup: backupOf(store)}).ready().get("/v1/backup").want(200)
	for _, path := range []string{"/v1/stats", "/v1/limits", "/v1/changes", "/livez", "/readyz", "/metrics", "/openapi.yaml", "/docs", "/docs/start.js"} {
		h.get(path).want(200)
	}
	h.get("/v1/changes?after=x").problem(400, "input_invalid")
	h.get("/docs/nothing").problem(404, "route_not_found")
	h.delete("/v1/collections/shoes?references=remove").want(200)
	for _, item := range contract().doc.Paths.Map() {
		for _, operation := range item.Operations() {
			for status := range operation.Responses.Map() {
				if _, ok := seen.Load(operation.OperationID + " " + status); !ok && status != "default" && status < "500" {
					t.Errorf("%s was never answered with %s", operation.OperationID, status)
				}
			}
		}
	}
}

func walkCollections(h *house) {
	const path = "/v1/collections"
	h.json("POST", path, `{"name":"shoes","purpose":"brand"}`).want(201)
	h.json("POST", path, `{"name":"shoes","purpose":"brand"}`).problem(409, "collection_exists")
	h.keyed("k", "POST", path, `{"name":"keyed","purpose":"brand"}`).want(201)
	h.keyed("k", "POST", path, `{"name":"other","purpose":"brand"}`).problem(422, "idempotency_key_reused")
	h.json("POST", path, `{"name":"no such thing","purpose":"brand"}`).problem(400, "input_invalid")
	h.json("POST", path, strings.Repeat(" ", 33<<20)).problem(413, "limit_exceeded")
	h.post(path, "text/plain", nil).problem(415, "content_type_unsupported")
	h.get(path).want(200)
	h.get(path + "/shoes").want(200)
	h.get(path+"/boots").problem(404, "collection_not_found")
	h.json("PATCH", path+"/shoes", `{"purpose":"work"}`).want(200)
	h.json("PATCH", path+"/shoes", `{"purpose":"fun"}`).problem(400, "input_invalid")
	h.json("PATCH", path+"/boots", `{}`).problem(404, "collection_not_found")
	h.do(h.request("PATCH", path+"/shoes", "text/plain", nil)).problem(415, "content_type_unsupported")
	h.delete(path+"/boots").problem(404, "collection_not_found")
}

func walkReferences(h *house) {
	const path = "/v1/collections/shoes/references"
	h.parts(path, image(product(1)), field("external_id", "one")).want(201)
	h.parts(path, image(product(2)), field("external_id", "one")).problem(409, "reference_exists")
	h.parts("/v1/collections/boots/references", image(product(2))).problem(404, "collection_not_found")
	h.parts(path, image([]byte("text"))).problem(422, "image_format_unsupported")
	h.parts(path, field("external_id", "two")).problem(400, "input_invalid")
	h.parts(path, image(make([]byte, 21<<20))).problem(413, "limit_exceeded")
	h.post(path, "text/plain", nil).problem(415, "content_type_unsupported")
	h.delete("/v1/collections/shoes").problem(409, "collection_not_empty")
	h.get(path + "?limit=1").want(200)
	h.get(path+"?limit=0").problem(400, "input_invalid")
	h.get("/v1/collections/boots/references").problem(404, "collection_not_found")
	id := into[wire.References](h.get(path)).References[0].ID
	h.get("/v1/references/" + id).want(200)
	h.get("/v1/references/0").problem(404, "reference_not_found")
	h.get("/v1/references/" + id + "/frames").want(200)
	h.get("/v1/references/"+id+"/frames?from=x").problem(400, "input_invalid")
	h.get("/v1/references/0/frames").problem(404, "reference_not_found")
	image := h.get("/v1/references/" + id + "/image").want(200)
	h.get("/v1/references/0/image").problem(404, "reference_not_found")
	known := h.request("GET", "/v1/references/"+id+"/image", "", nil)
	known.Header.Set("If-None-Match", image.header.Get("ETag"))
	h.do(known).want(304)
	h.json("PATCH", "/v1/references/"+id, `{"note":"x","meta":{"a":"b"}}`).want(200)
	h.json("PATCH", "/v1/references/"+id, `{"disabled_until":7}`).problem(400, "input_invalid")
	h.json("PATCH", "/v1/references/0", `{}`).problem(404, "reference_not_found")
	h.json("PATCH", "/v1/references/"+id, wire.ReferencePatch{Meta: map[string]string{"a": strings.Repeat("x", 17<<10)}}).problem(413, "limit_exceeded")
	h.do(h.request("PATCH", "/v1/references/"+id, "text/plain", nil)).problem(415, "content_type_unsupported")
	h.delete("/v1/references/0").problem(404, "reference_not_found")
	h.delete("/v1/references/" + h.add("shoes", product(3))[0].ID).want(200)
}

func walkKeys(h *house) {
	const path = "/v1/keys"
	made := into[wire.CreatedKey](h.json("POST", path, `{"name":"a","scopes":["match"]}`).want(201))
	h.json("POST", path, `{"rotates":"`+made.Key.ID+`","overlap_seconds":60}`).want(201)
	h.json("POST", path, `{"rotates":"nobody"}`).problem(404, "key_not_found")
	h.json("POST", path, `{"name":"a","scopes":["fun"]}`).problem(400, "input_invalid")
	h.json("POST", path, `{"name":"`+strings.Repeat("x", 200)+`","scopes":["match"]}`).problem(413, "limit_exceeded")
	h.post(path, "text/plain", nil).problem(415, "content_type_unsupported")
	h.get(path).want(200)
	h.delete(path + "/" + made.Key.ID).want(200)
	h.delete(path+"/nobody").problem(404, "key_not_found")
}

func walkStreams(h *house) {
	const path = "/v1/streams"
	opened := into[wire.Stream](h.keyed("s", "POST", path, `{"subject":"channel"}`).want(201))
	h.keyed("s", "POST", path, `{"subject":"another"}`).problem(422, "idempotency_key_reused")
	h.json("POST", path, `{"effort":"some"}`).problem(400, "input_invalid")
	h.json("POST", path, `{"collections":["boots"]}`).problem(404, "collection_not_found")
	h.json("POST", path, wire.NewStream{Subject: strings.Repeat("x", 2000)}).problem(413, "limit_exceeded")
	h.post(path, "text/plain", nil).problem(415, "content_type_unsupported")
	h.get(path + "?limit=1").want(200)
	h.get(path+"?limit=0").problem(400, "input_invalid")
	one := path + "/" + opened.ID
	h.get(one).want(200)
	frames := one + "/frames"
	h.json("POST", frames, wire.StreamFrames{Frames: []wire.StreamFrame{{At: new(1.5), PDQ: hexOf(1)}}}).want(200)
	h.post(frames, "application/x-ndjson", []byte(fmt.Sprintf("{\"at\":3,\"pdq\":%q}\n\n{\"at\":4,\"pdq\":%[1]q,\"mark\":\"black\"}", hexOf(2)))).want(200)
	h.parts(frames, image(product(1)), field("at", "5")).want(200)
	h.parts(frames, image([]byte("text")), field("at", "6")).problem(422, "image_format_unsupported")
	h.parts(frames, image(product(1))).problem(400, "input_invalid")
	h.json("POST", frames, `{"frames":[{"pdq":"`+hexOf(1)+`"}]}`).problem(400, "input_invalid")
	h.json("POST", frames, wire.StreamFrames{Frames: make([]wire.StreamFrame, 1001)}).problem(413, "limit_exceeded")
	h.post(frames, "text/plain", nil).problem(415, "content_type_unsupported")
	h.get(one + "/segments").want(200)
	h.get(one+"/segments?after=x").problem(400, "input_invalid")
	h.get(one+"/events?after=x").problem(400, "input_invalid")
	h.delete(one).want(200)
	h.get(one + "/events").want(200)
	h.json("POST", frames, `{"frames":[]}`).problem(409, "stream_ended")
	for _, gone := range []string{"", "/segments", "/events"} {
		h.get(path+"/nothing"+gone).problem(404, "stream_not_found")
	}
	h.delete(path+"/nothing").problem(404, "stream_not_found")
	h.json("POST", path+"/nothing/frames", `{"frames":[]}`).problem(404, "stream_not_found")
}

func walkMatching(h *house) {
	for _, path := range []string{"/v1/match", "/v1/hash", "/v1/compare", "/v1/compare/overlay"} {
		h.parts(path, images(product(1), product(2))...).want(200)
		h.parts(path, images(product(1), []byte("text"))...).problem(422, "image_format_unsupported")
		h.parts(path, image(make([]byte, 21<<20))).problem(413, "limit_exceeded")
		h.parts(path).problem(400, "input_invalid")
		h.post(path, "text/plain", nil).problem(415, "content_type_unsupported")
	}
	h.post("/v1/match?collections=boots", "image/jpeg", product(1)).problem(404, "collection_not_found")
	for _, path := range []string{"/v1/compare", "/v1/compare/overlay"} {
		h.post(path+"?reference=99999", "image/jpeg", product(1)).problem(404, "reference_not_found")
	}
	const path = "/v1/match/hash"
	hashed := into[wire.HashAnswer](h.post("/v1/hash", "image/jpeg", product(1)).want(200)).Results[0].Hashes
	h.json("POST", path, wire.MatchHashRequest{Hashes: []string{hashed.PDQ}}).want(200)
	h.post(path, "application/x-ndjson", []byte(fmt.Sprintf("%q\nnonsense\n", hashed.PDQ))).want(200)
	h.json("POST", path, `{"hashes":["x"]}`).problem(400, "input_invalid")
	h.json("POST", path, `{"hashes":[],"collections":["boots"]}`).problem(404, "collection_not_found")
	h.json("POST", path, strings.Repeat(" ", 33<<20)).problem(413, "limit_exceeded")
	h.post(path, "text/plain", nil).problem(415, "content_type_unsupported")
}
