package bolt

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"

	"touchstone/hashindex"
)

// TestMeetFindsWhatFindFinds compares looking for many digests at once with looking for each, in runs that are
// spread evenly, as digests are, and in ones that are not.
func TestMeetFindsWhatFindFinds(t *testing.T) {
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 0))
	for round := range 300 {
		narrow := rng.IntN(40) // bits that are always zero, so that digests repeat and lie together
		draw := func(n int) []hint {
			hints := make([]hint, n)
			for i := range hints {
				hints[i] = hint{rng.Uint64() >> narrow, hashindex.ReferenceID(rng.IntN(5))}
			}
			return hints
		}
		held := draw(rng.IntN(2000))
		asked := append(draw(rng.IntN(500)), held[:len(held)/2]...)
		sortHints(held)
		sortHints(asked)
		if !slices.IsSortedFunc(held, compareHints) || !slices.IsSortedFunc(asked, compareHints) {
			t.Fatalf("seed %d, round %d: not sorted", seed, round)
		}
		var in run
		for _, h := range held {
			in = in.append(h)
		}
		var got, want []hint
		in.meet(asked, func(h hint) { got = append(got, h) })
		for _, h := range asked {
			if i := in.find(h.digest); i < in.len() && in.digest(i) == h.digest {
				want = append(want, h)
			}
		}
		if !slices.Equal(got, want) {
			t.Fatalf("seed %d, round %d: met %d of %d, want %d", seed, round, len(got), len(asked), len(want))
		}
	}
}

// TestMeetEndsInADamagedRun: runs are not checked before they are searched, so their order is not to be relied on.
func TestMeetEndsInADamagedRun(t *testing.T) {
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 1))
	damaged := make(run, 0, 1000*hintSize)
	for range 1000 {
		damaged = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(damaged, rng.Uint64()), 1)
	}
	asked := make([]hint, 1000)
	for i := range asked {
		asked[i].digest = rng.Uint64()
	}
	sortHints(asked)
	damaged.meet(asked, func(h hint) {
		if !slices.Contains(asked, h) {
			t.Fatalf("seed %d: met %v, which was not asked for", seed, h)
		}
	})
}
