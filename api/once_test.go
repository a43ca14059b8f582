package api_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"touchstone/api"
	"touchstone/api/idempotency"
	"touchstone/api/wire"
	"touchstone/hashindex"
	"touchstone/hashindex/store/bolt"
	"touchstone/hashindex/store/memory"
)

const replayed = "Idempotent-Replayed"

// keyed is json under an Idempotency-Key.
func (h *house) keyed(key, method, path, body string) answer {
	h.t.Helper()
	return h.under(key, h.request(method, path, "application/json", strings.NewReader(body)))
}

func (h *house) under(key string, r *http.Request) answer {
	h.t.Helper()
	r.Header.Set("Idempotency-Key", key)
	return h.do(r)
}

// again is what sending it once more must be answered.
func (a answer) again(second answer) {
	a.t.Helper()
	if second.status != a.status || !bytes.Equal(second.body, a.body) || second.header.Get("Location") != a.header.Get("Location") ||
		second.header.Get("Content-Type") != a.header.Get("Content-Type") {
		a.t.Errorf("%s: %d %v\n%s\nthe second time: %d %v\n%s", a.asked, a.status, a.header, a.body, second.status, second.header, second.body)
	}
	if a.header.Get(replayed) != "" || second.header.Get(replayed) != "true" {
		a.t.Errorf("%s: %s %q, then %q", a.asked, replayed, a.header.Get(replayed), second.header.Get(replayed))
	}
}

// answersSecret are the operations whose answers nobody keeps.
var answersSecret = []string{"createKey"}

// leavesNoChange are the operations whose effect is in rows alone, which the history does not hold, or whose examples
// are about what is not there.
var leavesNoChange = []string{"openStream", "importLicences", "decideHits"}

// TestPostThatWritesCanBeSentTwice sends every example that the contract has for a POST: with a key it has one
// effect and one answer, and whatever takes no key has no effect at all.
func TestPostThatWritesCanBeSentTwice(t *testing.T) {
	h := open(t).ready()
	h.collection("there", "brand")
	id := h.add("there", product(1))[0].ID
	parameters := strings.NewReplacer("{name}", "there", "{id}", id)
	n := 0
	for path, item := range contract().doc.Paths.Map() {
		if item.Post == nil || item.Post.RequestBody == nil || slices.Contains(answersSecret, item.Post.OperationID) {
			continue
		}
		takesKey := item.Post.Parameters.GetByInAndName("header", "Idempotency-Key") != nil
		for contentType, media := range item.Post.RequestBody.Value.Content {
			for _, example := range examplesOf(media) {
				text, ok := example.(string)
				if !ok {
					text = string(marshal(t, example))
				}
				n++
				send := func() answer {
					return h.under(fmt.Sprint("key ", n), h.request("POST", parameters.Replace(path), contentType, strings.NewReader(text)))
				}
				before := h.seq()
				first := send()
				refused := first.status >= 300 // what it is about is not there
				if changed := h.seq() != before; changed != (takesKey && !refused) && !slices.Contains(leavesNoChange, item.Post.OperationID) {
					t.Errorf("%s: takes a key: %v, changed something: %v", first.asked, takesKey, changed)
				}
				if !takesKey || refused {
					continue
				}
				before = h.seq()
				first.again(send())
				if h.seq() != before {
					t.Errorf("%s: changed something the second time", first.asked)
				}
			}
		}
	}
}

// onlyAsk are the POSTs that change nothing, whose bodies are questions.
var onlyAsk = []string{"match", "matchHash", "compare", "compareOverlay", "hash"}

// twice sends everything that is posted a second time under the same key, and once more with another body.
type twice struct {
	*house
	n    int
	done map[string]bool // by operation
}

// post sends it to the operation's path and is the first answer.
func (h *twice) post(operation, path, contentType, body string) answer {
	h.t.Helper()
	h.n++
	send := func(body string) answer {
		return h.under(fmt.Sprint("twice ", h.n), h.request("POST", path, contentType, strings.NewReader(body)))
	}
	first := send(body)
	if first.status >= 300 {
		h.t.Fatalf("%s: %d %s", first.asked, first.status, first.body)
	}
	before := h.seq()
	second := send(body)
	if operation == "createKey" {
		token := into[wire.CreatedKey](first).Token
		if token == "" || bytes.Contains(second.body, []byte(token)) {
			h.t.Errorf("the token %q is in the second answer, or not in the first: %s", token, second.body)
		}
		second.body = bytes.Replace(second.body, []byte(`"token":""`), []byte(`"token":"`+token+`"`), 1)
	}
	first.again(second)
	send(body+" ").problem(422, "idempotency_key_reused")
	if h.seq() != before {
		h.t.Errorf("%s: changed something the second time", first.asked)
	}
	h.done[operation] = true
	return first
}

// TestEveryPostCanBeSentTwice walks over all routes that the contract has for POST.
func TestEveryPostCanBeSentTwice(t *testing.T) {
	done := postTwice(t)
	for path, item := range contract().doc.Paths.Map() {
		if item.Post == nil {
			continue
		}
		takesKey := item.Post.Parameters.GetByInAndName("header", "Idempotency-Key") != nil
		asks := slices.Contains(onlyAsk, item.Post.OperationID)
		if takesKey == asks || done[item.Post.OperationID] == asks {
			t.Errorf("POST %s: takes a key: %v, was sent twice: %v, only asks: %v", path, takesKey, done[item.Post.OperationID], asks)
		}
	}
}

// postTwice sends a request to every route that takes a key and returns the operations.
func postTwice(t *testing.T) (done map[string]bool) {
	r := newReceiver(t)
	h := &twice{house: openWith(t, api.Config{Access: api.Trusted, Deliver: r.deliver}).ready(), done: map[string]bool{}}
	const plain = "application/json"
	h.post("createCollection", "/v1/collections", plain, `{"name":"shoes","purpose":"brand"}`)
	h.post("addReferences", "/v1/collections/shoes/references", plain, `{"hashes":{"pdq":"`+hexOf(1)+`"}}`)
	reference := h.add("shoes", product(7))[0].ID

	h.json("PUT", "/v1/holders/acme", wire.NewHolder{Name: "Acme"}).want(200)
	right := into[wire.Right](h.post("addRight", "/v1/rights", plain, `{"holder":"acme","kind":"trademark","collections":["shoes"]}`))
	h.post("addLicence", "/v1/licences", plain, `{"right":"`+right.ID+`","seller":"outlet"}`)
	h.post("importLicences", "/v1/licences/import", "text/csv", "right,seller\n"+right.ID+",depot\n")

	for _, listing := range []string{"L-1", "L-2"} {
		h.parts("/v1/match", image(product(7)), field("subject", `{"listing":"`+listing+`","seller":"shop-9"}`)).want(200)
	}
	hits := into[wire.Hits](h.get("/v1/hits").want(200)).Hits
	if len(hits) != 2 {
		t.Fatalf("hits: %+v", hits)
	}
	h.post("decideHit", "/v1/hits/"+hits[0].ID, plain, `{"action":"confirm","reason":"counterfeit"}`)
	h.post("decideHits", "/v1/hits", plain, `{"hits":["`+hits[1].ID+`","999"],"action":"comment","note":"who is that?"}`)
	notice := into[wire.Notice](h.post("addNotice", "/v1/notices", plain, `{"holder":"acme","hits":["`+hits[0].ID+`"],"text":"ours"}`))
	h.post("stepNotice", "/v1/notices/"+notice.ID+"/steps", plain, `{"action":"submit"}`)
	h.post("decideNotice", "/v1/notices/"+notice.ID+"/decisions", plain, `{"action":"accept"}`)
	h.post("releaseQuarantine", "/v1/quarantine/"+quarantined(h.house, reference)+"/release", "", "")

	stream := into[wire.Stream](h.post("openStream", "/v1/streams", plain, `{"subject":"channel-7"}`))
	h.post("feedStream", "/v1/streams/"+stream.ID+"/frames", plain, `{"frames":[{"at":0,"pdq":"`+hexOf(1)+`"}]}`)

	hook := into[wire.Webhook](h.post("createWebhook", "/v1/webhooks", plain, `{"url":"`+r.url+`","events":["decision"]}`))
	h.post("testWebhook", "/v1/webhooks/"+hook.ID+"/test", "", "")
	if len(r.came) > 1 {
		t.Errorf("%d deliveries of one test", len(r.came))
	}
	h.post("replayWebhook", "/v1/webhooks/"+hook.ID+"/replay", plain, `{"after":0}`)
	h.post("rotateWebhookSecret", "/v1/webhooks/"+hook.ID+"/secret", plain, `{"overlap_seconds":3600}`)
	h.post("createKey", "/v1/keys", plain, `{"name":"first","scopes":["admin"]}`)
	return h.done
}

// TestPicturesAreAddedOnceUnderOneKey: clients set another boundary each time that they make a form.
func TestPicturesAreAddedOnceUnderOneKey(t *testing.T) {
	h := open(t).ready()
	h.collection("shoes", "brand")
	h.collection("boots", "brand")
	h.add("boots", product(1))
	h.add("shoes", product(1))
	const path = "/v1/collections/shoes/references"
	send := func(key, boundary string, parts ...string) answer {
		body := ""
		for _, p := range parts {
			name, content, _ := strings.Cut(p, "=")
			body += "--" + boundary + "\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + content + "\r\n"
		}
		body += "--" + boundary + "--\r\n"
		return h.under(key, h.request("POST", path, "multipart/form-data; boundary="+boundary, strings.NewReader(body)))
	}
	picture, other := "image="+string(product(1)), "image="+string(product(2))
	first := send("k", "one", picture, "external_id=a").want(201)
	added := into[wire.AddedReferences](first).References[0]
	if len(added.NearDuplicates) != 1 || len(added.Conflicts) != 1 {
		t.Errorf("near duplicates %+v, conflicts %+v: want one each", added.NearDuplicates, added.Conflicts)
	}
	first.again(send("k", "two", picture, "external_id=a"))
	h.delete("/v1/references/" + added.ID).want(200)
	first.again(send("k", "three", picture, "external_id=a")) // what was done is not done again, even if it was undone
	for name, parts := range map[string][]string{
		"another picture":          {other, "external_id=a"},
		"another id":               {picture, "external_id=b"},
		"another order":            {"external_id=a", picture},
		"one more":                 {picture, "external_id=a", other},
		"less":                     {picture},
		"a shift between the two":  {picture + "x", "external_id=a"},
		"a part under other names": {picture, "meta=a"},
	} {
		t.Run(name, func(t *testing.T) { send("k", "four", parts...).problem(422, "idempotency_key_reused") })
	}
	if list := into[wire.References](h.get(path)).References; len(list) != 1 {
		t.Errorf("%d references, want the first alone", len(list))
	}
}

func TestKeyStandsForOneRequestOfOneRoute(t *testing.T) {
	h := open(t).ready()
	shoes, boots := `{"name":"shoes","purpose":"brand"}`, `{"hashes":{"pdq":"`+hexOf(1)+`"}}`
	first := h.keyed("k", "POST", "/v1/collections", shoes).want(201)
	first.again(h.keyed("k", "POST", "/v1/collections", shoes))
	h.keyed("k", "POST", "/v1/collections/shoes/references", boots).problem(422, "idempotency_key_reused")
	h.under("k", h.request("POST", "/v1/collections", "application/json; charset=utf-8", strings.NewReader(shoes))).want(201)
	h.under("k", h.request("POST", "/v1/collections", "text/csv", strings.NewReader(shoes))).problem(422, "idempotency_key_reused")
	h.keyed("l", "POST", "/v1/collections", shoes).problem(409, "collection_exists")
	h.keyed("l", "POST", "/v1/collections", `{"name":"boots","purpose":"brand"}`).want(201) // nothing was done under it yet
	p := h.keyed(strings.Repeat("k", 256), "POST", "/v1/collections", shoes).problem(413, "limit_exceeded")
	if p.Limit != "idempotency_key_bytes" {
		t.Errorf("limit %q", p.Limit)
	}
	if p := h.keyed("sch\u00fcssel", "POST", "/v1/collections", shoes).problem(400, "input_invalid"); p.Field != "Idempotency-Key" {
		t.Errorf("field %q", p.Field)
	}
}

func TestSecondRequestUnderWayIsRefused(t *testing.T) {
	h := open(t).ready()
	// In process: the pipe is read by the server itself, not by a client ahead of it.
	body, more := io.Pipe()
	first := httptest.NewRequest("POST", "/v1/collections", body)
	first.RemoteAddr = "127.0.0.1:1"
	first.Header.Set("Content-Type", "application/json")
	first.Header.Set("Idempotency-Key", "k")
	recorded := httptest.NewRecorder()
	var answered sync.WaitGroup
	answered.Go(func() { h.server.ServeHTTP(recorded, first) })
	const text = `{"name":"shoes","purpose":"brand"}`
	if _, err := more.Write([]byte(text[:5])); err != nil { // the server is reading it
		t.Fatal(err)
	}
	busy := h.keyed("k", "POST", "/v1/collections", `{"name":"boots","purpose":"brand"}`)
	busy.problem(409, "idempotency_key_busy")
	if busy.header.Get("Retry-After") == "" {
		t.Error("nobody is told when to come back")
	}
	more.Write([]byte(text[5:]))
	more.Close()
	answered.Wait()
	a := answer{t, "the first", recorded.Code, recorded.Header(), recorded.Body.Bytes()}
	a.want(201).again(h.keyed("k", "POST", "/v1/collections", text))
}

// TestSameRequestsAtOnceHaveOneEffect: as many as come, one is carried out and the others are told so.
func TestSameRequestsAtOnceHaveOneEffect(t *testing.T) {
	h := open(t).ready()
	h.collection("shoes", "brand")
	before := h.seq()
	var all sync.WaitGroup
	var mu sync.Mutex
	bodies := map[string]int{}
	for i := range 40 {
		all.Go(func() {
			n := i % 4
			a := h.keyed(fmt.Sprint("key ", n), "POST", "/v1/collections/shoes/references", `{"hashes":{"pdq":"`+hexOf(n)+`"}}`)
			if a.status == 409 {
				a.problem(409, "idempotency_key_busy")
				return
			}
			mu.Lock()
			defer mu.Unlock()
			bodies[string(a.want(201).body)]++
		})
	}
	all.Wait()
	if len(bodies) != 4 || h.seq() != before+4 {
		t.Errorf("answers %v, seq from %d to %d; want four of each", bodies, before, h.seq())
	}
}

// TestRecordsAreForgottenByAgeAndNumber: whatever is forgotten has an effect once more.
func TestRecordsAreForgottenByAgeAndNumber(t *testing.T) {
	clock := newClock()
	index := openIndex(t, memory.New())
	h := serve(t, index, api.Config{Now: clock.now, Limits: api.Limits{Repeats: idempotency.Limits{Records: 50}}}).ready()
	h.collection("shoes", "brand")
	send := func(key int) answer {
		return h.keyed(fmt.Sprint("key ", key), "POST", "/v1/collections/shoes/references", `{"hashes":{"pdq":"`+hexOf(key)+`"}}`).want(201)
	}
	if held := rowsHeld(t, index); held != 0 {
		t.Fatalf("%d rows at first", held)
	}
	first := send(0)
	clock.advance(24 * time.Hour)
	first.again(send(0))
	clock.advance(time.Second)
	second := send(0)
	if second.header.Get(replayed) != "" || bytes.Equal(second.body, first.body) {
		t.Errorf("after 24 hours %s", second.body)
	}
	for key := range 200 {
		clock.advance(time.Second)
		send(key)
	}
	if held := rowsHeld(t, index); held != 2*50+1 {
		t.Errorf("%d rows for the last 50 records, want two each and the totals", held)
	}
	if a := send(199); a.header.Get(replayed) == "" {
		t.Error("the last one was forgotten")
	}
	if a := send(100); a.header.Get(replayed) != "" {
		t.Error("an old one was not forgotten")
	}
	clock.advance(25 * time.Hour)
	for key := range 4 { // each takes more of the old ones away than it brings
		send(1000 + key)
	}
	if held := rowsHeld(t, index); held != 2*4+1 {
		t.Errorf("%d rows once all others were over age, want those of four records", held)
	}
}

func rowsHeld(t *testing.T, index *hashindex.Index) (n int) {
	t.Helper()
	err := index.View(t.Context(), func(r hashindex.Reader) error {
		for _, err := range r.Rows("idempotency", "") {
			if err != nil {
				return err
			}
			n++
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestRecordIsWrittenWithItsEffect opens the store again, and once cuts the server off between the effect and
// the rest of the answer: the key stands for what was done all the same.
func TestRecordIsWrittenWithItsEffect(t *testing.T) {
	folder := t.TempDir()
	live := func(name string, updates int, use func(*house)) {
		t.Run(name, func(t *testing.T) {
			store, err := bolt.Open(folder, bolt.Options{})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { store.Close() })
			use(serve(t, openIndex(t, &cutAfter{Storage: store, updates: updates}), api.Config{}).ready())
		})
	}
	const path = "/v1/collections/shoes/references"
	one, two := `{"external_id":"one","hashes":{"pdq":"`+hexOf(1)+`"}}`, `{"external_id":"two","hashes":{"pdq":"`+hexOf(1)+`"}}`
	var first, second answer
	live("first", 10, func(h *house) {
		h.collection("shoes", "brand")
		first = h.keyed("k", "POST", path, one).want(201)
	})
	live("cut off", 1, func(h *house) { second = h.keyed("l", "POST", path, two).want(201) })
	live("again", 10, func(h *house) {
		first.again(h.keyed("k", "POST", path, one))
		a := h.keyed("l", "POST", path, two).want(201)
		if want := into[wire.AddedReferences](second); len(want.References[0].NearDuplicates) != 1 {
			t.Errorf("answered %+v, want a near duplicate", want)
		}
		got := into[wire.AddedReferences](a).References[0]
		if a.header.Get(replayed) != "true" || got.ID != into[wire.AddedReferences](second).References[0].ID || got.NearDuplicates != nil {
			t.Errorf("answered again %s, first %s: want the same reference, and that nobody looked", a.body, second.body)
		}
	})
}

// cutAfter is a store whose later updates never reach the disk.
type cutAfter struct {
	hashindex.Storage
	updates int
}

var errCut = errors.New("cut off")

func (c *cutAfter) Update(write func(hashindex.Writer) error) error {
	if c.updates--; c.updates < 0 {
		return errCut
	}
	return c.Storage.Update(write)
}

// clock is a clock that a test sets.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) advance(by time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(by)
}
