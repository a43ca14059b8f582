package hashindex_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"touchstone/hashindex"
	"touchstone/hashindex/search/multiindex"
	"touchstone/hashindex/store/bolt"
)

// benchReferences is TOUCHSTONE_BENCH_N, or a number that takes seconds.
func benchReferences() int {
	if n, err := strconv.Atoi(os.Getenv("TOUCHSTONE_BENCH_N")); err == nil {
		return n
	}
	return 100_000
}

func newMultiindex(a hashindex.Algorithm) hashindex.Searcher { return multiindex.New(a.Bits()) }

// opened is an index on the folder, with or without searchers in memory.
func opened(b *testing.B, folder string, newSearcher func(hashindex.Algorithm) hashindex.Searcher) (*hashindex.Index, func()) {
	b.Helper()
	store, err := bolt.Open(folder, bolt.Options{})
	if err != nil {
		b.Fatal(err)
	}
	index, err := hashindex.Open(hashindex.Config{Store: store, Recipe: recipe, NewKept: newTree, NewSearcher: newSearcher})
	if err != nil {
		b.Fatal(err)
	}
	return index, func() {
		if err := index.Close(); err != nil {
			b.Fatal(err)
		}
		if err := store.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// fillFolder adds references with hashes of these algorithms and saves what is kept.
func fillFolder(b *testing.B, folder string, n int, algorithms ...hashindex.Algorithm) {
	b.Helper()
	index, shut := opened(b, folder, nil)
	defer shut()
	policy := hashindex.DefaultPolicy()
	if _, _, err := index.CreateCollection(b.Context(), "", hashindex.Collection{Name: "c", Purpose: hashindex.Brand, Policy: policy}); err != nil {
		b.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, uint64(n)))
	for first := 0; first < n; first += 10_000 {
		news := make([]hashindex.NewReference, min(10_000, n-first))
		for i := range news {
			var print hashindex.Fingerprint
			print.Recipe, print.Quality = recipe, hashindex.QualityUnknown
			for _, a := range algorithms {
				print.Hashes[a] = randomHash(r, a.Bits())
			}
			news[i].Picture.Frames = []hashindex.Frame{{Fingerprint: print}}
		}
		if _, _, err := index.AddReferences(b.Context(), "", "c", news); err != nil {
			b.Fatal(err)
		}
	}
}

// askOne looks one hash up that no reference is near.
func askOne(b *testing.B, index *hashindex.Index, r *rand.Rand, a hashindex.Algorithm) {
	b.Helper()
	query := hashindex.HashQuery{Algorithm: a, Hashes: []hashindex.Hash{randomHash(r, a.Bits())}, Radius: map[int]int{64: 4, 256: 31}[a.Bits()]}
	if _, err := index.MatchHashes(context.Background(), query); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkOpen measures searching the data folder against loading it. answer is from opening the store
// to the first answer, out of the tree in the file; loaded is until the multi-index in memory answers;
// kept and memory are look-ups by the one and by the other then.
func BenchmarkOpen(b *testing.B) {
	all := hashindex.Algorithms()
	n := benchReferences()
	for name, algorithms := range map[string][]hashindex.Algorithm{"pdq": all[:1], "phash": all[1:2], "four": all} {
		folder := b.TempDir()
		fillFolder(b, folder, n, algorithms...)
		r := rand.New(rand.NewPCG(2, 2))
		first := algorithms[0]
		title := func(what string) string { return fmt.Sprintf("%s/n=%d/%s", name, n, what) }
		b.Run(title("answer"), func(b *testing.B) {
			for b.Loop() {
				index, shut := opened(b, folder, nil)
				if err := index.WaitReady(b.Context()); err != nil {
					b.Fatal(err)
				}
				askOne(b, index, r, first)
				shut()
			}
		})
		b.Run(title("loaded"), func(b *testing.B) {
			for b.Loop() {
				index, shut := opened(b, folder, newMultiindex)
				if err := index.WaitLoaded(b.Context()); err != nil {
					b.Fatal(err)
				}
				askOne(b, index, r, first)
				shut()
			}
		})
		for what, newSearcher := range map[string]func(hashindex.Algorithm) hashindex.Searcher{"kept": nil, "memory": newMultiindex} {
			b.Run(title(what), func(b *testing.B) {
				index, shut := opened(b, folder, newSearcher)
				defer shut()
				if err := index.WaitLoaded(b.Context()); err != nil {
					b.Fatal(err)
				}
				for b.Loop() {
					askOne(b, index, r, first)
				}
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "lookups/s")
			})
		}
	}
}
