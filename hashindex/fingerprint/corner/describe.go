package corner

import (
	"math"

	"touchstone/hashindex"
)

// keypoint orients and describes a corner.
func (l *level) keypoint(c candidate) hashindex.Keypoint {
	at := (int(c.y)+pad)*l.stride + int(c.x) + pad
	k := hashindex.Keypoint{
		X:     quantise(c.x, l.scale),
		Y:     quantise(c.y, l.scale),
		Scale: l.octaves,
		Angle: l.angle(at),
	}
	samples := l.samples(int(c.x), int(c.y), k.Angle)
	describe(&samples, &k)
	return k
}

// quantise is the middle of a level's pixel in 64ths of one of the picture.
func quantise(v int32, scale float64) uint16 { return uint16((float64(v) + 0.5) * scale * 64) }

const discRadius = 15

// discWidth is half the width of a disc of that radius, by row from its middle.
var discWidth = func() (widths [discRadius + 1]int) {
	for y := range widths {
		widths[y] = int(math.Sqrt(float64(discRadius*discRadius-y*y)) + 0.5)
	}
	return widths
}()

// angle is the direction from the corner to the centroid of brightness around it.
func (l *level) angle(at int) uint8 {
	mx, my := l.moments(at)
	return uint8(int(math.Round(math.Atan2(float64(my), float64(mx)) * (128 / math.Pi))))
}

// momentsPortable are the sums of brightness over the disc around a place, each pixel weighed by how far
// right, and by how far down, it is.
func (l *level) momentsPortable(at int) (mx, my int) {
	for x := -discRadius; x <= discRadius; x++ {
		mx += x * int(l.pix[at+x])
	}
	for y := 1; y <= discRadius; y++ {
		w := discWidth[y]
		upper := l.pix[at-y*l.stride-w:][:2*w+1]
		lower := l.pix[at+y*l.stride-w:][:2*w+1]
		rows := 0
		for x := range upper {
			u, v := int(upper[x]), int(lower[x])
			mx += (x - w) * (u + v)
			rows += v - u
		}
		my += y * rows
	}
	return mx, my
}

// samplesPortable are the brightnesses around a place, turned upright.
func (l *level) samplesPortable(x, y int, angle uint8) (samples [pointCount]int32) {
	width := l.stride + 1
	turned := &pattern.turned[angle]
	origin := (y+pad)*width + x + pad
	for i := range samples {
		half := int(pattern.squares.half[i])
		side := 2*half + 1
		top := origin + (int(turned.y[i])-half)*width + int(turned.x[i]) - half
		bottom := top + side*width
		sum := l.sums[bottom+side] - l.sums[bottom] - l.sums[top+side] + l.sums[top]
		samples[i] = int32(sum) * pattern.squares.weight[i]
	}
	return samples
}

// describe compares samples, and puts the key first.
func describe(samples *[pointCount]int32, k *hashindex.Keypoint) {
	compare(samples, &k.Descriptor)
	putKey(samples, k)
}

// comparePortable sets a bit for each pair whose first sample is the darker.
func comparePortable(samples *[pointCount]int32, words *hashindex.Descriptor) {
	for word := range words {
		var bits uint64
		for bit := range 64 {
			a, b := pattern.pairs.first[64*word+bit], pattern.pairs.second[64*word+bit]
			bits |= uint64(uint32(samples[a]-samples[b])>>31) << bit
		}
		words[word] = bits
	}
}
