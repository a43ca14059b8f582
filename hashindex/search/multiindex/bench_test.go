package multiindex

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync/atomic"
	"testing"

	"touchstone/hashindex"
	"touchstone/hashindex/search/linear"
	"touchstone/hashindex/search/searchtest"
)

// benchSize is 1,000,000 entries unless TOUCHSTONE_BENCH_N is set.
func benchSize() int {
	if n, err := strconv.Atoi(os.Getenv("TOUCHSTONE_BENCH_N")); err == nil {
		return n
	}
	return 1_000_000
}

// batch is about as many hashes as an index asks for at once.
const batch = 250

// BenchmarkSearch looks up clustered codes, with a linear scan beside it: near probes have copies,
// far ones have none, and turned ones come eight a call of which one may have copies, as the
// symmetries of a picture do. Batches are of 250, in parallel on every processor.
func BenchmarkSearch(b *testing.B) {
	for _, c := range []struct {
		bits  int
		radii []int
	}{{64, []int{4, 8, 10}}, {256, []int{16, 31, 48}}} {
		codes := searchtest.Codes(1, c.bits, benchSize())
		near, far := split(searchtest.Queries(2, codes, 32*batch))
		ix, scan := New(c.bits), linear.New(c.bits)
		ix.Apply(additions(codes))
		scan.Apply(additions(codes))
		for _, radius := range c.radii {
			run := func(name string, s hashindex.Searcher, probes []hashindex.Hash, each int) {
				b.Run(fmt.Sprintf("%dbits/r%d/%s", c.bits, radius, name), func(b *testing.B) {
					benchSearch(b, s, probes, radius, each)
				})
			}
			run("near", ix, near, 1)
			run("far", ix, far, 1)
			run("mixed", ix, mix(near, far, 2), 1)
			run("turned", ix, mix(near, far, 8), 8)
			run("batch", ix, mix(near, far, 2), batch)
			run("linear", scan, mix(near, far, 2), 1)
			run("linear-eight", scan, mix(near, far, 2), 8)
			b.Run(fmt.Sprintf("%dbits/r%d/parallel", c.bits, radius), func(b *testing.B) {
				benchParallel(b, ix, mix(near, far, 2), radius)
			})
		}
	}
}

func split(queries []hashindex.Hash) (near, far []hashindex.Hash) {
	for i := 0; i < len(queries); i += 2 {
		near, far = append(near, queries[i]), append(far, queries[i+1])
	}
	return near, far
}

// mix has one near probe in so many.
func mix(near, far []hashindex.Hash, in int) []hashindex.Hash {
	mixed := make([]hashindex.Hash, len(far))
	for i := range far {
		mixed[i] = far[i]
		if i%in == 0 {
			mixed[i] = near[i]
		}
	}
	return mixed
}

func benchSearch(b *testing.B, s hashindex.Searcher, probes []hashindex.Hash, radius, each int) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var found []hashindex.Found
	answers, at := 0, 0
	before := threadTime()
	for b.Loop() {
		found, _ = s.Search(context.Background(), probes[at:at+each], scopeOf(radius), found[:0])
		answers += len(found)
		at = (at + each) % len(probes)
	}
	lookups := float64(b.N * each)
	b.ReportMetric(lookups/(threadTime()-before).Seconds(), "lookups/cpu-s")
	b.ReportMetric(lookups/b.Elapsed().Seconds(), "lookups/s")
	b.ReportMetric(float64(answers)/lookups, "found/lookup")
	if ix, ok := s.(*Index); ok {
		const sample = 512
		b.ReportMetric(float64(candidates(ix, probes[:sample], radius))/sample, "candidates/lookup")
	}
	stats := s.Stats()
	b.ReportMetric(float64(stats.Bytes)/float64(stats.Entries), "B/hash")
}

// benchParallel asks in batches from as many goroutines as there are processors.
func benchParallel(b *testing.B, s hashindex.Searcher, probes []hashindex.Hash, radius int) {
	var next atomic.Int64
	before := processTime()
	b.RunParallel(func(pb *testing.PB) {
		var found []hashindex.Found
		for pb.Next() {
			at := int(next.Add(batch)) % len(probes)
			found, _ = s.Search(context.Background(), probes[at:at+batch], scopeOf(radius), found[:0])
		}
	})
	lookups := float64(b.N * batch)
	b.ReportMetric(lookups/(processTime()-before).Seconds(), "lookups/cpu-s")
	b.ReportMetric(lookups/b.Elapsed().Seconds(), "lookups/s")
	b.ReportMetric(float64(runtime.GOMAXPROCS(0)), "threads")
}

// candidates is how many postings searches look at.
func candidates(ix *Index, probes []hashindex.Hash, radius int) (n int) {
	s := newSearch(scopeOf(radius), nil)
	s.keeper.Begin(0, 0, group, nil)
	for _, l := range ix.levels {
		for i := range probes {
			s.look(l, probes[i:i+1], 0)
			n += s.probes[0].sifted
		}
	}
	return n
}

// BenchmarkLoad is what the hot path waits for after a start.
func BenchmarkLoad(b *testing.B) {
	for _, bits := range []int{64, 256} {
		b.Run(fmt.Sprintf("%dbits", bits), func(b *testing.B) {
			edits := additions(searchtest.Codes(1, bits, benchSize()))
			for b.Loop() {
				New(bits).Load(len(edits), func(yield func(hashindex.Entry) bool) {
					for i := range edits {
						if !yield(edits[i].Entry) {
							return
						}
					}
				})
			}
			b.ReportMetric(float64(benchSize())*float64(b.N)/b.Elapsed().Seconds(), "entries/s")
		})
	}
}

// BenchmarkWrites adds entries to those there, so many an Apply, the merging included.
func BenchmarkWrites(b *testing.B) {
	for _, each := range []int{1, 64, 10_000} {
		b.Run(fmt.Sprintf("256bits/%dAnApply", each), func(b *testing.B) {
			codes := searchtest.Codes(1, 256, benchSize()+1<<18)
			edits := additions(codes)
			ix := New(256)
			ix.Apply(edits[:benchSize()])
			edits = edits[benchSize():]
			at := 0
			for b.Loop() {
				if at+each > len(edits) {
					b.StopTimer()
					ix = New(256)
					ix.Apply(additions(codes[:benchSize()]))
					at = 0
					b.StartTimer()
				}
				ix.Apply(edits[at:][:each])
				at += each
			}
			b.ReportMetric(float64(b.N*each)/b.Elapsed().Seconds(), "adds/s")
			b.ReportMetric(float64(len(ix.levels)), "levels")
		})
	}
}

func additions(codes []hashindex.Hash) []hashindex.Edit {
	edits := make([]hashindex.Edit, len(codes))
	for i, h := range codes {
		edits[i].Entry = hashindex.Entry{Frame: hashindex.FrameOf(hashindex.ReferenceID(i+1), 0), Collection: 1, Hash: h}
	}
	return edits
}
