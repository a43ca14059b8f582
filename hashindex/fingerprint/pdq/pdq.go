// Package pdq computes PDQ, the 256-bit perceptual hash that the industry exchanges lists of.
//
// The algorithm is the published one (Facebook, "The TMK+PDQF Video-Hashing Algorithm and the PDQ
// Image-Hashing Algorithm", 2019, and its reference implementation in C++): two passes of a box
// filter over the luma along both axes, 64×64 samples of the result, the 16×16 lowest frequencies
// of their DCT without the constant ones, and one bit for each that exceeds the median. The code
// is ours; hashes made by the reference implementation prove it.
//
// Every sum of products is written float32(a*b) + c: the language lets a compiler fuse a*b + c on
// some processors, and a hash must not depend on the processor.
package pdq

import (
	"sync"

	"touchstone/hashindex"
)

// MaxSide is the side in pixels that the reference implementation's file loader hashes at most:
// of a larger picture it takes the nearest 512×512 samples, whatever its proportions. Hash itself
// takes any size, so whoever wants the hashes of exchanged lists samples first.
const MaxSide = 512

// minSide is the side in pixels below which the reference implementation refuses to hash.
const minSide = 5

// Luma is a grey picture: Pix holds Height rows of Width values, 0 for black to 255 for white.
type Luma struct {
	Pix           []float32
	Width, Height int
}

// Result is what PDQ makes of one picture.
type Result struct {
	// Quality is 0..100 and counts strong gradients: flat pictures are near 0. Below
	// hashindex.PoorQuality a hash means little.
	Quality int

	// Dihedral holds the hash of the picture with each transform undone. If this picture is a
	// reference with transform t applied, Dihedral[t] is close to the reference's own hash:
	// it is the one to look up. Dihedral[Upright] is the hash of the picture as it is.
	Dihedral [hashindex.TransformCount]hashindex.Hash
}

// Hash computes the hash of a picture in its eight dihedral variants, all from one DCT.
// A picture with a side under 5 pixels has quality 0 and hashes of 256 zero bits.
// It may be called from many goroutines at once, and allocates nothing once warm.
func Hash(luma Luma) Result {
	if min(luma.Width, luma.Height) < minSide {
		return unhashed()
	}
	w := workspaces.Get().(*workspace)
	defer workspaces.Put(w)
	w.reduce(luma)
	w.transform()
	return Result{Quality: quality(&w.small), Dihedral: variants(&w.frequencies)}
}

// workspace holds what one call needs, for the next call to use again.
type workspace struct {
	columns, rows taps
	narrow        [][side]float32 // a row for each of the picture's, filtered along the row only
	small         [side][side]float32
	half          [kept][side]float32
	frequencies   [kept][kept]float32
}

var workspaces = sync.Pool{New: func() any { return new(workspace) }}

// unhashed is the result for a picture too small to hash.
func unhashed() (r Result) {
	for t := range r.Dihedral {
		r.Dihedral[t] = hashindex.Hash256([4]uint64{})
	}
	return r
}

// quality sums the gradients of the small picture, each as a whole percentage of the full range so
// that faint ones count nothing. The divisor 90 is the authors', tuned by hand.
func quality(small *[side][side]float32) int {
	sum := 0
	for y := range side {
		for x := range side {
			if y+1 < side {
				sum += percent(small[y][x] - small[y+1][x])
			}
			if x+1 < side {
				sum += percent(small[y][x] - small[y][x+1])
			}
		}
	}
	return min(sum/90, 100)
}

func percent(difference float32) int {
	p := int(difference * 100 / 255)
	return max(p, -p)
}
