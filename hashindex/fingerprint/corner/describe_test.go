package corner

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"

	"touchstone/hashindex"
)

func TestDoubtsAreTheSmallestDifferences(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	for range 100 {
		var differences [hashindex.KeyBits]float32
		order := make([]uint8, hashindex.KeyBits)
		for i := range order {
			differences[i], order[i] = rng.Float32()-0.5, uint8(i)
		}
		slices.SortStableFunc(order, func(a, b uint8) int {
			x, y := differences[a], differences[b]
			return cmp.Compare(max(x, -x), max(y, -y))
		})
		var got [8]uint8
		doubts(&got, &differences)
		if !slices.Equal(got[:], order[:8]) {
			t.Fatalf("%v: got %v, want %v", differences, got, order[:8])
		}
	}
}
