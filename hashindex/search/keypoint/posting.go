package keypoint

import (
	"math/bits"

	"touchstone/hashindex"
)

// posting is one corner of one frame. Its signature stands apart, because most postings are
// dismissed by that alone.
type posting struct {
	slot uint32

	// place holds, from the lowest bit: x and y from the middle of the picture in pixels, plus 512 (10
	// bits each), the angle in 64ths of a turn (6) and the scale in eighths of an octave (6).
	place uint32
}

func newPosting(slot uint32, f *hashindex.Features, k *hashindex.Keypoint) posting {
	p := placeOf(f, k)
	return posting{slot, uint32(p.x+512) | uint32(p.y+512)<<10 | uint32(p.angle)>>2<<20 | uint32(p.scale&maxScale)<<26}
}

// finest and maxScale bound what is noted of a corner's scale, in eighths of an octave.
const finest, maxScale = -8, 63

// place is where a corner lies from the middle of its picture, in pixels, how it is turned, in 256ths,
// and how large it is, in eighths of an octave: below 0 in queries alone.
type place struct {
	x, y  int32
	scale int32
	angle uint8
}

func placeOf(f *hashindex.Features, k *hashindex.Keypoint) place {
	return place{int32(k.X)/64 - int32(f.Width)/2, int32(k.Y)/64 - int32(f.Height)/2, int32(min(max(k.Scale, finest), maxScale)), k.Angle}
}

func (p posting) at() place {
	return place{
		int32(p.place&1023) - 512, int32(p.place>>10&1023) - 512,
		int32(p.place >> 26), uint8(p.place>>20&63)<<2 + 2,
	}
}

// keyOf is the beginning of a descriptor, its first bit the highest, so that a shorter key is a range
// of longer ones.
func keyOf(d *hashindex.Descriptor) uint32 {
	return bits.Reverse32(uint32(d[0])) >> (32 - hashindex.KeyBits)
}

// signatureOf is a part of the descriptor that keys have no bit of.
func signatureOf(d *hashindex.Descriptor) uint64 { return d[1] }
