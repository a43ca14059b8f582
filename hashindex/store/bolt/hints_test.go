package bolt

import (
	"math/rand/v2"
	"slices"
	"testing"

	"touchstone/hashindex"
)

func TestFindEqualsALinearSearch(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	digests := map[string]func() uint64{
		"spread":    random.Uint64,
		"few":       func() uint64 { return random.Uint64N(5) << 61 },
		"clustered": func() uint64 { return 1<<63 + random.Uint64N(50) },
		"low":       func() uint64 { return random.Uint64N(50) },
		"ends":      func() uint64 { return -random.Uint64N(2) },
	}
	for name, draw := range digests {
		for _, n := range []int{0, 1, 2, 9, 300} {
			sorted := make([]hint, n)
			for i := range sorted {
				sorted[i] = hint{draw(), hashindex.ReferenceID(i)}
			}
			slices.SortFunc(sorted, compareHints)
			var r run
			for _, h := range sorted {
				r = r.append(h)
			}
			for range 200 {
				digest := draw()
				want := slices.IndexFunc(sorted, func(h hint) bool { return h.digest >= digest })
				if want < 0 {
					want = n
				}
				if got := r.find(digest); got != want {
					t.Fatalf("%s: find(%#x) among %d = %d, want %d", name, digest, n, got, want)
				}
			}
		}
	}
}

func TestMergeKeepsEverythingInOrder(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	draw := func(n int) (r run) {
		all := make([]hint, n)
		for i := range all {
			all[i] = hint{random.Uint64N(40), hashindex.ReferenceID(random.Uint64N(1000))}
		}
		slices.SortFunc(all, compareHints)
		for _, h := range all {
			r = r.append(h)
		}
		return r
	}
	for range 200 {
		a, b := draw(random.IntN(30)), draw(random.IntN(30))
		merged := merge(a, b)
		if merged.len() != a.len()+b.len() {
			t.Fatalf("%d and %d hints made %d", a.len(), b.len(), merged.len())
		}
		for i := 1; i < merged.len(); i++ {
			if compareHints(merged.hint(i-1), merged.hint(i)) > 0 {
				t.Fatalf("out of order at %d", i)
			}
		}
	}
}
