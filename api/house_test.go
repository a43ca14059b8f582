package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime/multipart"
	"net"
	"net/http"
	"net/textproto"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"touchstone/api"
	"touchstone/api/wire"
	"touchstone/casework"
	"touchstone/casework/pack"
	"touchstone/fixtures"
	"touchstone/hashindex"
	"touchstone/hashindex/align"
	"touchstone/hashindex/fingerprint"
	"touchstone/hashindex/fingerprint/pdq"
	"touchstone/hashindex/fingerprint/worker"
	"touchstone/hashindex/sandbox"
	"touchstone/hashindex/search/linear"
	"touchstone/hashindex/search/searchtest"
	"touchstone/hashindex/store/memory"
	"touchstone/hashindex/store/record"
)

func TestMain(m *testing.M) {
	sandbox.Enter()
	if len(os.Args) == 3 && os.Args[1] == worker.Verb {
		if err := worker.Serve(os.Args[2], os.Stdin, os.Stdout); err != nil {
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

// house is a real server on a random port, over a memory store. Every answer that a test gets is
// held against openapi.yaml, and the index is checked when the test ends.
type house struct {
	t      testing.TB
	server *api.Server
	index  *hashindex.Index
	desk   *casework.Desk
	forged bool // the test writes notes about cases that are not there
	url    string
	client *http.Client
	log    *lockedBuffer
	stop   func() error
}

func open(t *testing.T) *house { return openWith(t, api.Config{}) }

// openWith fills in what the config leaves out.
func openWith(t *testing.T, config api.Config) *house {
	t.Helper()
	return serve(t, openIndex(t, memory.New()), config)
}

func openIndex(t testing.TB, store hashindex.Storage) *hashindex.Index {
	t.Helper()
	index, err := hashindex.Open(hashindex.Config{
		Store: store, Recipe: fingerprint.Recipe,
		NewSearcher:        func(a hashindex.Algorithm) hashindex.Searcher { return linear.New(a.Bits()) },
		NewPartialSearcher: searchtest.NewExhaustive, NewAligner: align.New,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { checkAndClose(t, index) })
	return index
}

// openDesk is a desk that writes what it gathers only when a test says so.
func (h *house) openDesk(index *hashindex.Index) *casework.Desk {
	t := h.t
	t.Helper()
	desk, err := casework.Open(casework.Config{
		Index: index, Variants: pdq.Derive, Flush: time.Hour,
		NewSearcher: func(a hashindex.Algorithm) hashindex.Searcher { return linear.New(a.Bits()) },
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := desk.WaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := desk.Close(); err != nil {
			t.Logf("close: %v", err) // a test may have broken the store, and the check tells
		}
		if h.forged {
			return
		}
		err := desk.Check(context.Background(), func(f hashindex.Finding) { t.Errorf("%s: %s", f.Invariant, f.What) })
		if err != nil {
			t.Errorf("check: %v", err)
		}
	})
	return desk
}

func checkAndClose(t testing.TB, index *hashindex.Index) {
	report, err := index.Check(context.Background())
	if errors.Is(err, hashindex.ErrNotReady) {
		err = nil
	}
	if err != nil || len(report.Findings) > 0 {
		t.Errorf("check: %v %v", report.Findings, err)
	}
	if err := index.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

func serve(t testing.TB, index *hashindex.Index, config api.Config) *house {
	t.Helper()
	h := &house{t: t, index: index, client: &http.Client{Transport: &http.Transport{}}, log: new(lockedBuffer)}
	if config.Casework == nil {
		config.Casework = h.openDesk(index)
	}
	h.desk = config.Casework
	config.History = pack.Codec{Encode: func(c hashindex.Change) ([]byte, error) { return record.Append(nil, c) }, Decode: record.Decode}
	config.Index, config.Variants, config.NewAligner, config.Version = index, pdq.Derive, align.New, "test"
	config.Log = slog.New(slog.NewJSONHandler(h.log, nil))
	if config.Fingerprint == nil {
		config.Fingerprint = fingerprint.New(fingerprint.Limits{})
	}
	var err error
	if h.server, err = api.New(config); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h.url = "http://" + listener.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- h.server.Serve(ctx, listener) }()
	h.stop = sync.OnceValue(func() error { cancel(); return <-served })
	t.Cleanup(func() {
		h.client.CloseIdleConnections()
		if err := h.stop(); err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	return h
}

// ready waits for the searchers.
func (h *house) ready() *house {
	h.t.Helper()
	if err := h.index.WaitReady(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
	return h
}

// answer is what a request got.
type answer struct {
	t      testing.TB
	asked  string
	status int
	header http.Header
	body   []byte
}

// do sends the request and holds the answer against the contract.
func (h *house) do(r *http.Request) answer {
	h.t.Helper()
	response, err := h.client.Do(r)
	if err != nil {
		h.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	a := answer{h.t, r.Method + " " + r.URL.RequestURI(), response.StatusCode, response.Header, body}
	keepContract(h.t, r, a)
	return a
}

func (h *house) request(method, path, contentType string, body io.Reader) *http.Request {
	h.t.Helper()
	r, err := http.NewRequestWithContext(h.t.Context(), method, h.url+path, body)
	if err != nil {
		h.t.Fatal(err)
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	return r
}

func (h *house) get(path string) answer {
	h.t.Helper()
	return h.do(h.request("GET", path, "", nil))
}

func (h *house) delete(path string) answer {
	h.t.Helper()
	return h.do(h.request("DELETE", path, "", nil))
}

// json sends text as it is, and anything else as JSON.
func (h *house) json(method, path string, body any) answer {
	h.t.Helper()
	text, ok := body.(string)
	if !ok {
		marshalled, err := json.Marshal(body)
		if err != nil {
			h.t.Fatal(err)
		}
		text = string(marshalled)
	}
	return h.do(h.request(method, path, "application/json", strings.NewReader(text)))
}

func (h *house) post(path, contentType string, body []byte) answer {
	h.t.Helper()
	return h.do(h.request("POST", path, contentType, bytes.NewReader(body)))
}

// part is a part of a multipart body; a picture when it has content.
type part struct {
	name, text string
	content    []byte
}

func image(content []byte) part    { return part{name: "image", content: append([]byte{}, content...)} }
func field(name, text string) part { return part{name: name, text: text} }
func images(contents ...[]byte) []part {
	var parts []part
	for _, c := range contents {
		parts = append(parts, image(c))
	}
	return parts
}

func (h *house) parts(path string, parts ...part) answer {
	h.t.Helper()
	body, contentType := form(h, parts...)
	return h.post(path, contentType, body.Bytes())
}

// form is a multipart body with its content type.
func form(h *house, parts ...part) (*bytes.Buffer, string) {
	h.t.Helper()
	body := new(bytes.Buffer)
	form := multipart.NewWriter(body)
	for _, p := range parts {
		header := textproto.MIMEHeader{"Content-Disposition": {fmt.Sprintf(`form-data; name=%q`, p.name)}}
		if p.content != nil {
			header.Set("Content-Disposition", fmt.Sprintf(`form-data; name=%q; filename="picture"`, p.name))
		}
		w, err := form.CreatePart(header)
		if err != nil {
			h.t.Fatal(err)
		}
		io.WriteString(w, p.text)
		w.Write(p.content)
	}
	form.Close()
	return body, form.FormDataContentType()
}

// want fails the test unless the answer has this status.
func (a answer) want(status int) answer {
	a.t.Helper()
	if a.status != status {
		a.t.Fatalf("%s: status %d, want %d: %.500s", a.asked, a.status, status, a.body)
	}
	return a
}

// problem fails the test unless the answer is a problem of this status and code.
func (a answer) problem(status int, code string) wire.Problem {
	a.t.Helper()
	p := into[wire.Problem](a)
	if a.status != status || p.Code != code || p.Status != status {
		a.t.Fatalf("%s: status %d, want %d %s: %.500s", a.asked, a.status, status, code, a.body)
	}
	if got := a.header.Get("Content-Type"); got != "application/problem+json" {
		a.t.Errorf("%s: a problem of type %q", a.asked, got)
	}
	return p
}

func into[T any](a answer) (value T) {
	a.t.Helper()
	if err := json.Unmarshal(a.body, &value); err != nil {
		a.t.Fatalf("%s: %v: %.500s", a.asked, err, a.body)
	}
	return value
}

// collection creates one.
func (h *house) collection(name, purpose string) {
	h.t.Helper()
	h.json("POST", "/v1/collections", wire.NewCollection{Name: name, Purpose: purpose}).want(201)
}

// add adds the pictures.
func (h *house) add(collection string, contents ...[]byte) []wire.AddedReference {
	h.t.Helper()
	return into[wire.AddedReferences](h.parts("/v1/collections/"+collection+"/references", images(contents...)...).want(201)).References
}

func (h *house) seq() uint64 {
	h.t.Helper()
	return into[wire.Stats](h.get("/v1/stats").want(200)).Seq
}

// product is an encoded product picture, made once in a run.
func product(n int) []byte {
	made, _ := products.LoadOrStore(n, sync.OnceValue(func() []byte { return fixtures.EncodeJPEG(fixtures.Product(n), 85) }))
	return made.(func() []byte)()
}

var products sync.Map

// hexOf is a PDQ hash of this number in all its words, far from other numbers' hashes.
func hexOf(n int) string {
	word := func(i uint64) uint64 {
		x := (uint64(n)*4 + i + 1) * 0x9e3779b97f4a7c15
		x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
		return (x ^ x>>27) * 0x94d049bb133111eb
	}
	return hashindex.Hash256([4]uint64{word(0), word(1), word(2), word(3)}).String()
}

// lockedBuffer is a log that a test reads while the server writes.
type lockedBuffer struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.all.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.all.String()
}
