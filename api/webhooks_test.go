package api_test

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	standard "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"touchstone/api"
	"touchstone/api/fetch"
	"touchstone/api/wire"
	"touchstone/hashindex"
)

// receiver is somebody's server that takes events.
type receiver struct {
	url     string
	deliver *fetch.Fetcher
	came    chan delivery
}

type delivery struct {
	header http.Header
	body   []byte
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{came: make(chan delivery, 100)}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, err := io.ReadAll(q.Body)
		if err != nil {
			t.Error(err)
		}
		r.came <- delivery{q.Header, body}
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(server.Close)
	address := server.Listener.Addr().(*net.TCPAddr).AddrPort()
	r.url = strings.Replace(server.URL, "127.0.0.1", "receiver.example", 1) + "/in?token=s3cret"
	r.deliver = fetch.New(fetch.Config{
		Ports: []uint16{address.Port()}, Allowed: []netip.Prefix{netip.PrefixFrom(address.Addr(), 32)}, Time: 2 * time.Minute,
		Resolve: func(context.Context, string) ([]netip.Addr, error) { return []netip.Addr{address.Addr()}, nil },
	})
	return r
}

func TestWebhooksAreSentWhatHappens(t *testing.T) {
	r := newReceiver(t)
	h := openWith(t, api.Config{Deliver: r.deliver}).ready()
	h.forged = true
	created := into[wire.Webhook](h.json("POST", "/v1/webhooks", wire.NewWebhook{URL: r.url, Events: []string{"reference.*", "hit.*", "decision"}}).want(201))
	h.collection("shoes", "brand")
	added := h.add("shoes", product(1))[0]
	notes := []hashindex.Note{
		{Topic: "hit", Subject: "1", Body: []byte(`{"to":"open"}`)},
		{Topic: "hit", Subject: "1", Body: []byte(`{"from":"open","to":"claimed"}`)},
		{Topic: "hit", Subject: "1", Body: []byte(`{"from":"claimed","to":"confirmed"}`)},
		{Topic: "hit", Subject: "1", Body: []byte(`{"from":"confirmed","to":"confirmed"}`)},
		{Topic: "right", Subject: "1", Body: []byte(`{"to":"verified"}`)},
	}
	_, err := h.index.Transact(t.Context(), "ann", func(w hashindex.Writer) error {
		for _, note := range notes {
			if _, err := w.Append(hashindex.Change{Kind: hashindex.Noted, Note: note}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := standard.NewWebhook(created.Secret)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"reference.added", "hit.recorded", "hit.claimed", "decision", "hit.noted"} {
		d := <-r.came
		if err := verifier.VerifyIgnoringTimestamp(d.body, d.header); err != nil {
			t.Error(err)
		}
		var event struct {
			Type string
			Data wire.Change
		}
		if err := json.Unmarshal(d.body, &event); err != nil || event.Type != want {
			t.Errorf("event %s, %v, want %s", d.body, err, want)
		}
		if ref := event.Data.Reference; want == "reference.added" && (ref == nil || ref.ID != added.ID || ref.Collection != "shoes") {
			t.Errorf("event %s", d.body)
		}
		if note := event.Data.Note; want != "reference.added" && (note == nil || note.Subject != "1" || event.Data.Actor != "ann") {
			t.Errorf("event %s", d.body)
		}
	}
	if got := into[wire.TestDelivery](h.json("POST", "/v1/webhooks/"+created.ID+"/test", ``).want(200)); !got.Delivered || got.Status != 204 {
		t.Errorf("test delivery %+v", got)
	}
	<-r.came
	rotated := into[wire.Webhook](h.json("POST", "/v1/webhooks/"+created.ID+"/secret", `{}`).want(201))
	h.json("POST", "/v1/webhooks/"+created.ID+"/test", ``).want(200)
	d := <-r.came
	for _, secret := range []string{created.Secret, rotated.Secret} {
		if verifier, err = standard.NewWebhook(secret); err != nil {
			t.Fatal(err)
		}
		if err := verifier.VerifyIgnoringTimestamp(d.body, d.header); err != nil {
			t.Error(err)
		}
	}
	metrics := string(h.get("/metrics").want(200).body)
	for _, want := range []string{`touchstone_webhooks{state="enabled"} 1`, `touchstone_webhook_deliveries_total{outcome="delivered"} 5`} {
		if !strings.Contains(metrics, want) {
			t.Errorf("no %s in the metrics", want)
		}
	}
	if log := h.log.String(); strings.Contains(log, strings.TrimPrefix(created.Secret, "whsec_")) || strings.Contains(log, "s3cret") {
		t.Error("the log holds a secret:", log)
	}
}

func TestSecretIsAnsweredOnce(t *testing.T) {
	h := open(t).ready()
	created := into[wire.Webhook](h.json("POST", "/v1/webhooks", `{"url":"https://hooks.example.com/in","events":["*"]}`).want(201))
	if !strings.HasPrefix(created.Secret, "whsec_") || len(created.Secret) < 40 {
		t.Errorf("secret %q", created.Secret)
	}
	rotated := into[wire.Webhook](h.json("POST", "/v1/webhooks/"+created.ID+"/secret", `{}`).want(201))
	if rotated.Secret == created.Secret || !strings.HasPrefix(rotated.Secret, "whsec_") || rotated.Seq <= created.Seq {
		t.Errorf("rotated: %+v", rotated)
	}
	if until := rotated.FormerUntil; until == nil || until.Before(created.Created.Add(24*time.Hour)) {
		t.Errorf("former secrets until %v, want a day from %v", until, created.Created)
	}
	for _, a := range []answer{
		h.get("/v1/webhooks"), h.get("/v1/webhooks/" + created.ID), h.json("PATCH", "/v1/webhooks/"+created.ID, `{"events":["decision"]}`),
		h.json("POST", "/v1/webhooks/"+created.ID+"/replay", `{"after":0}`), h.get("/v1/changes"), h.get("/metrics"),
	} {
		for _, secret := range []string{created.Secret, rotated.Secret} {
			if strings.Contains(string(a.want(200).body), strings.TrimPrefix(secret, "whsec_")) {
				t.Errorf("%s answers the secret", a.asked)
			}
		}
	}
}

func TestWebhooksReachPublicAddressesAlone(t *testing.T) {
	h := open(t).ready()
	for _, url := range []string{"file:///etc/passwd", "http://2130706433/", "http://user:x@hooks.example.com/", "hooks.example.com"} {
		h.json("POST", "/v1/webhooks", wire.NewWebhook{URL: url, Events: []string{"*"}}).problem(422, "url_refused")
	}
	inside := into[wire.Webhook](h.json("POST", "/v1/webhooks", wire.NewWebhook{URL: h.url, Events: []string{"*"}}).want(201)) // a fit text
	got := into[wire.TestDelivery](h.json("POST", "/v1/webhooks/"+inside.ID+"/test", ``).want(200))
	if got.Delivered || got.Status != 0 || !strings.Contains(got.Error, "not public") {
		t.Errorf("%+v", got)
	}
}

func TestChangesAreWaitedFor(t *testing.T) {
	h := openWith(t, api.Config{Limits: api.Limits{Request: 2 * time.Minute}}).ready()
	if got := into[wire.Changes](h.get("/v1/changes?after=0").want(200)); len(got.Changes) != 0 {
		t.Fatalf("%+v", got)
	}
	asked := make(chan answer, 1)
	go func() { asked <- h.get("/v1/changes?after=0&wait=60") }()
	h.collection("shoes", "brand")
	if got := into[wire.Changes]((<-asked).want(200)); len(got.Changes) != 1 || got.Changes[0].Kind != "collection_created" {
		t.Errorf("%+v", got)
	}
	if got := into[wire.Changes](h.get("/v1/changes?after=0&wait=60").want(200)); len(got.Changes) != 1 {
		t.Errorf("what is there already is waited for: %+v", got)
	}
	if got := into[wire.Changes](h.get("/v1/changes?after=1&wait=1").want(200)); len(got.Changes) != 0 || got.Seq != 1 {
		t.Errorf("after a second without a change: %+v", got)
	}
	go func() { asked <- h.get("/v1/changes?after=1&wait=60") }()
	h.server.Stop()
	(<-asked).want(200)
	h.get("/v1/changes?wait=61").problem(400, "input_invalid")
}

func walkWebhooks(h *house) {
	const path = "/v1/webhooks"
	id := into[wire.Webhook](h.json("POST", path, `{"url":"https://hooks.example.com/in","events":["*"],"after":0}`).want(201)).ID
	h.json("POST", path, `{"url":"https://hooks.example.com/in","events":[]}`).problem(400, "input_invalid")
	h.json("POST", path, strings.Repeat(" ", 33<<20)).problem(413, "limit_exceeded")
	h.post(path, "text/plain", nil).problem(415, "content_type_unsupported")
	h.json("POST", path, `{"url":"ftp://hooks.example.com/in","events":["*"]}`).problem(422, "url_refused")
	h.get(path).want(200)
	h.get(path + "/" + id).want(200)
	h.get(path+"/99").problem(404, "webhook_not_found")
	h.get(path+"/x").problem(404, "webhook_not_found")
	h.json("PATCH", path+"/"+id, `{"enabled":false}`).want(200)
	h.json("PATCH", path+"/"+id, `{"events":["?"]}`).problem(400, "input_invalid")
	h.json("PATCH", path+"/"+id, `{"url":"x"}`).problem(422, "url_refused")
	h.json("PATCH", path+"/99", `{}`).problem(404, "webhook_not_found")
	h.do(h.request("PATCH", path+"/"+id, "text/plain", nil)).problem(415, "content_type_unsupported")
	h.json("POST", path+"/99/test", ``).problem(404, "webhook_not_found")
	h.json("POST", path+"/"+id+"/replay", `{"after":0}`).want(200)
	h.json("POST", path+"/"+id+"/replay", `{}`).problem(400, "input_invalid")
	h.json("POST", path+"/"+id+"/replay", `{"after":99999}`).problem(400, "input_invalid")
	h.json("POST", path+"/99/replay", `{"after":0}`).problem(404, "webhook_not_found")
	h.post(path+"/"+id+"/replay", "text/plain", nil).problem(415, "content_type_unsupported")
	h.json("POST", path+"/"+id+"/secret", `{}`).want(201)
	h.json("POST", path+"/"+id+"/secret", `{"overlap_seconds":-1}`).problem(400, "input_invalid")
	h.json("POST", path+"/"+id+"/secret", `{"overlap_seconds":604801}`).problem(400, "input_invalid")
	h.json("POST", path+"/"+id+"/secret", `{"overlap_seconds":18446744074}`).problem(400, "input_invalid")
	h.json("POST", path+"/99/secret", `{}`).problem(404, "webhook_not_found")
	h.post(path+"/"+id+"/secret", "text/plain", nil).problem(415, "content_type_unsupported")
	for range 3 {
		h.json("POST", path+"/"+id+"/secret", `{"overlap_seconds":60}`).want(201)
	}
	if p := h.json("POST", path+"/"+id+"/secret", `{"overlap_seconds":60}`).problem(413, "limit_exceeded"); p.Limit != "webhook_secrets" {
		h.t.Errorf("a sixth secret: %+v", p)
	}
	h.json("POST", path+"/"+id+"/secret", `{"overlap_seconds":0}`).want(201)
	h.get(path + "/" + id + "/dead-letters").want(200)
	h.get(path+"/"+id+"/dead-letters?limit=0").problem(400, "input_invalid")
	h.get(path+"/99/dead-letters").problem(404, "webhook_not_found")
	inside := into[wire.Webhook](h.json("POST", path, wire.NewWebhook{URL: h.url, Events: []string{"*"}}).want(201)).ID
	h.json("POST", path+"/"+inside+"/test", ``).want(200)
	h.delete(path + "/" + inside).want(200)
	h.delete(path + "/" + id).want(200)
	h.delete(path+"/"+id).problem(404, "webhook_not_found")
}
