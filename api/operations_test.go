package api_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"touchstone/api"
	"touchstone/api/wire"
	"touchstone/hashindex"
	"touchstone/hashindex/fingerprint"
	"touchstone/hashindex/search/linear"
	"touchstone/hashindex/store/memory"
)

// gated is a searcher that takes nothing in until the gate opens.
type gated struct {
	hashindex.Searcher
	gate chan struct{}
}

func (g gated) Apply(edits []hashindex.Edit) { <-g.gate; g.Searcher.Apply(edits) }

func TestLoadingServerIsAliveButNotReady(t *testing.T) {
	store := memory.New()
	before := serve(t, openIndex(t, store), api.Config{}).ready()
	before.listOf(3)
	before.stop()

	gate := make(chan struct{})
	index, err := hashindex.Open(hashindex.Config{
		Store: store, Recipe: fingerprint.Recipe,
		NewSearcher: func(a hashindex.Algorithm) hashindex.Searcher { return gated{linear.New(a.Bits()), gate} },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { checkAndClose(t, index) })
	h := serve(t, index, api.Config{})
	h.get("/livez").want(200)
	if a := h.get("/readyz"); a.problem(503, "not_ready").Detail == "" || a.header.Get("Retry-After") == "" {
		t.Errorf("got %s", a.body)
	}
	h.post("/v1/match", "image/jpeg", product(1)).problem(503, "not_ready")
	h.json("POST", "/v1/match/hash", wire.MatchHashRequest{}).problem(503, "not_ready")
	h.post("/v1/match/hash", "application/x-ndjson", nil).problem(503, "not_ready")
	h.parts("/v1/collections/list/references", image(product(1))).problem(503, "not_ready")
	if stats := into[wire.Stats](h.get("/v1/stats").want(200)); stats.Ready || stats.References != 3 {
		t.Errorf("got %+v", stats)
	}
	h.get("/v1/collections/list/references").want(200)
	close(gate)
	h.ready()
	h.get("/readyz").want(200)
	h.post("/v1/match", "image/jpeg", product(1)).want(200)
}

func TestStoppingServerSaysSoAndAnswersWhatIsUnderWay(t *testing.T) {
	blocked := newBlocked()
	h := openWith(t, api.Config{Fingerprint: blocked}).ready()
	answered := make(chan answer, 1)
	go func() { answered <- h.post("/v1/hash", "image/jpeg", product(1)) }()
	<-blocked.entered
	h.server.Stop()
	h.get("/readyz").problem(503, "stopping")
	h.get("/livez").want(200)
	stopped := make(chan error, 1)
	go func() { stopped <- h.stop() }()
	close(blocked.gate)
	(<-answered).want(200)
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	if _, err := h.client.Do(h.request("GET", "/livez", "", nil)); err == nil {
		t.Error("a stopped server answers")
	}
}

func TestMetricsCountWhatHappened(t *testing.T) {
	h := open(t).ready()
	h.collection("shoes", "brand")
	h.add("shoes", product(1))
	h.post("/v1/match", "image/jpeg", product(1)).want(200)
	h.post("/v1/match", "image/jpeg", []byte("text")).problem(422, "image_format_unsupported")
	h.get("/v1/nowhere/"+strings.Repeat("x", 50)).problem(404, "route_not_found")
	text := string(h.get("/metrics").want(200).body)
	for _, want := range []string{
		`touchstone_http_request_duration_seconds_count{method="POST",route="/v1/match",status="200"} 1`,
		`touchstone_http_request_duration_seconds_count{method="POST",route="/v1/collections/{name}/references",status="201"} 1`,
		`touchstone_http_request_duration_seconds_count{method="GET",route="none",status="404"} 1`,
		`touchstone_refusals_total{code="image_format_unsupported"} 1`,
		`touchstone_decode_duration_seconds_count 3`,
		`touchstone_picture_stage_duration_seconds_count{stage="decode"} 3`,
		`touchstone_picture_stage_duration_seconds_count{stage="hash"} 2`,
		`touchstone_pictures_decoded_total 2`,
		`touchstone_match_duration_seconds_count{query="picture_full"} 1`,
		`touchstone_references{collection="shoes",purpose="brand"} 1`,
		`touchstone_seq 2`,
		`touchstone_ready 1`,
		`touchstone_lane_active{lane="quick"} 1`, // this request
		`touchstone_lane_active{lane="picture"} 0`,
		`touchstone_lane_waiting{lane="write"} 0`,
		`touchstone_lane_turned_away_total{lane="picture"} 0`,
		`touchstone_held_bytes 0`,
		`touchstone_build_info{`,
		`go_goroutines `,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s", want)
		}
	}
}

func TestLimitsAreThoseEnforced(t *testing.T) {
	h := open(t).ready()
	h.collection("shoes", "brand")
	limits := into[wire.Limits](h.get("/v1/limits").want(200)).Limits
	reference := func(body string) answer { return h.json("POST", "/v1/collections/shoes/references", body) }
	for limit, a := range map[string]answer{
		"external_id_bytes": reference(`{"hashes":{"pdq":"` + hexOf(1) + `"},"external_id":"` + strings.Repeat("x", 257) + `"}`),
		"meta_bytes":        reference(`{"hashes":{"pdq":"` + hexOf(1) + `"},"meta":{"a":"` + strings.Repeat("x", 16<<10) + `"}}`),
		"image_bytes":       h.post("/v1/hash", "image/jpeg", make([]byte, 20<<20+1)),
		"document_bytes":    h.json("POST", "/v1/match/hash", strings.Repeat(" ", 32<<20+1)),
	} {
		if p := a.problem(413, "limit_exceeded"); p.Limit != limit || p.Max != limits[limit] {
			t.Errorf("%s is %d at /v1/limits: %+v", limit, limits[limit], p)
		}
	}
	id := h.add("shoes", product(1))[0].ID
	p := h.json("PATCH", "/v1/references/"+id, map[string]string{"note": strings.Repeat("x", 5000)}).problem(413, "limit_exceeded")
	if p.Limit != "note_bytes" || p.Max != limits["note_bytes"] {
		t.Errorf("got %+v", p)
	}
}

func TestChangesAreAChainFromTheStart(t *testing.T) {
	h := open(t).ready()
	h.collection("shoes", "brand")
	id := h.add("shoes", product(1), product(2))[0].ID
	h.json("PATCH", "/v1/references/"+id, `{"note":"x"}`).want(200)
	h.delete("/v1/collections/shoes?references=remove").want(200)
	note := hashindex.Note{Topic: "example", Subject: "7", Body: []byte(`{"from":null,"to":{"n":[1]}}`)}
	_, err := h.index.Transact(t.Context(), "lab", func(w hashindex.Writer) error {
		_, err := w.Append(hashindex.Change{Kind: hashindex.Noted, Note: note})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	var kinds []string
	prev, after := strings.Repeat("0", 64), "0"
	for {
		page := into[wire.Changes](h.get("/v1/changes?limit=2&after=" + after).want(200))
		for _, c := range page.Changes {
			if c.Prev != prev {
				t.Errorf("change %d does not follow the one before", c.Seq)
			}
			if noted := c.Kind == "noted"; noted != (c.Note != nil) || noted == ((c.Collection == nil) != (c.Reference == nil)) {
				t.Errorf("change %d: %+v", c.Seq, c)
			}
			if of := c.Note; of != nil && (c.Actor != "lab" || of.Topic != note.Topic || of.Subject != note.Subject || string(of.Body) != string(note.Body)) {
				t.Errorf("noted %+v by %q", of, c.Actor)
			}
			prev, after = c.Digest, wireSeq(c.Seq)
			kinds = append(kinds, c.Kind)
		}
		if len(page.Changes) == 0 {
			break
		}
	}
	want := "collection_created reference_added reference_added reference_changed reference_removed reference_removed collection_removed noted"
	if got := strings.Join(kinds, " "); got != want {
		t.Errorf("got %s", got)
	}
}

func TestHeadAndOptionsAreAnswered(t *testing.T) {
	h := open(t).ready()
	h.collection("shoes", "brand")
	id := h.add("shoes", product(1))[0].ID
	for _, path := range []string{"/livez", "/readyz", "/v1/collections", "/v1/collections/shoes", "/v1/references/" + id, "/v1/references/" + id + "/image", "/metrics", "/docs", "/openapi.yaml"} {
		if a := h.do(h.request("HEAD", path, "", nil)).want(200); len(a.body) != 0 {
			t.Errorf("HEAD %s: %d bytes", path, len(a.body))
		}
		a := h.do(h.request("OPTIONS", path, "", nil)).want(204)
		if allow := a.header.Get("Allow"); !strings.Contains(allow, "GET") || !strings.Contains(allow, "HEAD") || !strings.Contains(allow, "OPTIONS") {
			t.Errorf("OPTIONS %s: Allow %q", path, allow)
		}
	}
	h.do(h.request("HEAD", "/v1/collections/boots", "", nil)).want(404)
	a := h.do(h.request("GET", "/v1/match", "", nil))
	a.problem(405, "method_not_allowed")
	if allow := a.header.Get("Allow"); !strings.Contains(allow, "POST") {
		t.Errorf("Allow %q", allow)
	}
}

func TestEveryAnswerIsSealed(t *testing.T) {
	h := open(t).ready()
	for _, path := range []string{"/livez", "/v1/stats", "/nowhere", "/docs", "/openapi.yaml", "/metrics"} {
		a := h.get(path)
		csp := a.header.Get("Content-Security-Policy")
		if a.header.Get("X-Content-Type-Options") != "nosniff" || !strings.HasPrefix(csp, "default-src 'none'") || a.header.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%s: %v", path, a.header)
		}
		if a.header.Get("Access-Control-Allow-Origin") != "" || a.header.Get("Server") != "" {
			t.Errorf("%s: %v", path, a.header)
		}
	}
}

func TestRequestIDIsTheCallersWhenItIsHarmless(t *testing.T) {
	h := open(t).ready()
	for given, kept := range map[string]bool{"job-4711": true, "": false, "a b": false, strings.Repeat("x", 65): false, `"}`: false} {
		r := h.request("GET", "/v1/references/1", "", nil)
		r.Header.Set("X-Request-ID", given)
		r.Header.Set("X-Forwarded-For", "203.0.113.7")
		a := h.do(r)
		p := a.problem(404, "reference_not_found")
		if got := a.header.Get("X-Request-ID"); got == "" || got != p.RequestID || (got == given) != kept {
			t.Errorf("given %q, answered %q and %q", given, got, p.RequestID)
		}
		if !strings.Contains(h.log.String(), `"request_id":"`+p.RequestID+`"`) {
			t.Errorf("%s is not in the log", p.RequestID)
		}
	}
	if strings.Contains(h.log.String(), "203.0.113.7") {
		t.Error("the log believes X-Forwarded-For")
	}
}

var elsewhere = regexp.MustCompile(`(?:src|href|url)\s*[=:]\s*"?\s*(?:https?:)?//`)

func TestDocsAskNothingOfOtherServers(t *testing.T) {
	h := open(t).ready()
	page := string(h.get("/docs").want(200).body)
	if elsewhere.MatchString(page) {
		t.Errorf("the page names another server:\n%s", page)
	}
	files := regexp.MustCompile(`"(/docs/[^"]+)"`).FindAllStringSubmatch(page, -1)
	if len(files) != 3 {
		t.Fatalf("the page has the files %v", files)
	}
	for _, file := range files {
		a := h.get(file[1]).want(200)
		if kind := a.header.Get("Content-Type"); !strings.HasPrefix(kind, "text/css") && !strings.HasPrefix(kind, "text/javascript") {
			t.Errorf("%s is of type %q", file[1], kind)
		}
	}
	h.get("/docs/LICENSE").want(200)
	for _, path := range []string{"/docs/nothing.js", "/docs/..%2fopenapi.yaml", "/docs/%2e%2e", "/docs/../../go.mod"} {
		if a := h.get(path); a.status != 404 {
			t.Errorf("%s: status %d", path, a.status)
		}
	}
	if got := h.get("/openapi.yaml").want(200); string(got.body) != string(api.Contract) {
		t.Error("the contract that is served is another one")
	}
}

func TestServerHasEveryTimeout(t *testing.T) {
	s := open(t).ready().server.HTTPServer()
	if s.ReadHeaderTimeout <= 0 || s.ReadTimeout <= 0 || s.WriteTimeout <= s.ReadTimeout || s.IdleTimeout <= 0 || s.MaxHeaderBytes <= 0 {
		t.Errorf("got %+v", s)
	}
	h := open(t).ready()
	r := h.request("GET", "/livez", "", nil)
	r.Header.Set("X-Long", strings.Repeat("x", 64<<10))
	response, err := h.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("status %d", response.StatusCode)
	}
}
