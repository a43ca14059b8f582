package fingerprint

import (
	"image"
	"slices"

	"github.com/corona10/goimagehash"

	"touchstone/hashindex"
	"touchstone/hashindex/fingerprint/pdq"
)

// smallSide bounds the picture that goimagehash sees. It would walk every pixel three times, 13 ms
// for 1200×1200. From 128×128 it takes half a millisecond, and its hashes differ from those of the
// whole picture by 2 bits of 64 at the 95th percentile: TestSmallPictureKeepsThe64BitHashes.
const smallSide = 128

// hashes64 computes the three 64-bit hashes. goimagehash is given only what it handles well: a
// grey picture with pixels and with its origin at 0,0.
func hashes64(small *image.Gray) (out hashindex.Hashes) {
	out[hashindex.PHash] = hash64(goimagehash.PerceptionHash(small))
	out[hashindex.DHash] = hash64(goimagehash.DifferenceHash(small))
	out[hashindex.AHash] = hash64(goimagehash.AverageHash(small))
	return out
}

// hash64 panics on an error: goimagehash has one only for a missing picture.
func hash64(h *goimagehash.ImageHash, err error) hashindex.Hash {
	if err != nil {
		panic(err)
	}
	return hashindex.Hash64(h.GetHash())
}

// shrink averages the plane down to at most 128×128. What it returns is overwritten by the next call.
func (s *sampler) shrink(luma pdq.Luma) *image.Gray {
	width, height := min(luma.Width, smallSide), min(luma.Height, smallSide)
	pix := slices.Grow(s.small.Pix[:0], width*height)[:width*height]
	s.small = image.Gray{Pix: pix, Stride: width, Rect: image.Rect(0, 0, width, height)}
	for y := range height {
		top, bottom := y*luma.Height/height, (y+1)*luma.Height/height
		for x := range width {
			left, right := x*luma.Width/width, (x+1)*luma.Width/width
			pix[y*width+x] = average(luma, left, top, right, bottom)
		}
	}
	return &s.small
}

func average(luma pdq.Luma, left, top, right, bottom int) uint8 {
	var sum float32
	for y := top; y < bottom; y++ {
		for _, v := range luma.Pix[y*luma.Width+left : y*luma.Width+right] {
			sum += v
		}
	}
	return uint8(sum/float32((right-left)*(bottom-top)) + 0.5)
}
