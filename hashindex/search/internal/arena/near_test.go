package arena

import (
	"math/rand/v2"
	"testing"

	"touchstone/hashindex"
)

// TestNearEqualsPortable tries every number of probes and every radius on blocks whose entries lie
// at all distances from the probes.
func TestNearEqualsPortable(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, width := range []int{64, 256} {
		for radius := -1; radius <= width; radius++ {
			for n := range MaxProbes + 1 {
				block, p := spread(rng, width, radius, n)
				plain := p
				near(block, &p)
				nearPortable(block, &plain)
				if p.masks != plain.masks {
					t.Fatalf("%d bits, radius %d, %d probes: got %x, want %x", width, radius, n, p.masks, plain.masks)
				}
			}
		}
	}
}

// spread is a block and probes that are any of its entries with any number of bits changed.
func spread(rng *rand.Rand, width, radius, n int) ([]uint64, Probes) {
	e := New(width)
	e.Grow()
	for i := range e.words {
		e.words[i] = rng.Uint64()
	}
	var scope hashindex.Scope
	scope.Allow(1, radius)
	p := NewProbes(width, scope)
	p.radius = radius
	for i := range n {
		h := e.Hash(rng.IntN(Size))
		for range rng.IntN(width) {
			bit := rng.IntN(width)
			h.Words[bit/64] ^= 1 << (bit % 64)
		}
		p.Add(i, h)
	}
	return e.words, p
}

// BenchmarkNear compares a block with a picture's eight probes, none of which is near.
func BenchmarkNear(b *testing.B) {
	rng := rand.New(rand.NewPCG(3, 4))
	for name, compare := range map[string]func([]uint64, *Probes){"best": near, "portable": nearPortable} {
		for width, title := range map[int]string{64: "64bits", 256: "256bits"} {
			b.Run(title+"/"+name, func(b *testing.B) {
				e := New(width)
				e.Grow()
				for i := range e.words {
					e.words[i] = rng.Uint64()
				}
				_, p := spread(rng, width, width/8, MaxProbes)
				for b.Loop() {
					compare(e.words, &p)
				}
				b.ReportMetric(float64(b.N)*Size*MaxProbes/b.Elapsed().Seconds()/1e9, "Gpairs/s")
			})
		}
	}
}
