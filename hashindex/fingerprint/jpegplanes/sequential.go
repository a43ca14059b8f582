package jpegplanes

import "encoding/binary"

// sequentialUnits decodes whole blocks, and shows them at once.
func (d *decoder) sequentialUnits(u units) bool {
	b := &d.bits
	var block [64]int16
	for unit := u.from; unit < u.from+u.count; unit++ {
		x, y := unit%d.acrossUnits, unit/d.acrossUnits
		for _, c := range u.components {
			t := &d.tables[c.table]
			for i := range c.wide * c.high {
				swings, ok := b.wholeBlock(&block, c)
				if !ok {
					return false
				}
				c.show(&block, swings, t, x*c.wide+i%c.wide, y*c.high+i/c.wide)
				if swings {
					clear(block[:])
				}
			}
		}
		if b.overrun() {
			return false
		}
	}
	return true
}

// wholeBlock decodes a block that was zero. It reports whether there is more in it than its constant
// part. The values are not scaled yet.
func (b *bits) wholeBlock(block *[64]int16, c *component) (swings, ok bool) {
	if b.at > b.size+8 || !b.constant(c) {
		return false, false
	}
	block[0] = int16(c.predicted)
	ac := c.ac
	data, at, next, n := b.data, b.at, b.next, b.n
	k := 1
	for k < 64 {
		if n < 32 {
			next |= binary.BigEndian.Uint64(data[at:]) >> (n & 63)
			at += int(63-n) >> 3
			n |= 56
		}
		e := ac.short[next>>(64-look)]
		if e.isValue() {
			next <<= e.bits()
			n -= e.bits()
			if k += e.run(); k > 63 {
				return false, false
			}
			block[order[k&63]&63] = int16(e.value())
			k++
			continue
		}
		symbol, taken := e.symbol(), e.bits()
		if taken == 0 {
			if symbol, taken = ac.long(int32(next >> 48)); taken == 0 {
				return false, false
			}
		}
		next <<= taken & 63
		n -= taken
		size := uint(symbol & 15)
		if size == 0 {
			if symbol == endOfBlock {
				break
			}
			if symbol != sixteenZeros {
				return false, false
			}
			k += 16
			continue
		}
		k += symbol >> 4
		if k > 63 {
			return false, false
		}
		block[order[k&63]&63] = int16(extend(uint32(next>>(64-size&63)), size))
		next <<= size & 63
		n -= size
		k++
	}
	b.at, b.next, b.n = at, next, n
	return k > 1, true
}

// Symbols without a value: T.81, section F.1.2.2.
const (
	endOfBlock   = 0x00
	sixteenZeros = 0xf0
)

// constant decodes the difference of the constant part to that of the block before. Blocks are stored
// in 16 bits: a sum beyond them, which no picture needs, is not decoded here.
func (b *bits) constant(c *component) bool {
	if b.n < 32 {
		b.fill()
	}
	e := c.dc.short[b.next>>(64-look)]
	if e.isValue() {
		b.next <<= e.bits() & 63
		b.n -= e.bits()
		c.predicted += e.value()
	} else {
		symbol, taken := e.symbol(), e.bits()
		if taken == 0 {
			if symbol, taken = c.dc.long(int32(b.next >> 48)); taken == 0 {
				return false
			}
		}
		b.next <<= taken & 63
		b.n -= taken
		if symbol > 0 {
			c.predicted += extend(b.take(uint(symbol)), uint(symbol))
		}
	}
	return c.predicted == int32(int16(c.predicted))
}
