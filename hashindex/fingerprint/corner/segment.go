package corner

import (
	"math/bits"
	"slices"
)

// threshold is the difference of brightness that the segment test asks for. It is low, so that smooth
// pictures have corners too: where there are many, the ranking chooses.
const threshold = 10

// margin is how near the edge of a level a corner may lie, in its pixels.
const margin = 6

// circle lists the 16 places at distance 3 around a pixel, in order.
var circle = [16][2]int{{0, -3}, {1, -3}, {2, -2}, {3, -1}, {3, 0}, {3, 1}, {2, 2}, {1, 3},
	{0, 3}, {-1, 3}, {-2, 2}, {-3, 1}, {-3, 0}, {-3, -1}, {-2, -2}, {-1, -3}}

// detect fills candidates with the corners of a level: pixels that differ from nine in a row of
// the circle around them, more than their neighbours do.
func (f *Finder) detect(i int) {
	l := &f.levels[i]
	f.candidates = f.candidates[:0]
	blocks := (l.width - 2*margin + blockWidth - 1) / blockWidth
	for k := range f.rows {
		size := margin + (blocks+1)*blockWidth
		f.rows[k] = slices.Grow(f.rows[k][:0], size)[:size]
		clear(f.rows[k])
	}
	f.masks = slices.Grow(f.masks[:0], blocks)[:blocks]
	above, here, below := f.rows[0], f.rows[1], f.rows[2]
	for y := margin; y < l.height-margin; y++ {
		l.segments(y, below[margin:][:blocks*blockWidth])
		clear(below[l.width-margin:])
		f.peaks(l, y-1, above, here, below)
		above, here, below = here, below, above
	}
	clear(below)
	f.peaks(l, l.height-margin-1, above, here, below)
}

// blockWidth is how many pixels of a row are looked at together. Those of the last block that are
// beyond the row are in its padding, or in the next row.
const blockWidth = 32

// segmentsPortable scores row y from its margin on: how much each pixel differs from its circle, 0 for
// those that fail the test. Nine in a row hold one of any two opposite pixels: four such pairs dismiss
// nearly all before the sixteen are looked at.
func (l *level) segmentsPortable(y int, scores []uint16) {
	base := (y+pad)*l.stride + pad + margin
	var ring [16]int
	for k, c := range circle {
		ring[k] = c[1]*l.stride + c[0]
	}
	pix := l.pix
	r0, r8, r4, r12, r2, r10, r6, r14 := ring[0], ring[8], ring[4], ring[12], ring[2], ring[10], ring[6], ring[14]
	clear(scores)
	for x := range scores {
		at := base + x
		v := int(pix[at])
		high, low := v+threshold, v-threshold
		a, b := int(pix[at+r0]), int(pix[at+r8])
		bright, dark := max(a, b) > high, min(a, b) < low
		if !bright && !dark {
			continue
		}
		a, b = int(pix[at+r4]), int(pix[at+r12])
		bright, dark = bright && max(a, b) > high, dark && min(a, b) < low
		if !bright && !dark {
			continue
		}
		a, b = int(pix[at+r2]), int(pix[at+r10])
		bright, dark = bright && max(a, b) > high, dark && min(a, b) < low
		if !bright && !dark {
			continue
		}
		a, b = int(pix[at+r6]), int(pix[at+r14])
		bright, dark = bright && max(a, b) > high, dark && min(a, b) < low
		if bright || dark {
			scores[x] = uint16(l.segment(at, &ring))
		}
	}
}

// segment is how much the pixels of the ring that are brighter, or those that are darker, differ from the
// one at that place beyond the threshold, if nine in a row are; otherwise 0.
func (l *level) segment(at int, ring *[16]int) (score int32) {
	v := int32(l.pix[at])
	var bright, dark uint32
	var over, under int32
	for k, offset := range ring {
		d := int32(l.pix[at+offset]) - v
		if d > threshold {
			bright |= 1 << k
			over += d - threshold
		} else if d < -threshold {
			dark |= 1 << k
			under += -d - threshold
		}
	}
	if nineInARow(bright) {
		score = over
	}
	if nineInARow(dark) {
		score = max(score, under)
	}
	return score
}

func nineInARow(bits uint32) bool {
	bits |= bits << 16
	bits &= bits >> 1 // two in a row
	bits &= bits >> 2 // four
	bits &= bits >> 4 // eight
	return bits&(bits>>1) != 0
}

// harris is Harris and Stephens' measure over 7×7 pixels: large where brightness changes in two
// directions, negative along an edge.
func (l *level) harris(at int) float32 {
	sums := l.gradients(at)
	a, b, c := float64(sums[0]), float64(sums[1]), float64(sums[2])
	return float32((float64(a*b) - float64(c*c) - 0.04*float64((a+b)*(a+b))) * 1e-9)
}

// gradientsPortable sums, over 7×7 pixels, the squares of Sobel's gradients across and down, and their
// products.
func (l *level) gradientsPortable(at int) [3]int32 {
	var xx, yy, xy int32
	for dy := -3; dy <= 3; dy++ {
		row := at + dy*l.stride
		above, here, below := l.pix[row-l.stride-4:][:9], l.pix[row-4:][:9], l.pix[row+l.stride-4:][:9]
		for x := 1; x < 8; x++ {
			gx := int32(here[x+1])*2 + int32(above[x+1]) + int32(below[x+1]) - int32(here[x-1])*2 - int32(above[x-1]) - int32(below[x-1])
			gy := int32(below[x])*2 + int32(below[x-1]) + int32(below[x+1]) - int32(above[x])*2 - int32(above[x-1]) - int32(above[x+1])
			xx += gx * gx
			yy += gy * gy
			xy += gx * gy
		}
	}
	return [3]int32{xx, yy, xy}
}

// peaks takes the corners of row y that no neighbour outdoes, where brightness changes in two
// directions.
func (f *Finder) peaks(l *level, y int, above, here, below []uint16) {
	marks(f.masks, above, here, below)
	for block, mask := range f.masks {
		for ; mask != 0; mask &= mask - 1 {
			x := margin + block*blockWidth + bits.TrailingZeros32(mask)
			if measure := l.harris((y+pad)*l.stride + pad + x); measure > 0 {
				f.candidates = append(f.candidates, candidate{int32(x), int32(y), measure})
			}
		}
	}
}

// marksPortable sets a bit for each score from the margin on that no neighbour outdoes. Of equal
// neighbours the first counts.
func marksPortable(masks []uint32, above, here, below []uint16) {
	for block := range masks {
		mask := uint32(0)
		for i := range blockWidth {
			x := margin + block*blockWidth + i
			s := here[x]
			if s == 0 {
				continue
			}
			a, h, b := above[x-1:][:3], here[x-1:][:3], below[x-1:][:3]
			if max(a[0], a[1], a[2], h[0]) < s && max(h[2], b[0], b[1], b[2]) <= s {
				mask |= 1 << i
			}
		}
		masks[block] = mask
	}
}
