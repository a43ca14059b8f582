package api_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"touchstone/api"
	"touchstone/api/fetch"
	"touchstone/api/wire"
)

// gallery serves pictures, the way a stranger's server does: with whatever type it likes.
func gallery(t *testing.T) (base string, served *atomic.Int64, fetcher *fetch.Fetcher) {
	t.Helper()
	served = new(atomic.Int64)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		served.Add(1)
		switch r.URL.Path {
		case "/one":
			w.Header().Set("Content-Type", "text/plain")
			w.Write(product(1))
		case "/text":
			w.Header().Set("Content-Type", "image/jpeg")
			w.Write([]byte("no picture"))
		default:
			w.WriteHeader(http.StatusGone)
		}
	}))
	t.Cleanup(server.Close)
	address := server.Listener.Addr().(*net.TCPAddr).AddrPort()
	return strings.Replace(server.URL, "127.0.0.1", "gallery.example", 1), served, fetch.New(fetch.Config{
		Ports: []uint16{address.Port()}, Allowed: []netip.Prefix{netip.PrefixFrom(address.Addr(), 32)}, Time: 2 * time.Minute,
		Resolve: func(context.Context, string) ([]netip.Addr, error) { return []netip.Addr{address.Addr()}, nil },
	})
}

func TestURLsStandForTheirPictures(t *testing.T) {
	base, _, fetcher := gallery(t)
	h := openWith(t, api.Config{Fetch: fetcher}).ready()
	h.collection("shoes", "brand")
	const path = "/v1/collections/shoes/references"
	added := into[wire.AddedReferences](h.json("POST", path, `{"url":"`+base+`/one","external_id":"one","meta":{"from":"there"}}`).want(201)).References
	if len(added) != 1 || added[0].ExternalID != "one" || added[0].Width == 0 {
		t.Errorf("added %+v", added)
	}
	if got := h.get("/v1/references/" + added[0].ID + "/image").want(200); string(got.body) != string(product(1)) {
		t.Error("the picture is not the one that was fetched")
	}
	result := into[wire.MatchAnswer](h.json("POST", "/v1/match?effort=fast", `{"url":"`+base+`/one","subject":"listing 7"}`).want(200)).Results
	if len(result) != 1 || len(result[0].Matches) != 1 || result[0].Matches[0].ReferenceID != added[0].ID || result[0].Matches[0].Kind != "copy" {
		t.Errorf("matched %+v", result)
	}
	if limits := into[wire.Limits](h.get("/v1/limits").want(200)).Limits; limits["fetch_bytes"] == 0 || limits["fetch_seconds"] == 0 {
		t.Errorf("limits %v", limits)
	}
	for _, path := range []string{path, "/v1/match"} {
		h.json("POST", path, `{"url":"`+base+`/text"}`).problem(422, "image_format_unsupported")
		h.json("POST", path, `{"url":"`+base+`/gone"}`).problem(422, "url_failed")
		h.json("POST", path, `{"url":"http://localhost/"}`).problem(422, "url_refused")
	}
	h.json("POST", path, `{"url":"`+base+`/one","hashes":{"pdq":"`+hexOf(1)+`"}}`).problem(400, "input_invalid")
	h.json("POST", path, `{"url":7}`).problem(400, "body_malformed")
}

func TestServerThatWasNotToldToFetchesNothing(t *testing.T) {
	base, served, _ := gallery(t)
	h := open(t).ready()
	h.collection("shoes", "brand")
	for _, path := range []string{"/v1/collections/shoes/references", "/v1/match"} {
		h.json("POST", path, `{"url":"`+base+`/one"}`).problem(403, "fetch_disabled")
	}
	if n := served.Load(); n != 0 {
		t.Errorf("%d documents were fetched", n)
	}
}
