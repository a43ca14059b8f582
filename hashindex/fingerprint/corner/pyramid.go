package corner

import (
	"math"
	"slices"

	"touchstone/hashindex"
)

const (
	// octaveParts is the distance of two levels in eighths of an octave.
	octaveParts = 3
	maxLevels   = 9
	minSide     = 16 // of a level, in pixels

	// pad surrounds every level with its outermost pixels, so that no sample needs a bounds check.
	pad = 20
)

// level is the picture at one scale.
type level struct {
	width, height int
	scale         float64 // pixels of the picture for one of the level
	octaves       int8    // the same in eighths of an octave
	stride        int     // of pix: width + 2·pad
	pix           []uint8 // padded
	sums          []uint32
	corners       []candidate // strongest first
	taken         int         // how many of them are found
}

// build makes the pyramid, of so many levels at most, from a picture of a resolution in eighths of an
// octave of the one that corners lie in.
func (f *Finder) build(luma hashindex.Luma, from, most int) {
	n := 0
	for n < most {
		scale := math.Exp2(float64(n*octaveParts) / 8)
		width, height := int(float64(luma.Width)/scale+0.5), int(float64(luma.Height)/scale+0.5)
		if min(width, height) < minSide {
			break
		}
		if n == len(f.levels) {
			if n == cap(f.levels) {
				f.levels = append(f.levels, level{})
			} else {
				f.levels = f.levels[:n+1]
			}
		}
		l := &f.levels[n]
		l.resize(width, height)
		l.scale, l.octaves = scale*math.Exp2(float64(from)/8), int8(from+n*octaveParts)
		if n == 0 {
			l.copyFrom(luma)
		} else {
			l.reduce(&f.levels[n-1])
		}
		l.fillPad()
		l.integrate()
		n++
	}
	f.levels = f.levels[:n]
}

func (l *level) resize(width, height int) {
	l.width, l.height, l.stride = width, height, width+2*pad
	size := l.stride * (height + 2*pad)
	l.pix = slices.Grow(l.pix[:0], size)[:size]
	size = (l.stride + 1) * (height + 2*pad + 1)
	l.sums = slices.Grow(l.sums[:0], size)[:size]
}

// row is pixel row y without its padding.
func (l *level) row(y int) []uint8 { return l.pix[(y+pad)*l.stride+pad:][:l.width] }

func (l *level) copyFrom(luma hashindex.Luma) {
	for y := range l.height {
		copy(l.row(y), luma.Pix[y*luma.Width:])
	}
}

// one is the sum of two weights of a resampling.
const one = 1 << 11

// columns are where each pixel of a row is resampled from: the first of two pixels, and the weights of
// both, the first one's in the lower half.
type columns struct {
	at, weights [2 * hashindex.MaxWorkingSide]uint32
}

// reduce resamples a finer level, which has its padding, bilinearly: at a step of less than an octave
// nothing much aliases.
func (l *level) reduce(from *level) {
	var c columns
	c.fill(l.width, from.width)
	for y := range l.height {
		top, part := between(y, l.height, from.height)
		l.blend(y, from, top, &c, part)
	}
}

func (c *columns) fill(width, from int) {
	for x := range width {
		at, part := between(x, width, from)
		c.at[x], c.weights[x] = uint32(at), part<<16|(one-part)
	}
}

// between is where place i of n lies among those of a finer level: after the first of two of them, by
// part.
func between(i, n, from int) (first int, part uint32) {
	at := (float64(i)+0.5)*(float64(from)/float64(n)) - 0.5
	first = int(at)
	return first, uint32((at - float64(first)) * one)
}

// blendPortable makes row y of rows top and top+1 of a finer level, the latter of which counts by part.
func (l *level) blendPortable(y int, from *level, top int, c *columns, part uint32) {
	a, b := from.padded(top), from.padded(top+1)
	out := l.row(y)
	for x := range out {
		at, left, right := c.at[x], c.weights[x]&0xffff, c.weights[x]>>16
		upper := uint32(a[at])*left + uint32(a[at+1])*right
		lower := uint32(b[at])*left + uint32(b[at+1])*right
		out[x] = uint8((upper*(one-part) + lower*part + 1<<21) >> 22)
	}
}

// padded is pixel row y with the padding to its right.
func (l *level) padded(y int) []uint8 { return l.pix[(y+pad)*l.stride+pad:][:l.width+pad] }

// fillPad repeats the outermost pixels.
func (l *level) fillPad() {
	for y := range l.height {
		row := l.pix[(y+pad)*l.stride:][:l.stride]
		for x := range pad {
			row[x] = row[pad]
			row[pad+l.width+x] = row[pad+l.width-1]
		}
	}
	first, last := l.pix[pad*l.stride:][:l.stride], l.pix[(pad+l.height-1)*l.stride:][:l.stride]
	for y := range pad {
		copy(l.pix[y*l.stride:], first)
		copy(l.pix[(pad+l.height+y)*l.stride:], last)
	}
}

// integrate sums the padded pixels above and left of each place: 1,320² × 255 fits 32 bits, and
// differences of sums hold however they wrap.
func (l *level) integrate() {
	width := l.stride + 1
	clear(l.sums[:width])
	for y := range l.height + 2*pad {
		above, out := l.sums[y*width:][:width], l.sums[(y+1)*width:][:width]
		out[0] = 0
		integrateRow(out, above, l.pix[y*l.stride:][:l.stride])
	}
}

// integrateRowPortable sets out[1:] to above[1:] and the sums of the row.
func integrateRowPortable(out, above []uint32, row []uint8) {
	sum := out[0] - above[0]
	for x, v := range row {
		sum += uint32(v)
		out[x+1] = above[x+1] + sum
	}
}
