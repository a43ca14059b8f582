package jpegplanes

import (
	"bytes"
	"encoding/binary"
	"slices"
)

// bits reads the entropy-coded data between two markers.
//
// They lie unstuffed in data, which goes on with zeros: a block may be read past the end without a
// check, and whether that happened is asked after it. What the zeros made of it is then forgotten.
type bits struct {
	data []byte
	size int    // of data, without the zeros
	at   int    // of the next byte to fetch
	next uint64 // what comes next, from the top bit on
	n    uint   // bits that are valid in next
}

// spare is more than the bytes that one block takes at most, each of its 64 coefficients 16 bits for
// the code and 15 for the value, and than what is fetched ahead.
const spare = 288

// start takes the data up to the next marker, which is left in place. It reports false if they are cut
// off or hold something else than data.
func (b *bits) start(left []byte) (rest []byte, ok bool) {
	b.data = b.data[:0]
	for {
		end := bytes.IndexByte(left, 0xff)
		if end < 0 || end+1 == len(left) {
			return nil, false
		}
		b.data = append(b.data, left[:end]...)
		if left[end+1] != 0 {
			left = left[end:]
			break
		}
		b.data = append(b.data, 0xff)
		left = left[end+2:]
	}
	b.size, b.at, b.next, b.n = len(b.data), 0, 0, 0
	b.data = slices.Grow(b.data, spare)[:b.size+spare]
	clear(b.data[b.size:])
	return left, left[1] != 0xff
}

// fill makes at least 56 bits valid.
func (b *bits) fill() {
	b.next |= binary.BigEndian.Uint64(b.data[b.at:]) >> b.n
	b.at += int(63-b.n) >> 3
	b.n |= 56
}

// used is the number of bits taken.
func (b *bits) used() int { return 8*b.at - int(b.n) }

// overrun reports whether more was read than there was.
func (b *bits) overrun() bool { return b.used() > 8*b.size }

// ended reports whether all was read but for what fills up the last byte.
func (b *bits) ended() bool { return !b.overrun() && 8*b.size-b.used() < 8 }

// take takes n bits, at most 16. There must be so many valid.
func (b *bits) take(n uint) uint32 {
	v := uint32(b.next >> (64 - n&63) & (1<<n - 1))
	b.next <<= n & 63
	b.n -= n
	return v
}
