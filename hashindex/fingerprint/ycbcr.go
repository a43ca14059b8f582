package fingerprint

import (
	"image"
	"slices"
)

// sampleYCbCr reads a picture stored as brightness and colour difference.
//
// The brightness alone would do for most pictures, and is what image libraries hand out as grey.
// But other implementations of PDQ start from RGB: they interpolate the coarser chroma, convert,
// and cut off at 0 and 255. Doing the same at the samples only costs little and makes 96 % of the
// reference hashes equal in every bit, against 72 %: TestHashesEqualTheReferenceImplementation.
func (s *sampler) sampleYCbCr(m *image.YCbCr, f format) {
	toLuma := jpegLuma
	if f == formatWebP {
		toLuma = videoLuma
	}
	s.chroma.plan(m, s.columns)
	for j, y := range s.rows {
		brightness := m.Y[(m.Rect.Min.Y+y)*m.YStride:]
		blue, red := s.chroma.row(m, y)
		toLuma(s.row(j), s.columns, brightness, blue, red)
	}
}

// jpegLuma converts as JFIF says: full range, BT.601, with libjpeg's constants and rounding.
func jpegLuma(out []float32, columns []int, brightness []uint8, blue, red []int32) {
	const half = 1 << 15
	blue, red, columns = blue[:len(out)], red[:len(out)], columns[:len(out)]
	for i := range out {
		y, cb, cr := int32(brightness[columns[i]]), blue[i]-128, red[i]-128
		out[i] = lumaOf(
			clamp8(y+(91881*cr+half)>>16),
			clamp8(y+(-22554*cb-46802*cr+half)>>16),
			clamp8(y+(116130*cb+half)>>16))
	}
}

// videoLuma converts as WebP means it: brightness runs from 16 to 235, with libwebp's constants.
// The image package knows no such range and would show these pictures grey.
func videoLuma(out []float32, columns []int, brightness []uint8, blue, red []int32) {
	for i, x := range columns {
		y, cb, cr := int32(brightness[x])*19077>>8, blue[i], red[i]
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
type chromaSampler struct {
	across, down int     // pixels that share a value
	near, far    []int32 // positions in a chroma row, for each sampled column
	rounding     []int32 // and what to add before dividing
	mixed        []int32 // a chroma row, in quarters
	blue, red    []int32
}

func (c *chromaSampler) plan(m *image.YCbCr, columns []int) {
	c.across, c.down = coarseness(m.SubsampleRatio)
	n, width := len(columns), (m.Rect.Dx()-1)/c.across+1
	for _, buffer := range []*[]int32{&c.near, &c.far, &c.rounding, &c.blue, &c.red} {
		*buffer = slices.Grow((*buffer)[:0], n)[:n]
	}
	c.mixed = slices.Grow(c.mixed[:0], width)[:width]
	for i, x := range columns {
		near, far := neighbours(x, c.across, width-1)
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
func (c *chromaSampler) roundingAt(x int) int32 {
	odd := int32(x % 2)
	switch {
	case c.across == 2 && c.down == 2:
		return 8 - odd
	case c.across == 2:
		return 4 + 4*odd
	}
	return 0
}

// row interpolates the chroma of pixel row y.
func (c *chromaSampler) row(m *image.YCbCr, y int) (blue, red []int32) {
	near, far := neighbours(y, c.down, (m.Rect.Dy()-1)/c.down)
	rounding := int32(0)
	if c.down == 2 && c.across != 2 {
		rounding = int32(4 + 4*(y%2))
	}
	c.interpolate(c.blue, m.Cb[near*m.CStride:], m.Cb[far*m.CStride:], rounding)
	c.interpolate(c.red, m.Cr[near*m.CStride:], m.Cr[far*m.CStride:], rounding)
	return c.blue, c.red
}

func (c *chromaSampler) interpolate(out []int32, near, far []uint8, rounding int32) {
	mixed := c.mixed
	near, far = near[:len(mixed)], far[:len(mixed)]
	for i := range mixed {
		mixed[i] = 3*int32(near[i]) + int32(far[i])
	}
	own, next, round := c.near[:len(out)], c.far[:len(out)], c.rounding[:len(out)]
	for i := range out {
		out[i] = (3*mixed[own[i]] + mixed[next[i]] + round[i] + rounding) >> 4
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
