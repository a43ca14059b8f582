package keypoint

import (
	"math/rand/v2"
	"slices"
	"testing"
)

func TestSiftEqualsPortable(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for size := range 70 {
		want := rng.Uint64()
		signatures := make([]uint64, size)
		for i := range signatures {
			signatures[i] = want
			for range rng.IntN(2 * near) {
				signatures[i] ^= 1 << rng.IntN(64)
			}
		}
		base := uint32(rng.IntN(1 << (32 - hitBits - 1)))
		got, plain := make([]uint32, size+hitSlack), make([]uint32, size+hitSlack)
		got, plain = got[:sift(signatures, base, want, got)], plain[:siftPortable(signatures, base, want, plain)]
		if !slices.Equal(got, plain) {
			t.Fatalf("of %d: got %v, want %v", size, got, plain)
		}
	}
}
