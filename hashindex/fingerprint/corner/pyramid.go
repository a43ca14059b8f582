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
	octaves       uint8   // the same in eighths of an octave
	stride        int     // of pix: width + 2·pad
	pix           []uint8 // padded
	sums          []uint32
}

// build makes the pyramid.
func (f *Finder) build(luma hashindex.Luma) {
	n := 0
	for n < maxLevels {
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
		l.scale, l.octaves = scale, uint8(n*octaveParts)
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

// reduce resamples a finer level bilinearly: at a step of less than an octave nothing much aliases.
func (l *level) reduce(from *level) {
	const one = 1 << 11
	stepX, stepY := float64(from.width)/float64(l.width), float64(from.height)/float64(l.height)
	var columns [hashindex.MaxWorkingSide]struct{ at, part uint32 }
	for x := range l.width {
		at := (float64(x)+0.5)*stepX - 0.5
		columns[x].at = uint32(at)
		columns[x].part = uint32((at - math.Floor(at)) * one)
	}
	for y := range l.height {
		at := (float64(y)+0.5)*stepY - 0.5
		top := int(at)
		part := uint32((at - float64(top)) * one)
		a, b := from.row(top), from.row(min(top+1, from.height-1))
		out := l.row(y)
		for x := range out {
			c := columns[x]
			next := min(c.at+1, uint32(from.width-1))
			upper := uint32(a[c.at])*(one-c.part) + uint32(a[next])*c.part
			lower := uint32(b[c.at])*(one-c.part) + uint32(b[next])*c.part
			out[x] = uint8((upper*(one-part) + lower*part + 1<<21) >> 22)
		}
	}
}

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

// integrate sums the padded pixels above and left of each place: 680² × 255 fits 32 bits, and
// differences of sums hold however they wrap.
func (l *level) integrate() {
	width := l.stride + 1
	clear(l.sums[:width])
	for y := range l.height + 2*pad {
		above, out := l.sums[y*width:][:width], l.sums[(y+1)*width:][:width]
		out[0] = 0
		row := l.pix[y*l.stride:][:l.stride]
		sum := uint32(0)
		for x, v := range row {
			sum += uint32(v)
			out[x+1] = above[x+1] + sum
		}
	}
}
