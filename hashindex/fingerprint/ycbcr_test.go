package fingerprint

import (
	"math/rand/v2"
	"slices"
	"testing"

	"touchstone/hashindex/fingerprint/pdq"
)

func TestLumaEqualsItsPortableTwin(t *testing.T) {
	const seed = 31
	random := rand.New(rand.NewPCG(seed, 7))
	for round := range 500 {
		var brightness [pdq.MaxSide]uint8
		var rounding [pdq.MaxSide]int16
		var near, far chromaLine
		for i := range brightness {
			brightness[i], rounding[i] = uint8(random.Uint32()), int16(random.IntN(9))
			for _, v := range []*int16{&near.blue[i], &near.red[i], &far.blue[i], &far.red[i]} {
				*v = int16(random.IntN(4*255 + 1))
			}
		}
		chroma := blend{near: &near, far: &far, rounding: &rounding, more: int16(4 * random.IntN(3))}
		n := random.IntN(pdq.MaxSide + 1)
		got, want := make([]float32, n), make([]float32, n)
		jpegLuma(got, brightness[:n], &chroma)
		jpegLumaPortable(want, brightness[:n], &chroma, 0)
		if !slices.Equal(got, want) {
			t.Fatalf("seed %d, round %d, %d samples: got %v, want %v", seed, round, n, got, want)
		}
	}
}
