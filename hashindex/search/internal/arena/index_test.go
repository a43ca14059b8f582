package arena

import (
	"math/rand/v2"
	"testing"

	"touchstone/hashindex"
)

// TestIndexEqualsAMap puts, moves and forgets at random, with few frames so that runs of slots are
// long and wrap around.
func TestIndexEqualsAMap(t *testing.T) {
	const seed, places, frames = 5, 4 * Size, 300
	rng := rand.New(rand.NewPCG(seed, 0))
	e, at := New(64), map[hashindex.FrameID]int{}
	for range places / Size {
		e.Grow()
	}
	held := make([]bool, places)
	for step := range 200_000 {
		f := hashindex.FrameID(rng.IntN(frames)) << 20
		place, ok := at[f]
		free := rng.IntN(places)
		switch {
		case ok && rng.IntN(3) == 0:
			e.Forget(place)
			held[place] = false
			delete(at, f)
		case ok && !held[free]:
			e.Move(place, free)
			held[place], held[free], at[f] = false, true, free
		case !ok && !held[free] && len(at) < places:
			e.Put(free, hashindex.Entry{Frame: f, Hash: hashindex.Hash64(uint64(step))})
			held[free], at[f] = true, free
		}
		f = hashindex.FrameID(rng.IntN(frames)) << 20
		want, ok := at[f]
		if !ok {
			want = -1
		}
		if got := e.Find(f); got != want || e.Len() != len(at) {
			t.Fatalf("seed %d, step %d: frame %d at %d of %d, want %d of %d", seed, step, f, got, e.Len(), want, len(at))
		}
	}
}
