package api_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"

	"touchstone/api"
	"touchstone/api/keys"
	"touchstone/hashindex"
	"touchstone/hashindex/search/linear"
	"touchstone/hashindex/store/memory"
)

// canary is in all that a client sends, and must be in no log.
const canary = "canary4711"

// sing sends the request with canaries in its headers.
func (h *house) sing(token, method, path, contentType string, body []byte) answer {
	h.t.Helper()
	r := h.request(method, path, contentType, bytes.NewReader(body))
	for _, name := range []string{"Subject", "Cookie", "User-Agent", "Referer", "X-Api-Key", "If-None-Match", "Idempotency-Key", "X-Request-ID"} {
		r.Header.Set(name, canary+"!")
	}
	return h.as(token, r)
}

// song is a form with a canary in each part.
func song(t *testing.T, names ...string) (contentType string, body []byte) {
	t.Helper()
	var text bytes.Buffer
	form := multipart.NewWriter(&text)
	w, err := form.CreateFormFile("image", canary+".jpg")
	if err != nil {
		t.Fatal(err)
	}
	w.Write(append(bytes.Clone(product(1)), canary...))
	for _, name := range names {
		value := canary
		if name == "meta" {
			value = `{"` + canary + `":"` + canary + `"}`
		}
		form.WriteField(name, value)
	}
	form.Close()
	return form.FormDataContentType(), text.Bytes()
}

// TestLogHoldsNothingThatClientsSend sends canaries to every route, in what it takes and in what it does not.
func TestLogHoldsNothingThatClientsSend(t *testing.T) {
	h := open(t).ready()
	token := h.key(keys.New{Scopes: keys.Any})
	h.jsonAs(token, "POST", "/v1/collections", map[string]any{"name": "shoes", "purpose": "brand"}).want(201)
	id := fmt.Sprint(h.index.Seq())
	values := map[string]string{"name": "shoes", "id": id, "file": "start.js"}
	bodies := map[string][]byte{
		"application/json":         []byte(`{"name":"` + canary + `","external_id":"` + canary + `","note":"` + canary + `","url":"http://` + canary + `","hashes":{"pdq":"` + canary + `"}}`),
		"text/csv":                 []byte("external_id,pdq\n" + canary + "," + canary + "\n"),
		"application/x-ndjson":     []byte(`{"` + canary + `":1}`),
		"application/octet-stream": []byte(canary),
		"text/" + canary:           []byte(canary),
	}
	for _, names := range [][]string{nil, {"subject"}, {"external_id", "meta"}, {canary}} {
		contentType, body := song(t, names...)
		bodies[contentType] = body
	}
	for route := range h.server.Needs() {
		method, path, _ := strings.Cut(route, " ")
		for _, query := range []string{"", "?unknown=" + canary, "?limit=" + canary, "?collections=" + canary, "?cursor=" + canary, "?external_id=" + canary} {
			for contentType, body := range bodies {
				for _, each := range []string{token, "tsk_" + canary + "_" + canary} {
					if method == "GET" {
						contentType, body = "", nil
					}
					h.sing(each, method, inPath(path, values)+query, contentType, body)
				}
				if method == "GET" {
					break
				}
			}
		}
	}
	h.sing(token, "POST", "/"+canary, "text/plain", []byte(canary))
	h.sing(token, canary, "/v1/stats", "", nil)
	log := h.log.String()
	for _, secret := range []string{canary, token} {
		if at := strings.Index(log, secret); at >= 0 {
			t.Errorf("the log holds %s: %.300s", secret, log[max(0, at-200):])
		}
	}
	for _, want := range []string{`"route":"/v1/match"`, `"path":"/v1/collections/shoes/references"`, `"route":"none"`, `"status":401`, `"key":"` + h.server.Keys().List()[0].ID + `"`} {
		if !strings.Contains(log, want) {
			t.Errorf("the log lacks %s", want)
		}
	}
}

// bursting is a store whose writes end in a panic, as a bug would have it.
type bursting struct{ *memory.Store }

func (b bursting) Update(write func(hashindex.Writer) error) error {
	return b.Store.Update(func(w hashindex.Writer) error {
		if err := write(w); err != nil {
			return err
		}
		var none []int
		return fmt.Errorf("%d", none[len(none)])
	})
}

func TestCrashTellsTheLogNothingThatClientsSend(t *testing.T) {
	for name, c := range map[string]struct {
		store  hashindex.Storage
		config api.Config
		send   func(h *house, contentType string, body []byte) answer
		want   string
	}{
		"a handler": {bursting{memory.New()}, api.Config{}, func(h *house, _ string, _ []byte) answer {
			return h.sing("tsk_"+canary, "POST", "/v1/collections", "application/json", []byte(`{"name":"`+canary+`","purpose":"brand"}`))
		}, "index out of range"},
		"a decoder": {memory.New(), api.Config{Fingerprint: panicking{}}, func(h *house, contentType string, body []byte) answer {
			return h.sing("tsk_"+canary, "POST", "/v1/match", contentType, body)
		}, "decoder panicked"},
	} {
		h := serve(t, openCrashing(t, c.store), c.config).ready()
		contentType, body := song(t, "subject")
		a := c.send(h, contentType, body)
		if a.status != 500 && a.status != 422 {
			t.Errorf("%s: status %d", name, a.status)
		}
		log := h.log.String()
		if !strings.Contains(log, c.want) || !strings.Contains(log, "goroutine ") {
			t.Errorf("%s: the log lacks the crash: %.300s", name, log)
		}
		for text, where := range map[string]string{log: "log", string(a.body): "answer"} {
			if strings.Contains(strings.ReplaceAll(text, "canary-panic", ""), canary) || where == "answer" && strings.Contains(text, ".go:") {
				t.Errorf("%s: the %s tells too much: %.600s", name, where, text)
			}
		}
	}
}

// openCrashing is an index that nobody checks: its store is not to be trusted.
func openCrashing(t *testing.T, store hashindex.Storage) *hashindex.Index {
	t.Helper()
	index, err := hashindex.Open(hashindex.Config{Store: store, Recipe: "t1", NewSearcher: func(a hashindex.Algorithm) hashindex.Searcher { return linear.New(a.Bits()) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { index.Close() })
	return index
}

// TestBrokenRequestsLeaveNothingInTheLog sends what package http itself refuses.
func TestBrokenRequestsLeaveNothingInTheLog(t *testing.T) {
	h := open(t).ready()
	for _, text := range []string{
		canary + "\r\n\r\n",
		"GET /livez HTTP/1.1\r\n" + canary + "\r\n\r\n",
		"GET /livez HTTP/9.9\r\nHost: " + canary + "\r\n\r\n",
		"GET / " + canary + "\r\n\r\n",
		"POST /v1/hash HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Type: image/jpeg\r\n\r\n" + canary + "\r\n",
	} {
		conn := h.raw(text)
		if a, err := http.ReadResponse(bufio.NewReader(conn), nil); err != nil || a.StatusCode < 400 {
			t.Errorf("%q: %v", text, err)
		}
		io.Copy(io.Discard, conn)
		conn.Close()
	}
	if log := h.log.String(); strings.Contains(log, canary) {
		t.Errorf("the log holds it: %s", log)
	}
}
