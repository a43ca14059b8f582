package api_test

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"touchstone/api"
	"touchstone/fixtures"
	"touchstone/hashindex/store/memory"
)

// answered is the status that a handler answers with, without a connection between: fuzzing is fast so.
func answered(t *testing.T, handler http.Handler, r *http.Request) int {
	t.Helper()
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	if w.Code >= 500 {
		t.Errorf("%s %s: %d %.300s", r.Method, r.URL, w.Code, w.Body)
	}
	return w.Code
}

// FuzzMultipart sends bodies of parts: whatever they are, the answer is no fault of the server.
func FuzzMultipart(f *testing.F) {
	h := serve(f, openIndex(f, memory.New()), api.Config{}).ready()
	h.collection("bags", "brand")
	small := fixtures.Bombs()[0].Content
	for _, body := range []string{
		"--b\r\nContent-Disposition: form-data; name=\"image\"; filename=\"x\"\r\n\r\n" + string(small) + "\r\n--b--\r\n",
		"--b\r\nContent-Disposition: form-data; name=external_id\r\n\r\nx\r\n--b\r\nContent-Disposition: form-data; name=meta\r\n\r\n{\"a\":\"b\"}\r\n--b--",
		"--b\r\nContent-Disposition: form-data; name=subject\r\n\r\n{}\r\n--b--\r\n", "--b--", "--b\r\n\r\n", "--b\r\n", "", "preamble\r\n--b \t\r\n\r\n\r\n--b--\r\nepilogue",
		"--b\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: form-data; name*=utf-8''image\r\n\r\n====\r\n--b--\r\n",
	} {
		f.Add(body, false)
		f.Add(body, true)
	}
	f.Fuzz(func(t *testing.T, body string, adds bool) {
		path := map[bool]string{true: "/v1/collections/bags/references", false: "/v1/match"}[adds]
		r := httptest.NewRequest("POST", path, bytes.NewReader([]byte(body)))
		r.Header.Set("Content-Type", "multipart/form-data; boundary=b")
		answered(t, h.server, r)
	})
}

// FuzzCursor asks every list to go on from a place that nobody gave: it is refused, or it is a place.
func FuzzCursor(f *testing.F) {
	h := serve(f, openIndex(f, memory.New()), api.Config{}).ready()
	h.collection("bags", "brand")
	lists := []string{"/v1/collections/bags/references", "/v1/hits", "/v1/holders", "/v1/rights", "/v1/licences", "/v1/sellers", "/v1/quarantine", "/v1/notices"}
	for _, kind := range []byte("rhoilsqn") {
		for _, rest := range [][]byte{{1}, {0xff, 1}, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1}, []byte("acme"), {0}, nil, bytes.Repeat([]byte{0xff}, 12)} {
			f.Add(base64.RawURLEncoding.EncodeToString(append([]byte{kind}, rest...)))
		}
	}
	f.Add("")
	f.Add("not a cursor")
	f.Fuzz(func(t *testing.T, cursor string) {
		for _, list := range lists {
			if code := answered(t, h.server, httptest.NewRequest("GET", list+"?cursor="+url.QueryEscape(cursor), nil)); code != 200 && code != 400 {
				t.Errorf("%s after %q: %d", list, cursor, code)
			}
		}
	})
}
