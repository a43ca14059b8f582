package jpegplanes

import "bytes"

// look is the number of bits that one look-up decides on. 9 to 12 were measured.
const look = 10

// codes decodes one Huffman table: T.81, annex C.
type codes struct {
	defined bool
	spec    []byte // the 16 counts and the symbols that it was made of

	// short holds, for the next bits, what they begin with, if that is short enough: see entry.
	short [1 << look]entry

	// Of the longer codes of n bits the last is last[n], left-aligned in 16, and offset[n] leads from a
	// code to the index of its symbol; last is -1 where there is none.
	last, offset [17]int32
	symbols      [256]uint8
}

// entry is what a look-up gives. The lowest byte is the number of bits to be taken, 0 if the code is
// longer than the look-up. The second is the code's symbol. The upper half is the value behind the
// code, if that was within the bits looked at: those bits are counted in then. It is 0 if not, as no
// value that is stored is 0.
type entry uint32

func (e entry) bits() uint    { return uint(e & 63) }
func (e entry) symbol() int   { return int(e >> 8 & 0xff) }
func (e entry) run() int      { return int(e >> 12 & 15) }
func (e entry) value() int32  { return int32(e) >> 16 }
func (e entry) isValue() bool { return e >= 1<<16 }

// readCodes reads Huffman tables.
func (d *decoder) readCodes(body []byte) bool {
	for len(body) > 0 {
		if len(body) < 17 || body[0]>>4 > 1 || body[0]&15 > 3 {
			return false
		}
		n := 0
		for _, count := range body[1:17] {
			n += int(count)
		}
		if n > 256 || len(body) < 17+n {
			return false
		}
		class, to := body[0]>>4, body[0]&15
		if !d.huffman[class][to].define(body[1:17+n], class == 0) {
			return false
		}
		body = body[17+n:]
	}
	return true
}

// define makes the table of its specification, unless it is made of that already. The symbols of
// constant parts are sizes alone.
func (c *codes) define(spec []byte, constant bool) bool {
	if bytes.Equal(spec, c.spec) {
		c.defined = true
		return true
	}
	c.spec = c.spec[:0]
	clear(c.short[:])
	code, k := 0, 0
	for n := 1; n <= 16; n++ {
		count := int(spec[n-1])
		if code+count > 1<<n {
			return false // more codes than there are
		}
		c.last[n], c.offset[n] = -1, int32(k-code)
		for range count {
			symbol := spec[16+k]
			if constant && symbol > 15 {
				return false
			}
			c.symbols[k] = symbol
			if n <= look {
				c.enter(code, n, symbol)
			}
			code, k = code+1, k+1
		}
		if count > 0 {
			c.last[n] = int32(code - 1)
		}
		code <<= 1
	}
	c.spec = append(c.spec, spec...)
	c.defined = true
	return true
}

// enter fills in what begins with a code of n bits.
func (c *codes) enter(code, n int, symbol uint8) {
	rest, size := look-n, int(symbol&15)
	for tail := range 1 << rest {
		e := entry(symbol)<<8 | entry(n)
		if size > 0 && size <= rest {
			value := extend(uint32(tail>>(rest-size)), uint(size))
			e = entry(value)<<16 | entry(symbol)<<8 | entry(n+size)
		}
		c.short[code<<rest|tail] = e
	}
}

// long finds the code of more bits than were looked at that the next 16 begin with; 0 bits if there is
// none.
func (c *codes) long(next16 int32) (symbol int, bits uint) {
	for n := look + 1; n <= 16; n++ {
		if code := next16 >> (16 - n); code <= c.last[n] {
			return int(c.symbols[code+c.offset[n]]), uint(n)
		}
	}
	return 0, 0
}

// extend is the value that so many bits stand for: those that begin with 0 are negative.
func extend(bits uint32, size uint) int32 {
	value := int32(bits)
	if bits>>(size-1) == 0 {
		value -= 1<<size - 1
	}
	return value
}
