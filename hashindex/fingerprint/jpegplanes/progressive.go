package jpegplanes

import mathbits "math/bits"

// A progressive picture comes in scans, each of which brings some coefficients of all blocks, or one
// more bit of them: T.81, annex G. A component's marks tell which coefficients of a block are set
// beside the constant one, a bit each by their place in the zigzag: refining touches only those, and
// a block without any is flat.

// constantUnits decodes constant parts: their upper bits, or one more bit.
func (d *decoder) constantUnits(u units) bool {
	b := &d.bits
	if len(u.components) == 1 {
		c := u.components[0]
		for i := u.first; i < u.first+u.count; i++ {
			if b.overrun() || !b.constantPart(c.block(i%c.columns, i/c.columns), c, u.scan) {
				return false
			}
		}
		return true
	}
	for unit := u.first; unit < u.first+u.count; unit++ {
		x, y := unit%d.acrossUnits, unit/d.acrossUnits
		for _, c := range u.components {
			for i := range c.wide * c.high {
				if b.overrun() || !b.constantPart(c.block(x*c.wide+i%c.wide, y*c.high+i/c.wide), c, u.scan) {
					return false
				}
			}
		}
	}
	return true
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

// swingingBlocks decodes the upper bits of coefficients.
func (d *decoder) swingingBlocks(u units) bool {
	b, c := &d.bits, u.components[0]
	empty := 0 // blocks to come that end before they begin
	for i := u.first; i < u.first+u.count; i++ {
		if empty > 0 {
			empty--
			continue
		}
		if b.overrun() {
			return false
		}
		x, y := i%c.columns, i/c.columns
		run, ok := b.swings(c.block(x, y), &c.marks[y*c.across+x], c.ac, u.scan)
		if !ok {
			return false
		}
		empty = run
	}
	return empty == 0
}

// swings decodes one block's. It returns how many blocks after it are empty.
func (b *bits) swings(block *[64]int16, mark *uint64, ac *codes, s *scan) (empty int, ok bool) {
	for k := s.first; k <= s.last; {
		symbol, ok := b.symbol(ac)
		if !ok {
			return 0, false
		}
		run, size := symbol>>4, uint(symbol&15)
		if size == 0 {
			if symbol != sixteenZeros {
				return b.endRun(run), true
			}
			k += 16
			continue
		}
		k += run
		if k > s.last {
			return 0, false
		}
		v := extend(b.take(size), size) << s.shift
		if v != int32(int16(v)) {
			return 0, false
		}
		block[order[k&63]] = int16(v)
		*mark |= 1 << (k & 63)
		k++
	}
	return 0, true
}

// endRun is the number of blocks that end with this one, without it.
func (b *bits) endRun(run int) int {
	if b.n < 16 {
		b.fill()
	}
	return 1<<run - 1 + int(b.take(uint(run)))
}

// refinedBlocks decodes one more bit of coefficients, and new ones of that size.
func (d *decoder) refinedBlocks(u units) bool {
	b, c := &d.bits, u.components[0]
	empty := 0
	for i := u.first; i < u.first+u.count; i++ {
		if b.overrun() {
			return false
		}
		x, y := i%c.columns, i/c.columns
		mark := &c.marks[y*c.across+x]
		if empty > 0 {
			empty--
			if !b.refine(c.block(x, y), *mark&u.within(), u.shift) {
				return false
			}
			continue
		}
		run, ok := b.refined(c.block(x, y), mark, c.ac, u.scan)
		if !ok {
			return false
		}
		empty = run
	}
	return empty == 0
}

// within marks the coefficients of the scan.
func (s *scan) within() uint64 { return uint64(2)<<s.last - uint64(1)<<s.first }

// refine takes a bit for each coefficient of the set.
func (b *bits) refine(block *[64]int16, set uint64, shift uint) bool {
	for ; set != 0; set &= set - 1 {
		if !b.refineOne(&block[order[mathbits.TrailingZeros64(set)&63]], shift) {
			return false
		}
	}
	return true
}

func (b *bits) refineOne(coefficient *int16, shift uint) bool {
	if b.n == 0 {
		b.fill()
	}
	if b.take(1) == 0 {
		return true
	}
	v := int32(*coefficient)
	if v < 0 {
		v -= 1 << shift
	} else {
		v += 1 << shift
	}
	*coefficient = int16(v)
	return v == int32(int16(v))
}

// refined decodes one block's. It returns how many blocks after it have no new coefficients.
func (b *bits) refined(block *[64]int16, mark *uint64, ac *codes, s *scan) (empty int, ok bool) {
	set := *mark & s.within()
	for k := s.first; k <= s.last; k++ {
		symbol, ok := b.symbol(ac)
		if !ok {
			return 0, false
		}
		run, value := symbol>>4, int16(0)
		switch symbol & 15 {
		case 0:
			if symbol != sixteenZeros {
				return b.endRun(run), b.refine(block, set>>k<<k, s.shift)
			}
		case 1:
			value = int16(2*int32(b.take(1))-1) << s.shift
		default:
			return 0, false
		}
		if k, ok = b.pass(block, set, k, run, s); !ok {
			return 0, false
		}
		if value != 0 {
			block[order[k&63]] = value
			*mark |= 1 << (k & 63)
		}
	}
	return 0, true
}

// pass goes on from coefficient k over so many that are not set, refining those that are, and returns
// the next one that is not.
func (b *bits) pass(block *[64]int16, set uint64, k, run int, s *scan) (int, bool) {
	for k <= s.last {
		next := min(mathbits.TrailingZeros64(set>>k<<k), s.last+1)
		if run < next-k {
			return k + run, true
		}
		run -= next - k
		if next > s.last || !b.refineOne(&block[order[next&63]], s.shift) {
			return 0, false
		}
		k = next + 1
	}
	return 0, false
}
