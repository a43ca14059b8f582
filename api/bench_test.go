package api_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"testing"

	"touchstone/api"
	"touchstone/api/wire"
	"touchstone/hashindex/store/memory"
)

// BenchmarkMatchHash posts batches over HTTP against 10,000 references.
func BenchmarkMatchHash(b *testing.B) {
	h := open10k(b)
	for _, n := range []int{1, 100, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			asked := wire.MatchHashRequest{}
			for i := range n {
				asked.Hashes = append(asked.Hashes, near(hexOf(i*10), i%32))
			}
			body, err := json.Marshal(asked)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				h.post200(b, "/v1/match/hash", "application/json", body)
			}
			b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "hashes/s")
		})
	}
}

// BenchmarkMatch posts one picture over HTTP.
func BenchmarkMatch(b *testing.B) {
	h := open10k(b)
	b.ReportAllocs()
	for b.Loop() {
		h.post200(b, "/v1/match", "image/jpeg", product(1))
	}
}

func open10k(b *testing.B) *house {
	h := serve(b, openIndex(b, memory.New()), api.Config{}).ready()
	h.listOf(10_000)
	return h
}

// post200 is without the contract, which costs more than the request.
func (h *house) post200(b *testing.B, path, contentType string, body []byte) {
	response, err := h.client.Do(h.request("POST", path, contentType, bytes.NewReader(body)))
	if err != nil {
		b.Fatal(err)
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil || response.StatusCode != 200 {
		b.Fatalf("status %d, %v", response.StatusCode, err)
	}
}
