package multiindex

import (
	"math/bits"
	"math/rand/v2"
	"testing"
)

// pieceAt is the twin's way to a piece.
func pieceAt(words [4]uint64, i int) uint16 { return uint16(words[i/4] >> (i % 4 * 16)) }

func TestNear4CountsEachPieceAlone(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for range 20_000 {
		x := rng.Uint64() & rng.Uint64() & rng.Uint64()
		limit := rng.IntN(17)
		var want uint64
		for i := range 4 {
			if bits.OnesCount16(uint16(x>>(16*i))) <= limit {
				want |= 0x8000 << (16 * i)
			}
		}
		if got := near4(x, limitOf(limit)); got != want {
			t.Fatalf("near4(%#x, limit %d) = %#x, want %#x", x, limit, got, want)
		}
	}
}

func TestPlansShareTheRadius(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	for range 2000 {
		pieces, radius := 4, rng.IntN(17)
		if rng.IntN(2) == 0 {
			pieces, radius = 16, rng.IntN(65)
		}
		sizes := make([]int, pieces)
		for i := range sizes {
			sizes[i] = 1 << rng.IntN(20)
		}
		for name, p := range map[string]plan{"evenly": evenly(pieces, radius), "cheaply": cheaply(radius, 16, 15, sizes)} {
			sum := 0
			for _, u := range p.u {
				sum += u
			}
			if sum != radius+1 || p.pieces != pieces {
				t.Fatalf("%s, %d pieces, radius %d: %v adds up to %d", name, pieces, radius, p.u, sum)
			}
		}
	}
}

// TestEveryAnswerHasAFirstPiece holds for any plan: its proof is the comment of plan.
func TestEveryAnswerHasAFirstPiece(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	for range 20_000 {
		pieces := 4 << (2 * rng.IntN(2))
		radius := rng.IntN(pieces * 4)
		p := plan{pieces: pieces}
		for range radius + 1 {
			p.u[rng.IntN(pieces)]++
		}
		var differ [4]uint64
		for range rng.IntN(radius + 1) {
			bit := rng.IntN(pieces * 16)
			differ[bit/64] |= 1 << (bit % 64)
		}
		f := newFinder(&p)
		if got, want := f.first(&differ), firstOf(&p, differ); got != want || want < 0 {
			t.Fatalf("plan %v, radius %d, difference %x: piece %d, want %d, never -1", p.u, radius, differ, got, want)
		}
	}
}

// firstOf is finder.first, plainly.
func firstOf(p *plan, differ [4]uint64) int {
	for i := range p.pieces {
		own := bits.OnesCount16(pieceAt(differ, i))
		next := bits.OnesCount16(pieceAt(differ, (i+1)%p.pieces))
		if own < p.u[i] && own+next < p.u[i]+p.u[(i+1)%p.pieces] {
			return i
		}
	}
	return -1
}
