package jpegplanes

import (
	"encoding/binary"
	mathbits "math/bits"
)

// A progressive picture comes in scans, each of which brings some coefficients of all blocks, or one
// more bit of them: T.81, annex G. A component's marks tell which coefficients of a block are set
// beside the constant one, a bit each by their place in the zigzag: refining touches only those, and
// a block without any is flat.

// constantUnits decodes constant parts: their upper bits, or one more bit.
func (d *decoder) constantUnits(u units) bool {
	b := &d.bits
	return d.eachBlock(u, func(c *component, x, y int) bool {
		return !b.overrun() && b.constantPart(c.block(x, y), c, u.scan)
	})
}

func (b *bits) constantPart(block *[64]int16, c *component, s *scan) bool {
	if s.refines {
		if b.n == 0 {
			b.fill()
		}
		block[0] |= int16(b.take(1)) << s.shift
		return true
	}
	if !b.constant(c) {
		return false
	}
	v := c.predicted << s.shift
	block[0] = int16(v)
	return v == int32(int16(v))
}

// eachBlock goes over the blocks of units.
func (d *decoder) eachBlock(u units, decode func(c *component, x, y int) bool) bool {
	if len(u.components) == 1 {
		c := u.components[0]
		x, y := u.from%c.columns, u.from/c.columns
		for range u.count {
			if !decode(c, x, y) {
				return false
			}
			if x++; x == c.columns {
				x, y = 0, y+1
			}
		}
		return true
	}
	for unit := u.from; unit < u.from+u.count; unit++ {
		x, y := unit%d.acrossUnits, unit/d.acrossUnits
		for _, c := range u.components {
			for i := range c.wide * c.high {
				if !decode(c, x*c.wide+i%c.wide, y*c.high+i/c.wide) {
					return false
				}
			}
		}
	}
	return true
}

// swingingBlocks decodes the upper bits of coefficients.
func (d *decoder) swingingBlocks(u units) bool {
	b := &d.bits
	empty := 0 // blocks to come that end before they begin
	return d.eachBlock(u, func(c *component, x, y int) (ok bool) {
		if empty > 0 {
			empty--
			return true
		}
		if b.overrun() {
			return false
		}
		empty, ok = b.swings(c.block(x, y), &c.marks[y*c.across+x], c.ac, u.scan)
		return ok
	}) && empty == 0
}

// swings decodes one block's. It returns how many blocks after it are empty.
func (b *bits) swings(block *[64]int16, mark *uint64, ac *codes, s *scan) (empty int, ok bool) {
	data, at, next, n := b.data, b.at, b.next, b.n
	set, over := *mark, int32(0)
	k := s.first
	for k <= s.last {
		if n < 32 {
			next |= binary.BigEndian.Uint64(data[at:]) >> (n & 63)
			at += int(63-n) >> 3
			n |= 56
		}
		e := ac.short[next>>(64-look)]
		value := e.value()
		run, taken := e.run(), e.bits()
		if !e.isValue() {
			symbol := e.symbol()
			if taken == 0 {
				if symbol, taken = ac.long(int32(next >> 48)); taken == 0 {
					return 0, false
				}
			}
			size := uint(symbol & 15)
			if run = symbol >> 4; size == 0 {
				next <<= taken & 63
				n -= taken
				if symbol == sixteenZeros {
					k += 16
					continue
				}
				empty = 1<<run - 1 + int(next>>(64-run&63))
				next <<= run & 63
				n -= uint(run)
				break
			}
			value = extend(uint32(next<<(taken&63)>>(64-size&63)), size)
			taken += size
		}
		next <<= taken & 63
		n -= taken
		if k += run; k > s.last {
			return 0, false
		}
		value <<= s.shift
		over |= value ^ int32(int16(value))
		block[order[k&63]&63] = int16(value)
		set |= 1 << (k & 63)
		k++
	}
	*mark = set
	b.at, b.next, b.n = at, next, n
	return empty, over == 0
}

// refinedBlocks decodes one more bit of coefficients, and new ones of that size.
func (d *decoder) refinedBlocks(u units) bool {
	b := &d.bits
	within := uint64(2)<<u.last - uint64(1)<<u.first
	empty := 0
	return d.eachBlock(u, func(c *component, x, y int) (ok bool) {
		mark := &c.marks[y*c.across+x]
		if empty > 0 && *mark&within == 0 {
			empty--
			return true
		}
		if b.overrun() {
			return false
		}
		empty, ok = b.refined(c.block(x, y), mark, *mark&within, c.ac, u.scan, empty)
		return ok
	}) && empty == 0
}

// refined decodes one block's, of which the coefficients of the set have a bit each to come. New ones
// come unless this is one of the empty blocks; it returns how many of those come after it.
func (b *bits) refined(block *[64]int16, mark *uint64, set uint64, ac *codes, s *scan, empty int) (rest int, ok bool) {
	data, at, next, n := b.data, b.at, b.next, b.n
	over := int32(0)
	for k := s.first; k <= s.last; {
		value, target := int32(0), 64
		if empty == 0 {
			if n < 32 {
				next |= binary.BigEndian.Uint64(data[at:]) >> (n & 63)
				at += int(63-n) >> 3
				n |= 56
			}
			e := ac.short[next>>(64-look)]
			symbol, taken := e.symbol(), e.bits()
			value = e.value()
			if taken == 0 {
				if symbol, taken = ac.long(int32(next >> 48)); taken == 0 {
					return 0, false
				}
			}
			next <<= taken & 63
			n -= taken
			run := symbol >> 4
			switch {
			case symbol&15 == 1:
				if value == 0 {
					value = int32(next>>63)*2 - 1
					next <<= 1
					n--
				}
			case symbol&15 != 0:
				return 0, false
			case symbol != sixteenZeros:
				empty = 1<<run + int(next>>(64-run&63))
				next <<= run & 63
				n -= uint(run)
			}
			if empty == 0 {
				// The run is of coefficients that are not set, as is the one behind it.
				unset := ^set >> k << k
				for range run {
					unset &= unset - 1
				}
				if target = mathbits.TrailingZeros64(unset); target > s.last {
					return 0, false
				}
			}
		}
		for passed := set >> k << k & (1<<target - 1); passed != 0; passed &= passed - 1 {
			if n == 0 {
				next = binary.BigEndian.Uint64(data[at:])
				at += 7
				n = 56
			}
			c := &block[order[mathbits.TrailingZeros64(passed)&63]&63]
			old := int32(*c)
			sign := old >> 31
			refined := old + (int32(next>>63)<<s.shift ^ sign) - sign
			next <<= 1
			n--
			over |= refined ^ int32(int16(refined))
			*c = int16(refined)
		}
		if empty > 0 {
			break
		}
		if value != 0 {
			block[order[target&63]&63] = int16(value << s.shift)
			*mark |= 1 << (target & 63)
		}
		k = target + 1
	}
	b.at, b.next, b.n = at, next, n
	return max(empty-1, 0), over == 0
}
