package api_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"touchstone/api"
	"touchstone/api/keys"
	"touchstone/api/wire"
	"touchstone/hashindex"
)

// key makes a key and returns its token.
func (h *house) key(n keys.New) string {
	h.t.Helper()
	if n.Name == "" {
		n.Name = "key"
	}
	_, token, _, err := h.server.Keys().Create(h.t.Context(), "", n)
	if err != nil {
		h.t.Fatal(err)
	}
	return token
}

// as sends the request with the key.
func (h *house) as(token string, r *http.Request) answer {
	h.t.Helper()
	r.Header.Set("Authorization", "Bearer "+token)
	return h.do(r)
}

func (h *house) getAs(token, path string) answer {
	h.t.Helper()
	return h.as(token, h.request("GET", path, "", nil))
}

func (h *house) jsonAs(token, method, path string, body any) answer {
	h.t.Helper()
	return h.as(token, h.request(method, path, "application/json", bytes.NewReader(marshal(h.t.(*testing.T), body))))
}

// pictureAs sends a form of pictures.
func (h *house) pictureAs(token, path string, contents ...[]byte) answer {
	h.t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for _, content := range contents {
		w, err := form.CreateFormFile("image", "picture")
		if err != nil {
			h.t.Fatal(err)
		}
		w.Write(content)
	}
	form.Close()
	return h.as(token, h.request("POST", path, form.FormDataContentType(), &body))
}

// inPath fills the parameters of a path; what is not named becomes "0", which names nothing.
func inPath(path string, values map[string]string) string {
	return parameters.ReplaceAllStringFunc(path, func(p string) string {
		if value, ok := values[strings.Trim(p, "{}")]; ok {
			return value
		}
		return "0"
	})
}

var parameters = regexp.MustCompile(`\{\w+\}`)

// TestEveryRouteAsksForItsScope walks the server's own table of routes, with every set of scopes.
func TestEveryRouteAsksForItsScope(t *testing.T) {
	var late atomic.Bool
	h := openWith(t, api.Config{Now: func() time.Time {
		if late.Load() {
			return time.Now().Add(time.Hour)
		}
		return time.Now()
	}}).ready()
	tokens, restricted := map[keys.Scope]string{}, map[keys.Scope]string{}
	for s := keys.Match; s <= keys.Any; s++ {
		tokens[s], restricted[s] = h.key(keys.New{Scopes: s}), h.key(keys.New{Scopes: s, Collections: []string{"mine"}})
	}
	expired := h.key(keys.New{Scopes: keys.Any, Expires: time.Now().Add(time.Hour)})
	late.Store(true)
	public := 0
	for route, need := range h.server.Needs() {
		method, path, _ := strings.Cut(route, " ")
		path = inPath(path, nil)
		if need.Public {
			public++
			h.do(h.request(method, path, "", nil)) // whose answer is held against the contract
			continue
		}
		if need.Scopes == 0 || !strings.HasPrefix(path, "/v1/") && path != "/metrics" {
			t.Errorf("%s: scopes %q", route, need.Scopes)
		}
		h.do(h.request(method, path, "", nil)).problem(401, "unauthorized")
		for _, wrong := range []string{"", "nonsense", expired, tokens[keys.Any] + "0"} {
			a := h.as(wrong, h.request(method, path, "", nil))
			if a.problem(401, "unauthorized"); a.header.Get("WWW-Authenticate") == "" {
				t.Errorf("%s: no WWW-Authenticate", route)
			}
		}
		for s := keys.Match; s <= keys.Any; s++ {
			for kind, token := range map[string]string{"whole": tokens[s], "restricted": restricted[s]} {
				a := h.as(token, h.request(method, path, "", nil))
				may := s&(need.Scopes|keys.Admin) != 0 && (kind == "whole" || !need.Whole)
				if a.status == 401 || (a.status == 403) == may {
					t.Errorf("%s with a %s key of %s: status %d, want it let through: %v", route, kind, s, a.status, may)
				}
			}
		}
	}
	if public != 5 {
		t.Errorf("%d routes are public, want /livez, /readyz, /openapi.yaml, and the two of /docs", public)
	}
}

// foreign is a house with a collection that a restricted key reaches, and others that it does not.
// Whatever is in those holds the word in it.
type foreign struct {
	*house
	admin, token string
	mine, theirs wire.AddedReference
}

const secret = "xq7canary"

func openForeign(t *testing.T) *foreign {
	h := open(t).ready()
	f := &foreign{house: h, admin: h.key(keys.New{Scopes: keys.Admin})}
	f.token = h.key(keys.New{Scopes: keys.Any, Collections: []string{"mine", "later"}})
	for _, each := range []wire.NewCollection{{Name: "mine", Purpose: "brand"}, {Name: "theirs-" + secret, Purpose: "brand"}, {Name: "benign-" + secret, Purpose: "benign"}} {
		f.jsonAs(f.admin, "POST", "/v1/collections", each).want(201)
	}
	f.theirs = into[wire.AddedReferences](f.pictureAs(f.admin, "/v1/collections/theirs-"+secret+"/references", product(1)).want(201)).References[0]
	f.jsonAs(f.admin, "PATCH", "/v1/references/"+f.theirs.ID, map[string]any{"note": secret, "meta": map[string]string{secret: secret}}).want(200)
	f.pictureAs(f.admin, "/v1/collections/benign-"+secret+"/references", product(1)).want(201)
	f.jsonAs(f.admin, "POST", "/v1/collections/theirs-"+secret+"/references",
		wire.HashReference{ExternalID: secret, Hashes: wire.Hashes{PDQ: hexOf(1)}}).want(201)
	f.mine = into[wire.AddedReferences](f.pictureAs(f.admin, "/v1/collections/mine/references", product(2)).want(201)).References[0]
	return f
}

// blind fails the test when the answer tells of what the key must not know.
func (f *foreign) blind(a answer) answer {
	f.t.Helper()
	if bytes.Contains(a.body, []byte(secret)) || strings.Contains(fmt.Sprint(a.header), secret) {
		f.t.Errorf("%s tells of another collection: %d %.600s", a.asked, a.status, a.body)
	}
	return a
}

// bodies are requests for the operation, by content type: the contract's examples, and pictures.
func bodies(t *testing.T, method, path string) map[string][][]byte {
	t.Helper()
	operation := contract().doc.Paths.Value(path).GetOperation(method)
	if operation.RequestBody == nil {
		return map[string][][]byte{"": {nil}}
	}
	all := map[string][][]byte{}
	for contentType, media := range operation.RequestBody.Value.Content {
		for _, example := range examplesOf(media) {
			text, ok := example.(string)
			if !ok {
				text = string(marshal(t, example))
			}
			all[contentType] = append(all[contentType], []byte(text))
		}
	}
	if _, ok := operation.RequestBody.Value.Content["image/*"]; ok {
		all["image/jpeg"] = [][]byte{product(1)}
	}
	return all
}

// TestWhatIsInOtherCollectionsIsNotThere walks every route with what a restricted key must not reach,
// and wants the answer that it gives about what is not there.
func TestWhatIsInOtherCollectionsIsNotThere(t *testing.T) {
	f := openForeign(t)
	before := f.everything()
	there := map[string]string{"name": "theirs-" + secret, "id": f.theirs.ID, "file": "start.js"}
	absent := map[string]string{"name": "nowhere", "id": "99999", "file": "start.js"}
	for route := range f.server.Needs() {
		method, path, _ := strings.Cut(route, " ")
		for contentType, texts := range bodies(t, method, path) {
			for _, text := range texts {
				for _, query := range queriesOf(method, path) {
					ask := func(values map[string]string) answer {
						full := inPath(path+query, values)
						return f.as(f.token, f.request(method, full, contentType, bytes.NewReader(text)))
					}
					if !parameters.MatchString(path + query) {
						f.blind(ask(nil))
						continue
					}
					got, want := ask(there), ask(absent)
					replaced := strings.NewReplacer(there["name"], absent["name"], there["id"], absent["id"])
					if a, b := withoutID(replaced.Replace(string(got.body))), withoutID(string(want.body)); got.status != want.status || got.status < 400 && path != "/docs/{file}" || path != "/docs/{file}" && a != b {
						t.Errorf("%s%s %s: %d %.300s\nof what is not there: %d %.300s", route, query, contentType, got.status, a, want.status, b)
					}
				}
			}
		}
	}
	if after := f.everything(); after != before {
		t.Errorf("the other collections changed: from %s\nto %s", before, after)
	}
}

// queriesOf are query strings that name what another route names in its path.
func queriesOf(method, path string) []string {
	switch method + " " + path {
	case "POST /v1/match", "POST /v1/match/hash":
		return []string{"", "?collections={name}"}
	case "POST /v1/compare", "POST /v1/compare/overlay":
		return []string{"?reference={id}"}
	}
	return []string{""}
}

var requestID = regexp.MustCompile(`"request_id":"[^"]*"`)

func withoutID(body string) string { return requestID.ReplaceAllString(body, "") }

// everything is all that is in the other collections.
func (f *foreign) everything() string {
	f.t.Helper()
	var all []string
	for _, name := range []string{"theirs-" + secret, "benign-" + secret} {
		all = append(all, string(f.getAs(f.admin, "/v1/collections/"+name).want(200).body), string(f.getAs(f.admin, "/v1/collections/"+name+"/references").want(200).body))
	}
	return strings.Join(all, "")
}

func TestAnswersOfARestrictedKeyLeaveOthersOut(t *testing.T) {
	f := openForeign(t)
	// What others have is not found, and what of theirs is benign hides nothing.
	asked := into[wire.MatchAnswer](f.blind(f.as(f.token, f.request("POST", "/v1/match", "image/jpeg", bytes.NewReader(product(1))))).want(200))
	if r := asked.Results[0]; r.Status != "no_match" || len(r.SuppressedBy) > 0 {
		t.Errorf("others' picture: %+v", r)
	}
	asked = into[wire.MatchAnswer](f.as(f.token, f.request("POST", "/v1/match", "image/jpeg", bytes.NewReader(product(2)))).want(200))
	if r := asked.Results[0]; len(r.Matches) != 1 || r.Matches[0].ReferenceID != f.mine.ID {
		t.Errorf("one's own picture: %+v", r)
	}
	hashes := into[wire.MatchHashAnswer](f.blind(f.jsonAs(f.token, "POST", "/v1/match/hash", wire.MatchHashRequest{Hashes: []string{hexOf(1)}})).want(200))
	if len(hashes.Results[0].Matches) != 0 {
		t.Errorf("others' hash: %+v", hashes)
	}
	line := f.blind(f.as(f.token, f.request("POST", "/v1/match/hash", "application/x-ndjson", strings.NewReader(fmt.Sprintf("%q\n", hexOf(1)))))).want(200)
	if !bytes.Contains(line.body, []byte(`"matches":[]`)) {
		t.Errorf("others' hash in a stream: %s", line.body)
	}

	// An addition hears that somebody has the same, but not who.
	added := into[wire.AddedReferences](f.blind(f.pictureAs(f.token, "/v1/collections/mine/references", product(1), product(2), product(3))).want(201)).References
	for i, want := range []struct {
		elsewhere  bool
		duplicates int
	}{{true, 0}, {false, 1}, {false, 0}} {
		if a := added[i]; a.ClaimedElsewhere != want.elsewhere || len(a.NearDuplicates) != want.duplicates || len(a.Conflicts) != 0 {
			t.Errorf("addition %d: %+v, want %+v", i, a, want)
		}
	}
	asked = into[wire.MatchAnswer](f.as(f.token, f.request("POST", "/v1/match", "image/jpeg", bytes.NewReader(product(1)))).want(200))
	if r := asked.Results[0]; len(r.Matches) != 1 || r.Matches[0].Collection != "mine" {
		t.Errorf("others' benign picture hides one's own: %+v", r)
	}

	stats := into[wire.Stats](f.blind(f.getAs(f.token, "/v1/stats")).want(200))
	if stats.References != 4 || len(stats.Collections) != 1 || len(stats.Searchers) != 0 || stats.Partial != nil {
		t.Errorf("stats: %+v", stats)
	}
	if list := into[wire.Collections](f.blind(f.getAs(f.token, "/v1/collections")).want(200)).Collections; len(list) != 1 || list[0].Name != "mine" {
		t.Errorf("collections: %+v", list)
	}
}

func TestHistoryOfARestrictedKeyIsItsCollections(t *testing.T) {
	f := openForeign(t)
	f.jsonAs(f.token, "POST", "/v1/collections", wire.NewCollection{Name: "later", Purpose: "work"}).want(201)
	seq := into[wire.Stats](f.getAs(f.admin, "/v1/stats").want(200)).Seq
	var kinds []string
	pages := 0
	for after, page := uint64(0), (wire.Changes{}); page.Next < seq; after = page.Next {
		page = into[wire.Changes](f.blind(f.getAs(f.token, "/v1/changes?limit=2&after="+wireSeq(after))).want(200))
		if page.Next <= after || page.Seq != seq {
			t.Fatalf("after %d: %+v", after, page)
		}
		for _, c := range page.Changes {
			kinds = append(kinds, c.Kind)
		}
		pages++
	}
	if want := []string{"collection_created", "reference_added", "collection_created"}; !slices.Equal(kinds, want) || pages < 4 {
		t.Errorf("got %v in %d pages, want %v", kinds, pages, want)
	}
	whole := into[wire.Changes](f.getAs(f.admin, "/v1/changes?limit=1000").want(200))
	if len(whole.Changes) != int(seq) || whole.Next != seq {
		t.Errorf("an unrestricted key gets %d of %d changes", len(whole.Changes), seq)
	}
}

func TestRestrictedKeyMakesNoOtherCollections(t *testing.T) {
	f := openForeign(t)
	for _, name := range []string{"theirs-" + secret, "new"} { // there or not, the answer is one
		f.jsonAs(f.token, "POST", "/v1/collections", wire.NewCollection{Name: name, Purpose: "brand"}).problem(403, "forbidden")
	}
}

func TestHistoryNamesTheKey(t *testing.T) {
	h := open(t).ready()
	key, token, _, err := h.server.Keys().Create(t.Context(), "", keys.New{Name: "a", Scopes: keys.Admin})
	if err != nil {
		t.Fatal(err)
	}
	h.jsonAs(token, "POST", "/v1/collections", wire.NewCollection{Name: "shoes", Purpose: "brand"}).want(201)
	id := into[wire.AddedReferences](h.pictureAs(token, "/v1/collections/shoes/references", product(1)).want(201)).References[0].ID
	h.jsonAs(token, "PATCH", "/v1/references/"+id, map[string]string{"note": "x"}).want(200)
	h.as(token, h.request("DELETE", "/v1/references/"+id, "", nil)).want(200)
	made := into[wire.CreatedKey](h.jsonAs(token, "POST", "/v1/keys", wire.NewKey{Name: "b", Scopes: []string{"match"}}).want(201))
	h.as(token, h.request("DELETE", "/v1/keys/"+made.Key.ID, "", nil)).want(200)
	h.as(made.Token, h.request("GET", "/v1/stats", "", nil)).problem(401, "unauthorized")
	changes, err := h.index.Changes(t.Context(), 1, 100)
	if err != nil || len(changes) != 6 {
		t.Fatalf("%d changes: %v", len(changes), err)
	}
	for _, c := range changes {
		if c.Actor != key.ID {
			t.Errorf("change %d, %s: actor %q", c.Seq, c.Kind, c.Actor)
		}
	}
}

func TestFirstKeyLeavesADoorOpen(t *testing.T) {
	h := open(t).ready()
	for _, locked := range []wire.NewKey{{Name: "a", Scopes: []string{"match"}}, {Name: "a", Scopes: []string{"admin"}, Collections: []string{"mine"}}} {
		if p := h.json("POST", "/v1/keys", locked).problem(400, "input_invalid"); p.Field != "scopes" {
			t.Errorf("%+v: %+v", locked, p)
		}
	}
	h.get("/v1/stats").want(200)
	made := into[wire.CreatedKey](h.json("POST", "/v1/keys", wire.NewKey{Name: "a", Scopes: []string{"admin"}}).want(201))
	h.get("/v1/stats").problem(401, "unauthorized")
	h.getAs(made.Token, "/v1/stats").want(200)
	if list := into[wire.Keys](h.getAs(made.Token, "/v1/keys").want(200)).Keys; len(list) != 1 || list[0].LastUsed == nil || !list[0].Usable {
		t.Errorf("got %+v", list)
	}
}

func TestQuotaIsShownAndHeld(t *testing.T) {
	var later atomic.Int64 // nanoseconds: the server reads its clock after it has answered, too
	begun := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	h := openWith(t, api.Config{Now: func() time.Time { return begun.Add(time.Duration(later.Load())) }}).ready()
	token := h.key(keys.New{Scopes: keys.Match, Limits: keys.Limits{PerMinute: 2}})
	for n := range 2 {
		a := h.getAs(token, "/v1/limits").want(200)
		if got, want := a.header.Get("RateLimit"), fmt.Sprintf(`"key";r=%d;t=%d`, 1-n, 30*(n+1)); got != want || a.header.Get("RateLimit-Policy") != `"key";q=2;w=60` {
			t.Errorf("request %d: RateLimit %s, want %s; policy %s", n, got, want, a.header.Get("RateLimit-Policy"))
		}
	}
	a := h.getAs(token, "/v1/limits")
	if p := a.problem(429, "rate_limited"); p.Limit != "requests_per_minute" || p.Max != 2 || a.header.Get("Retry-After") != "30" {
		t.Errorf("got %+v, Retry-After %s", p, a.header.Get("Retry-After"))
	}
	later.Add(int64(30 * time.Second))
	h.getAs(token, "/v1/limits").want(200)
}

func TestOnlySoManyRequestsOfAKeyAtOnce(t *testing.T) {
	b := newBlocked()
	h := openWith(t, api.Config{Fingerprint: b}).ready()
	token := h.key(keys.New{Scopes: keys.Match, Limits: keys.Limits{AtOnce: 1}})
	hash := func() answer {
		return h.as(token, h.request("POST", "/v1/hash", "image/jpeg", bytes.NewReader(product(1))))
	}
	first := make(chan answer, 1)
	go func() { first <- hash() }()
	<-b.entered
	a := hash()
	if p := a.problem(429, "rate_limited"); p.Limit != "requests_at_once" || a.header.Get("Retry-After") == "" {
		t.Errorf("got %+v", p)
	}
	close(b.gate)
	(<-first).want(200)
	hash().want(200)
}

func TestKeysRequiredOpensNothingWithoutOne(t *testing.T) {
	h := openWith(t, api.Config{Access: api.KeysRequired}).ready()
	h.get("/v1/stats").problem(401, "unauthorized")
	h.get("/readyz").want(200)
	h.getAs(h.key(keys.New{Scopes: keys.Match}), "/v1/stats").want(200)
}

func TestTrustedCallersNeedNoKey(t *testing.T) {
	h := openWith(t, api.Config{Access: api.Trusted}).ready()
	h.key(keys.New{Scopes: keys.Match})
	h.get("/v1/keys").want(200)
}

func TestClientIsKnownByItsProxyAlone(t *testing.T) {
	for _, test := range []struct {
		proxies, peer string
		want          string // the client; empty: refused
	}{
		{"", "192.0.2.1:9", "192.0.2.1"},
		{"10.0.0.0/8", "10.1.2.3:9", "203.0.113.7"},
		{"10.0.0.0/8", "127.0.0.1:9", "127.0.0.1"},
		{"10.0.0.0/8", "192.0.2.1:9", ""},
		{"fd00::/8", "[fd00::1]:9", "203.0.113.7"},
		{"10.0.0.0/8", "[::ffff:10.1.2.3]:9", "203.0.113.7"},
	} {
		config := api.Config{Access: api.KeysRequired}
		if test.proxies != "" {
			config.Proxies = []netip.Prefix{netip.MustParsePrefix(test.proxies)}
		}
		h := openWith(t, config).ready()
		token := h.key(keys.New{Scopes: keys.Match})
		r := h.request("GET", "/v1/stats", "", nil)
		r.RemoteAddr = test.peer
		r.Header.Set("Authorization", "Bearer "+token)
		// The last but one is what the proxy was told, and anybody can tell a proxy anything.
		r.Header.Set("X-Forwarded-For", "198.51.100.9, 203.0.113.7")
		w := httptest.NewRecorder()
		h.server.ServeHTTP(w, r)
		if (w.Code == 200) != (test.want != "") {
			t.Errorf("%+v: status %d", test, w.Code)
		}
		if test.want != "" && !strings.Contains(h.log.String(), `"peer":"`+test.want+`"`) {
			t.Errorf("%+v: %s", test, h.log)
		}
	}
}

func TestKeysOutliveTheServer(t *testing.T) {
	h := open(t).ready()
	token := h.key(keys.New{Scopes: keys.Match})
	h.getAs(token, "/v1/stats").want(200)
	if err := h.stop(); err != nil {
		t.Fatal(err)
	}
	again := serve(t, h.index, api.Config{}).ready()
	again.getAs(token, "/v1/stats").want(200)
	if used := again.server.Keys().List()[0].LastUsed; used.IsZero() {
		t.Error("a server that stopped did not store when the key was used last")
	}
}

func TestNothingButTheKeysListHoldsKeys(t *testing.T) {
	h := open(t).ready()
	token := h.key(keys.New{Scopes: keys.Admin})
	tail := token[strings.LastIndex(token, "_")+1:]
	for route := range maps.Keys(h.server.Needs()) {
		method, path, _ := strings.Cut(route, " ")
		if method == "GET" {
			if a := h.getAs(token, inPath(path, nil)); bytes.Contains(a.body, []byte(tail)) {
				t.Errorf("%s tells the secret", route)
			}
		}
	}
	var notes int
	for _, c := range into[wire.Changes](h.getAs(token, "/v1/changes").want(200)).Changes {
		if c.Kind == hashindex.Noted.String() {
			notes++
		}
		if text, _ := json.Marshal(c); bytes.Contains(text, []byte("sha256")) {
			t.Errorf("the history holds the digest: %s", text)
		}
	}
	if notes != 1 {
		t.Errorf("%d notes, want one", notes)
	}
}
