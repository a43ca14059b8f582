package corner

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
	var ring [16]int
	for k, c := range circle {
		ring[k] = c[1]*l.stride + c[0]
	}
	for y := margin; y < l.height-margin; y++ {
		base := (y+pad)*l.stride + pad
		for x := margin; x < l.width-margin; x++ {
			at := base + x
			v := int(l.pix[at])
			n, s := int(l.pix[at+ring[0]])-v, int(l.pix[at+ring[8]])-v
			bright, dark := n > threshold || s > threshold, n < -threshold || s < -threshold
			if !bright && !dark {
				continue
			}
			e, w := int(l.pix[at+ring[4]])-v, int(l.pix[at+ring[12]])-v
			bright = bright && (e > threshold || w > threshold)
			dark = dark && (e < -threshold || w < -threshold)
			if !bright && !dark {
				continue
			}
			if !l.passes(at, &ring) {
				continue
			}
			if score := l.harris(at); score > 0 {
				f.candidates = append(f.candidates, candidate{int32(x), int32(y), score})
			}
		}
	}
	f.suppress()
}

// passes reports whether nine pixels in a row of the ring are all brighter, or all darker, than
// the one at that place by more than the threshold.
func (l *level) passes(at int, ring *[16]int) bool {
	v := int(l.pix[at])
	var bright, dark uint32
	for k, offset := range ring {
		d := int(l.pix[at+offset]) - v
		if d > threshold {
			bright |= 1 << k
		} else if d < -threshold {
			dark |= 1 << k
		}
	}
	return nineInARow(bright) || nineInARow(dark)
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
	a, b, c := float64(xx), float64(yy), float64(xy)
	return float32((float64(a*b) - float64(c*c) - 0.04*float64((a+b)*(a+b))) * 1e-9)
}

// suppress keeps the candidates that no neighbour outdoes. They come in order of rows and stay so.
func (f *Finder) suppress() {
	all := f.candidates
	f.kept = f.kept[:0]
	from := 0 // the first in the row above
	for i, c := range all {
		for all[from].y < c.y-1 {
			from++
		}
		if !outdone(all[from:], i-from) {
			f.kept = append(f.kept, c)
		}
	}
	f.candidates, f.kept = f.kept, f.candidates
}

// outdone reports whether a neighbour of candidate i is stronger, or as strong and earlier.
func outdone(around []candidate, i int) bool {
	c := around[i]
	for j, o := range around {
		if o.y > c.y+1 {
			break
		}
		beside := j != i && o.x >= c.x-1 && o.x <= c.x+1
		if beside && (o.score > c.score || o.score == c.score && j < i) {
			return true
		}
	}
	return false
}
