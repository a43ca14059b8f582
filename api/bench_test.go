package api_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"touchstone/api"
	"touchstone/api/wire"
	"touchstone/bench/cputime"
	"touchstone/hashindex"
	"touchstone/hashindex/fingerprint"
	"touchstone/hashindex/search/multiindex"
	"touchstone/hashindex/search/searchtest"
	"touchstone/hashindex/store/bolt"
	"touchstone/hashindex/store/memory"
)

// benchSize is 1,000,000 references unless TOUCHSTONE_BENCH_N is set.
func benchSize() int {
	if n, err := strconv.Atoi(os.Getenv("TOUCHSTONE_BENCH_N")); err == nil {
		return n
	}
	return 1_000_000
}

// BenchmarkMatchHash asks the same batches in turn of the searcher alone, of the index in this process
// and over HTTP, whose client is in this process too, and reports what share of each rate the next one
// keeps; of CPU time too, which other work on the machine disturbs less. Half of the hashes have copies.
func BenchmarkMatchHash(b *testing.B) {
	h, searchers := openMany(b)
	for _, c := range []struct {
		algorithm hashindex.Algorithm
		radius    int
	}{{hashindex.PDQ, 31}, {hashindex.PDQ, 16}, {hashindex.PHash, 8}, {hashindex.PHash, 4}} {
		queries := searchtest.Queries(2, codesOf(c.algorithm), 100_000)
		for _, workers := range []int{1, 2} {
			for _, size := range []int{1, 100, 1000} {
				b.Run(fmt.Sprintf("%v/r%d/workers%d/batch%d", c.algorithm, c.radius, workers, size), func(b *testing.B) {
					benchMatchHash(b, h, searchers[c.algorithm], batchesOf(b, c.algorithm, queries, size, c.radius), workers)
				})
			}
		}
	}
}

func codesOf(a hashindex.Algorithm) []hashindex.Hash {
	return searchtest.Codes(1, a.Bits(), benchSize())
}

// hashBatch is one batch in the three forms in which it is asked.
type hashBatch struct {
	query hashindex.HashQuery
	scope hashindex.Scope
	body  []byte
}

func batchesOf(b *testing.B, algorithm hashindex.Algorithm, queries []hashindex.Hash, size, radius int) (batches []hashBatch) {
	for ; len(queries) >= size && len(batches) < 1000; queries = queries[size:] {
		each := hashBatch{query: hashindex.HashQuery{Algorithm: algorithm, Hashes: queries[:size], Radius: radius}}
		each.scope.Allow(1, radius)
		asked := wire.MatchHashRequest{Algorithm: algorithm.String(), Radius: &radius}
		for _, q := range queries[:size] {
			asked.Hashes = append(asked.Hashes, q.String())
		}
		var err error
		if each.body, err = json.Marshal(asked); err != nil {
			b.Fatal(err)
		}
		batches = append(batches, each)
	}
	return batches
}

func benchMatchHash(b *testing.B, h *house, searcher hashindex.Searcher, batches []hashBatch, workers int) {
	ways := []func(hashBatch) int{
		func(a hashBatch) int {
			found, err := searcher.Search(b.Context(), a.query.Hashes, a.scope, nil)
			if err != nil {
				b.Fatal(err)
			}
			return len(found)
		},
		func(a hashBatch) int {
			answer, err := h.index.MatchHashes(b.Context(), a.query)
			if err != nil {
				b.Fatal(err)
			}
			return len(answer.Results)
		},
		func(a hashBatch) int { return h.post200(b, "/v1/match/hash", "application/json", a.body) },
	}
	var took, worked [3]time.Duration
	asked, at := 0, 0
	for b.Loop() {
		for w, way := range ways {
			begun, before := time.Now(), cputime.Process()
			var wait sync.WaitGroup
			for i := range workers {
				// A third of the way apart, so that none finds its part of the tables in the cache.
				wait.Go(func() { way(batches[(at+i+w*len(batches)/len(ways))%len(batches)]) })
			}
			wait.Wait()
			took[w] += time.Since(begun)
			worked[w] += cputime.Process() - before
		}
		asked += workers * len(batches[0].query.Hashes)
		at += workers
	}
	rate := func(w int) float64 { return float64(asked) / took[w].Seconds() }
	b.ReportMetric(rate(0), "searcher/s")
	b.ReportMetric(rate(1), "index/s")
	b.ReportMetric(rate(2), "http/s")
	b.ReportMetric(100*rate(1)/rate(0), "%index/searcher")
	b.ReportMetric(100*rate(2)/rate(1), "%http/index")
	b.ReportMetric(100*worked[1].Seconds()/worked[2].Seconds(), "%http/index-cpu")
	b.ReportMetric(0, "ns/op") // of all three together
}

// openMany is a server over a store on disk with benchSize references, and the searchers of their
// hashes.
func openMany(b *testing.B) (*house, map[hashindex.Algorithm]hashindex.Searcher) {
	store, err := bolt.Open(b.TempDir(), bolt.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { store.Close() })
	searchers := map[hashindex.Algorithm]hashindex.Searcher{}
	index, err := hashindex.Open(hashindex.Config{
		Store: store, Recipe: fingerprint.Recipe,
		NewSearcher: func(a hashindex.Algorithm) hashindex.Searcher {
			if searchers[a] == nil { // the space of lone pHashes comes last
				searchers[a] = multiindex.New(a.Bits())
				return searchers[a]
			}
			return multiindex.New(a.Bits())
		},
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { index.Close() })
	h := serve(b, index, api.Config{}).ready()
	h.collection("list", "work")
	pdq, phash := codesOf(hashindex.PDQ), codesOf(hashindex.PHash)
	news := make([]hashindex.NewReference, 0, hashindex.MaxHashes)
	for i := range pdq {
		news = append(news, hashesOf(fmt.Sprintf("sku-%09d", i), hashindex.Hashes{hashindex.PDQ: pdq[i], hashindex.PHash: phash[i]}))
		if len(news) == cap(news) || i == len(pdq)-1 {
			if _, _, err := index.AddReferences(b.Context(), "", "list", news); err != nil {
				b.Fatal(err)
			}
			news = news[:0]
		}
	}
	return h, searchers
}

func hashesOf(externalID string, hashes hashindex.Hashes) hashindex.NewReference {
	frame := hashindex.Frame{Fingerprint: hashindex.Fingerprint{Recipe: fingerprint.Recipe, Quality: hashindex.QualityUnknown, Hashes: hashes}}
	return hashindex.NewReference{ExternalID: externalID, Picture: hashindex.Picture{Frames: []hashindex.Frame{frame}}}
}

// BenchmarkMatch posts one picture over HTTP.
func BenchmarkMatch(b *testing.B) {
	h := serve(b, openIndex(b, memory.New()), api.Config{}).ready()
	h.listOf(10_000)
	b.ReportAllocs()
	for b.Loop() {
		h.post200(b, "/v1/match", "image/jpeg", product(1))
	}
}

// post200 is without the contract, which costs more than the request.
func (h *house) post200(b *testing.B, path, contentType string, body []byte) int {
	response, err := h.client.Do(h.request("POST", path, contentType, bytes.NewReader(body)))
	if err != nil {
		b.Fatal(err)
	}
	defer response.Body.Close()
	n, err := io.Copy(io.Discard, response.Body)
	if err != nil || response.StatusCode != 200 {
		b.Fatalf("status %d, %v", response.StatusCode, err)
	}
	return int(n)
}
