package arena

import (
	"math/rand/v2"
	"testing"

	"touchstone/hashindex"
)

// TestNearEqualsPortable tries every number of probes and every radius on blocks whose entries lie
// at all distances from the probes.
func TestNearEqualsPortable(t *testing.T) {
	for name, compare := range kernels() {
		t.Run(name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(1, 2))
			for _, width := range []int{64, 256} {
				for radius := -1; radius <= width; radius++ {
					for n := 1; n <= MaxProbes; n++ {
						block, p := spread(rng, width, radius, n)
						checkNear(t, compare, block, p)
					}
				}
			}
		})
	}
}

func TestNearWithoutProbesDoesNothing(t *testing.T) {
	block, p := spread(rand.New(rand.NewPCG(5, 6)), 64, 8, 0)
	checkNear(t, near, block, p)
}

// kernels are all that this machine can run, and the one that it does.
func kernels() map[string]func([]uint64, *Probes) {
	k := fastKernels()
	k["best"] = near
	return k
}

func checkNear(t *testing.T, compare func([]uint64, *Probes), block []uint64, p Probes) {
	t.Helper()
	plain := p
	nearPortable(block, &plain)
	compare(block, &p)
	if p.masks != plain.masks {
		t.Fatalf("radius %d, %d planes, %d probes: got %x, want %x", p.radius, p.planes, p.n, p.masks, plain.masks)
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
	kernels := kernels()
	kernels["portable"] = nearPortable
	for name, compare := range kernels {
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
