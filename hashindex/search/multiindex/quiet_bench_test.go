package multiindex

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"touchstone/hashindex"
	"touchstone/hashindex/fingerprint/pdq"
	"touchstone/hashindex/search/searchtest"
)

// BenchmarkVariants asks for one hash, and for it and the seven others that a picture's symmetries
// make of it, in turns.
func BenchmarkVariants(b *testing.B) {
	codes := searchtest.Codes(1, 256, benchSize())
	near, far := split(searchtest.Queries(2, codes, 8*batch))
	ix := New(256)
	ix.Apply(additions(codes))
	for name, probes := range map[string][]hashindex.Hash{"near": variants(near), "far": variants(far), "unrelated": far} {
		b.Run(name, func(b *testing.B) {
			var one, eight time.Duration
			var found []hashindex.Found
			at := 0
			for b.Loop() {
				start := time.Now()
				found, _ = ix.Search(context.Background(), probes[at:at+1], scopeOf(31), found[:0])
				between := time.Now()
				found, _ = ix.Search(context.Background(), probes[at:at+8], scopeOf(31), found[:0])
				one, eight = one+between.Sub(start), eight+time.Since(between)
				at = (at + 8) % len(probes)
			}
			b.ReportMetric(float64(eight)/float64(one), "eight/one")
		})
	}
}

// BenchmarkBesideAdds measures look-ups alone and then beside 1,000 adds a second, which come one by
// one from another goroutine, in turns of 200 ms.
func BenchmarkBesideAdds(b *testing.B) {
	for _, bits := range []int{64, 256} {
		b.Run(fmt.Sprintf("%dbits", bits), func(b *testing.B) {
			codes := searchtest.Codes(1, bits, benchSize()+1<<16)
			edits := additions(codes)
			ix := New(bits)
			ix.Apply(edits[:benchSize()])
			adder := adder{ix: ix, edits: edits[benchSize():]}
			near, far := split(searchtest.Queries(2, codes, 32*batch))
			probes := mix(near, far, 2)
			var quiet, beside []time.Duration
			for b.Loop() {
				quiet = lookups(ix, probes, bits/8-1, quiet)
				stop := adder.start()
				beside = lookups(ix, probes, bits/8-1, beside)
				stop()
			}
			q, s := percentile(quiet, 99), percentile(beside, 99)
			b.ReportMetric(float64(q.Microseconds()), "µs-p99-quiet")
			b.ReportMetric(float64(s.Microseconds()), "µs-p99-beside")
			b.ReportMetric(float64(s)/float64(q), "beside/quiet")
			b.ReportMetric(float64(adder.added), "adds")
		})
	}
}

// variants are each hash and what mirroring and turning its picture makes of it.
func variants(hashes []hashindex.Hash) (all []hashindex.Hash) {
	for _, h := range hashes {
		turned := pdq.Derive(h)
		all = append(all, turned[:]...)
	}
	return all
}

// lookups times look-ups for 200 ms.
func lookups(ix *Index, probes []hashindex.Hash, radius int, times []time.Duration) []time.Duration {
	var found []hashindex.Found
	for begin := time.Now(); time.Since(begin) < 200*time.Millisecond; {
		at := len(times) % len(probes)
		start := time.Now()
		found, _ = ix.Search(context.Background(), probes[at:at+1], scopeOf(radius), found[:0])
		times = append(times, time.Since(start))
	}
	return times
}

func percentile(times []time.Duration, p int) time.Duration {
	slices.Sort(times)
	return times[len(times)*p/100]
}

// adder adds an entry a millisecond.
type adder struct {
	ix    *Index
	edits []hashindex.Edit
	added int
}

func (a *adder) start() (stop func()) {
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		last := time.Now()
		for {
			select {
			case <-quit:
				return
			case now := <-tick.C:
				for ; now.Sub(last) >= time.Millisecond; last = last.Add(time.Millisecond) { // a late tick stands for several
					a.ix.Apply(a.edits[a.added%len(a.edits):][:1])
					a.added++
				}
			}
		}
	}()
	return func() { close(quit); <-done }
}
