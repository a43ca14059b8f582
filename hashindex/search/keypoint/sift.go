package keypoint

import "math/bits"

// A hit is a posting of a level whose signature is near: its number, and in the lowest bits the distance.
const hitBits = 4

// siftPortable lists the hits among signatures, which are those of the postings from base on. There must
// be room for all, and for hitSlack more.
func siftPortable(signatures []uint64, base uint32, want uint64, hits []uint32) (n int) {
	for i, signature := range signatures {
		if d := bits.OnesCount64(signature ^ want); d <= near {
			hits[n] = (base+uint32(i))<<hitBits | uint32(d)
			n++
		}
	}
	return n
}

// hitSlack is how many words beyond the last hit may be overwritten.
const hitSlack = 8
