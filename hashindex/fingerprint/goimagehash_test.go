package fingerprint

import (
	"bytes"
	"image"
	"image/draw"
	"math/rand/v2"
	"testing"

	"github.com/corona10/goimagehash"

	"touchstone/hashindex"
)

// hashes64 are the hashes that the library makes.
func hashes64(img image.Image) (out hashindex.Hashes) {
	out[hashindex.PHash] = hash64(goimagehash.PerceptionHash(img))
	out[hashindex.DHash] = hash64(goimagehash.DifferenceHash(img))
	out[hashindex.AHash] = hash64(goimagehash.AverageHash(img))
	return out
}

// hash64 panics on an error: goimagehash has one only for a missing picture.
func hash64(h *goimagehash.ImageHash, err error) hashindex.Hash {
	if err != nil {
		panic(err)
	}
	return hashindex.Hash64(h.GetHash())
}

// TestHashesEqualGoimagehash compares on every size up to 20 a side and on random ones, flat, noisy
// and smooth: flat ones have ties in the median, where the way of the search shows.
func TestHashesEqualGoimagehash(t *testing.T) {
	const seed = 11
	random := rand.New(rand.NewPCG(seed, 1))
	h := new(hasher64)
	compare := func(small *image.Gray, what string) {
		got, want := h.hashes(small), hashes64(small)
		for _, a := range hashindex.Algorithms()[1:] {
			if got[a] != want[a] {
				t.Errorf("seed %d: %s of %v, %s: got %v, want %v", seed, a, small.Rect.Max, what, got[a], want[a])
			}
		}
	}
	for width := 1; width <= 20; width++ {
		for height := 1; height <= 20; height++ {
			compare(greyNoise(random, width, height, 256), "noise")
		}
	}
	for range 300 {
		width, height := 1+random.IntN(smallSide), 1+random.IntN(smallSide)
		compare(greyNoise(random, width, height, 1), "flat")
		compare(greyNoise(random, width, height, 1+random.IntN(6)), "near flat")
		compare(greyNoise(random, smallSide, smallSide, 1+random.IntN(256)), "noise")
	}
	for seed := range uint64(40) {
		img := scenery(100+random.IntN(60), 100+random.IntN(60), seed)
		small := image.NewGray(image.Rect(0, 0, min(img.Rect.Dx(), smallSide), min(img.Rect.Dy(), smallSide)))
		draw.Draw(small, small.Rect, img, image.Point{}, draw.Src)
		compare(small, "scenery")
	}
}

// greyNoise has levels from a base on, as many as told.
func greyNoise(random *rand.Rand, width, height, levels int) *image.Gray {
	img := image.NewGray(image.Rect(0, 0, width, height))
	base := random.IntN(257 - levels)
	for i := range img.Pix {
		img.Pix[i] = uint8(base + random.IntN(levels))
	}
	return img
}

// TestRealPicturesHashAsGoimagehash compares on real pictures, after our own normaliser.
func TestRealPicturesHashAsGoimagehash(t *testing.T) {
	s := new(sampler)
	m := New(Limits{})
	for i, path := range realPictures(t) {
		if i%9 != 0 {
			continue
		}
		encoded := mustRead(t, path)
		h, err := m.inspect(encoded)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		img, err := h.decode(encoded)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		small := s.shrink(s.normalise(img, h))
		whole := &image.Gray{Pix: bytes.Clone(small.Pix), Stride: small.Stride, Rect: small.Rect}
		if got, want := s.hasher.hashes(small), hashes64(whole); got != want {
			t.Errorf("%s: got %v, want %v", path, got, want)
		}
	}
}
