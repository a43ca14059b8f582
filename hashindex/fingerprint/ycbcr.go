package fingerprint

import (
	"image"

	"touchstone/hashindex/fingerprint/pdq"
)

// planes are the stored values of a picture of brightness (0), blue (1) and red (2) difference.
type planes interface {
	row(plane, y int) []uint8
}

// decodedPlanes are those of a picture that is decoded as a whole.
type decodedPlanes struct{ *image.YCbCr }

func (p decodedPlanes) row(plane, y int) []uint8 {
	switch plane {
	case 0:
		return p.Y[y*p.YStride:]
	case 1:
		return p.Cb[y*p.CStride:]
	}
	return p.Cr[y*p.CStride:]
}

// sampleYCbCr reads a picture stored as brightness and colour difference.
//
// The brightness alone would do for most pictures, and is what image libraries hand out as grey.
// But other implementations of PDQ start from RGB: they interpolate the coarser chroma, convert,
// and cut off at 0 and 255. Doing the same at the samples only costs little and makes 96 % of the
// reference hashes equal in every bit, against 72 %: TestHashesEqualTheReferenceImplementation.
func (s *sampler) sampleYCbCr(m *image.YCbCr, f format) {
	s.chroma.plan(m.Rect.Size(), m.SubsampleRatio, s.columns)
	for j, y := range s.rows {
		s.sampleRow(j, y, decodedPlanes{m}, f)
	}
}

// sampleRow samples pixel row y into row j.
func (s *sampler) sampleRow(j, y int, from planes, f format) {
	blend := s.chroma.at(from, y)
	brightness := gather(s.brightness[:], from.row(0, y), s.columns)
	if f == formatWebP {
		videoLuma(s.row(j), brightness, &blend)
		return
	}
	jpegLuma(s.row(j), brightness, &blend)
}

// gather picks the columns of a row.
func gather(out, row []uint8, columns []int) []uint8 {
	out = out[:len(columns)]
	for i, x := range columns {
		out[i] = row[x]
	}
	return out
}

// blend is the chroma of a pixel row at the sampled columns: three parts of the near line and one of
// the far one, and what to add before dividing by 16.
type blend struct {
	near, far *chromaLine
	rounding  *[pdq.MaxSide]int16
	more      int16
}

func (b *blend) blue(i int) int32 {
	return int32(3*b.near.blue[i]+b.far.blue[i]+b.rounding[i]+b.more) >> 4
}

func (b *blend) red(i int) int32 {
	return int32(3*b.near.red[i]+b.far.red[i]+b.rounding[i]+b.more) >> 4
}

// jpegLumaPortable converts as JFIF says: full range, BT.601, with libjpeg's constants and rounding.
func jpegLumaPortable(out []float32, brightness []uint8, chroma *blend, from int) {
	const half = 1 << 15
	for i := from; i < len(out); i++ {
		y, cb, cr := int32(brightness[i]), chroma.blue(i)-128, chroma.red(i)-128
		out[i] = lumaOf(
			clamp8(y+(91881*cr+half)>>16),
			clamp8(y+(-22554*cb-46802*cr+half)>>16),
			clamp8(y+(116130*cb+half)>>16))
	}
}

// videoLuma converts as WebP means it: brightness runs from 16 to 235, with libwebp's constants.
// The image package knows no such range and would show these pictures grey.
func videoLuma(out []float32, brightness []uint8, chroma *blend) {
	for i := range out {
		y, cb, cr := int32(brightness[i])*19077>>8, chroma.blue(i), chroma.red(i)
		out[i] = lumaOf(
			clamp8((y+cr*26149>>8-14234)>>6),
			clamp8((y-cb*6419>>8-cr*13320>>8+8708)>>6),
			clamp8((y+cb*33050>>8-17685)>>6))
	}
}

func clamp8(v int32) int32 { return max(0, min(v, 255)) }

// chromaSampler interpolates chroma at the sampled columns, a row at a time: where two pixels share
// a value, each takes three parts of that and one of the next nearest, along both axes. Sums are in
// sixteenths, also where a pixel has a value of its own.
//
// A chroma row is interpolated along itself first, at the sampled columns only, and kept for the
// next pixel row: mostly two in turn share it. The sums are of whole numbers, so their order is free.
type chromaSampler struct {
	across, down int // pixels that share a value
	last         int // row of chroma values
	near, far    []int32
	rounding     [pdq.MaxSide]int16 // what to add before dividing, for each sampled column
	lines        [2]chromaLine
}

// chromaLine is a chroma row in quarters; lines[0] holds even rows, lines[1] odd ones.
type chromaLine struct {
	y         int
	blue, red [pdq.MaxSide]int16
}

func (c *chromaSampler) plan(size image.Point, ratio image.YCbCrSubsampleRatio, columns []int) {
	c.across, c.down = coarseness(ratio)
	c.last = (size.Y - 1) / c.down
	c.lines[0].y, c.lines[1].y = -1, -1
	n := len(columns)
	c.near, c.far = resized(c.near, n), resized(c.far, n)
	for i, x := range columns {
		near, far := neighbours(x, c.across, (size.X-1)/c.across)
		c.near[i], c.far[i] = int32(near), int32(far)
		c.rounding[i] = c.roundingAt(x)
	}
}

// neighbours are the two values that a pixel lies between; only one counts unless two pixels
// share it, as coarser chroma is rare and others repeat it too.
func neighbours(at, shared, last int) (near, far int) {
	near = at / shared
	if shared != 2 {
		return near, near
	}
	return near, max(0, min(near-1+at%2*2, last))
}

// roundingAt is what libjpeg adds before it divides. It alternates, so that rounding shifts
// nothing on the whole.
func (c *chromaSampler) roundingAt(x int) int16 {
	odd := int16(x % 2)
	switch {
	case c.across == 2 && c.down == 2:
		return 8 - odd
	case c.across == 2:
		return 4 + 4*odd
	}
	return 0
}

// at interpolates the chroma of pixel row y.
func (c *chromaSampler) at(from planes, y int) blend {
	near, far := neighbours(y, c.down, c.last)
	b := blend{near: c.line(from, near), far: c.line(from, far), rounding: &c.rounding}
	if c.down == 2 && c.across != 2 {
		b.more = int16(4 + 4*(y%2))
	}
	return b
}

// line is chroma row y at the sampled columns.
func (c *chromaSampler) line(from planes, y int) *chromaLine {
	l := &c.lines[y&1]
	if l.y != y {
		l.y = y
		c.along(l.blue[:], from.row(1, y))
		c.along(l.red[:], from.row(2, y))
	}
	return l
}

func (c *chromaSampler) along(out []int16, row []uint8) {
	near, far := c.near, c.far[:len(c.near)]
	out = out[:len(near)]
	for i := range out {
		out[i] = 3*int16(row[near[i]]) + int16(row[far[i]])
	}
}

// coarseness is how many pixels share a chroma value, across and down.
func coarseness(ratio image.YCbCrSubsampleRatio) (across, down int) {
	switch ratio {
	case image.YCbCrSubsampleRatio422:
		return 2, 1
	case image.YCbCrSubsampleRatio420:
		return 2, 2
	case image.YCbCrSubsampleRatio440:
		return 1, 2
	case image.YCbCrSubsampleRatio411:
		return 4, 1
	case image.YCbCrSubsampleRatio410:
		return 4, 2
	}
	return 1, 1
}
