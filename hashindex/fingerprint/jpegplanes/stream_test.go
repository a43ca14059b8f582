package jpegplanes

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
)

// stream writes JPEG data of random coefficients: any sampling factors, restart interval and order of
// scans, which no encoder at hand does.
type stream struct {
	out           []byte
	acc           uint64
	n             uint
	random        *rand.Rand
	width, height int
	factors       [][2]int // across and down, of each component
	interval      int
	blocks        [][][64]int // of each component, in the order of its lines; coefficients in zigzag order
	codes         [256]uint32
	sizes         [256]uint
	spec          []byte // of the one Huffman table that all scans use
	predicted     [3]int
	run           int // blocks that end at once, not written yet
	pending       []uint32
}

// pass is one scan to be written.
type pass struct {
	components  []int
	first, last int
	high, low   int
}

func (s *stream) most() (across, down int) {
	for _, f := range s.factors {
		across, down = max(across, f[0]), max(down, f[1])
	}
	return across, down
}

func (s *stream) grid() (across, down int) {
	a, d := s.most()
	return ceil(s.width, 8*a), ceil(s.height, 8*d)
}

// encode writes the picture.
func (s *stream) encode(progressive bool, passes []pass) []byte {
	s.fillIn()
	s.out = []byte{0xff, markerSOI}
	for i := range s.factors {
		body := []byte{byte(i)}
		for range 64 {
			body = append(body, byte(1+s.random.IntN(40)))
		}
		s.segment(markerDQT, body)
	}
	body := []byte{8, byte(s.height >> 8), byte(s.height), byte(s.width >> 8), byte(s.width), byte(len(s.factors))}
	for i, f := range s.factors {
		body = append(body, byte(i+1), byte(f[0]<<4|f[1]), byte(i))
	}
	marker := byte(markerSOF0)
	if progressive {
		marker = markerSOF2
	}
	s.segment(marker, body)
	if s.interval > 0 {
		s.segment(markerDRI, []byte{byte(s.interval >> 8), byte(s.interval)})
	}
	s.huffman()
	for _, p := range passes {
		s.scan(progressive, p)
	}
	return append(s.out, 0xff, markerEOI)
}

func (s *stream) segment(marker byte, body []byte) {
	s.out = append(s.out, 0xff, marker)
	s.out = binary.BigEndian.AppendUint16(s.out, uint16(len(body)+2))
	s.out = append(s.out, body...)
}

// fillIn makes blocks, many of them flat and few of them full.
func (s *stream) fillIn() {
	across, down := s.grid()
	s.blocks = nil
	for _, f := range s.factors {
		blocks := make([][64]int, across*f[0]*down*f[1])
		for i := range blocks {
			blocks[i][0] = s.random.IntN(400) - 200
			for range s.random.IntN(12) * s.random.IntN(2) {
				k := 1 + s.random.IntN(1+s.random.IntN(63))
				blocks[i][k] = (s.random.IntN(1<<(1+s.random.IntN(8))) - 2) * (1 - 2*s.random.IntN(2))
			}
		}
		s.blocks = append(s.blocks, blocks)
	}
}

// huffman makes a code of every length from 3 to 16 bits for all symbols that there may be.
func (s *stream) huffman() {
	counts := [16]byte{2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 6, 8: 6, 9: 8, 10: 8, 11: 10, 12: 10, 13: 12, 14: 20, 15: 160}
	likely := []byte{0x01, 0x00, 0x02, 0x11, 0x03, 0xf0, 0x04, 0x10, 0x21, 0x05, 0x12, 0x06}
	symbols := slices.Clone(likely)
	for _, v := range s.random.Perm(256) {
		if !slices.Contains(likely, byte(v)) {
			symbols = append(symbols, byte(v))
		}
	}
	code, k := uint32(0), 0
	for i, count := range counts {
		for range count {
			s.codes[symbols[k]], s.sizes[symbols[k]] = code, uint(i+1)
			code, k = code+1, k+1
		}
		code <<= 1
	}
	s.spec = append(counts[:], symbols...)
	s.segment(markerDHT, append([]byte{0x10}, s.spec...))
	// Constant parts have sizes for symbols, which are at the front here.
	counts = [16]byte{3: 12, 4: 4}
	constant := counts[:]
	for v := range byte(16) {
		constant = append(constant, v)
	}
	s.segment(markerDHT, append([]byte{0x00}, constant...))
}

func (s *stream) bits(v uint32, n uint) {
	s.acc, s.n = s.acc<<n|uint64(v&(1<<n-1)), s.n+n
	for s.n >= 8 {
		b := byte(s.acc >> (s.n - 8))
		s.out, s.n = append(s.out, b), s.n-8
		if b == 0xff {
			s.out = append(s.out, 0)
		}
	}
}

func (s *stream) symbol(v int) { s.bits(s.codes[v], s.sizes[v]) }

func (s *stream) align() {
	if s.n > 0 {
		s.bits(0xff, 8-s.n)
	}
	s.acc = 0
}

// value writes the bits of a value, and returns how many there are.
func size(v int) (n uint) {
	for v = max(v, -v); v > 0; v >>= 1 {
		n++
	}
	return n
}

func (s *stream) value(v int) {
	n := size(v)
	if v < 0 {
		v += 1<<n - 1
	}
	s.bits(uint32(v), n)
}

func (s *stream) scan(progressive bool, p pass) {
	body := []byte{byte(len(p.components))}
	for _, c := range p.components {
		body = append(body, byte(c+1), 0)
	}
	s.segment(markerSOS, append(body, byte(p.first), byte(p.last), byte(p.high<<4|p.low)))
	block := s.whole
	switch {
	case progressive && p.first == 0:
		block = s.constantPart
	case progressive && p.high == 0:
		block = s.swings
	case progressive:
		block = s.refines
	}
	restarts, left := 0, s.interval
	s.predicted = [3]int{}
	s.eachUnit(p, func() {
		if s.interval > 0 && left == 0 {
			s.endRun()
			s.align()
			s.out = append(s.out, 0xff, markerRST0+byte(restarts&7))
			restarts, left, s.predicted = restarts+1, s.interval, [3]int{}
		}
		left--
	}, func(c, at int) { block(p, c, &s.blocks[c][at]) })
	s.endRun()
	s.align()
}

// eachUnit goes over the blocks as the scan holds them.
func (s *stream) eachUnit(p pass, begin func(), block func(c, at int)) {
	across, down := s.grid()
	a, d := s.most()
	if len(p.components) == 1 {
		c := p.components[0]
		f := s.factors[c]
		for y := range ceil(ceil(s.height*f[1], d), 8) {
			for x := range ceil(ceil(s.width*f[0], a), 8) {
				begin()
				block(c, y*across*f[0]+x)
			}
		}
		return
	}
	for i := range across * down {
		begin()
		for _, c := range p.components {
			f := s.factors[c]
			for j := range f[0] * f[1] {
				block(c, (i/across*f[1]+j/f[0])*across*f[0]+i%across*f[0]+j%f[0])
			}
		}
	}
}

func (s *stream) difference(c, v int) {
	d := v - s.predicted[c]
	s.predicted[c] = v
	n := size(d)
	if n < 12 {
		s.bits(uint32(n), 4)
	} else {
		s.bits(24+uint32(n)-12, 5)
	}
	s.value(d)
}

func (s *stream) whole(_ pass, c int, block *[64]int) {
	s.difference(c, block[0])
	zeros := 0
	for _, v := range block[1:] {
		if v == 0 {
			zeros++
			continue
		}
		for ; zeros > 15; zeros -= 16 {
			s.symbol(sixteenZeros)
		}
		s.symbol(zeros<<4 | int(size(v)))
		s.value(v)
		zeros = 0
	}
	if zeros > 0 {
		s.symbol(endOfBlock)
	}
}

func (s *stream) constantPart(p pass, c int, block *[64]int) {
	if p.high == 0 {
		s.difference(c, block[0]>>p.low)
		return
	}
	s.bits(uint32(block[0]>>p.low), 1)
}

// upper drops the lower bits of a value, towards zero.
func upper(v, low int) int {
	if v < 0 {
		return -(-v >> low)
	}
	return v >> low
}

func (s *stream) swings(p pass, _ int, block *[64]int) {
	zeros := 0
	for k := p.first; k <= p.last; k++ {
		v := upper(block[k], p.low)
		if v == 0 {
			zeros++
			continue
		}
		s.endRun()
		for ; zeros > 15; zeros -= 16 {
			s.symbol(sixteenZeros)
		}
		s.symbol(zeros<<4 | int(size(v)))
		s.value(v)
		zeros = 0
	}
	if zeros > 0 {
		s.extendRun()
	}
}

func (s *stream) extendRun() {
	if s.run++; s.run == 1<<15-1 || len(s.pending) > 900 {
		s.endRun()
	}
}

// endRun writes the run of blocks that ended at once, and their refining bits.
func (s *stream) endRun() {
	if s.run > 0 {
		n := size(s.run) - 1
		s.symbol(int(n) << 4)
		s.bits(uint32(s.run), n)
	}
	s.refine()
	s.run = 0
}

func (s *stream) refine() {
	for _, bit := range s.pending {
		s.bits(bit, 1)
	}
	s.pending = s.pending[:0]
}

func (s *stream) refines(p pass, _ int, block *[64]int) {
	lastNew := 0
	for k := p.first; k <= p.last; k++ {
		if v := upper(block[k], p.low); v == 1 || v == -1 {
			lastNew = k
		}
	}
	var bits []uint32
	zeros := 0
	for k := p.first; k <= p.last; k++ {
		v := upper(block[k], p.low)
		if v == 0 {
			zeros++
			continue
		}
		for ; zeros > 15 && k <= lastNew; zeros -= 16 {
			s.endRun()
			s.symbol(sixteenZeros)
			s.pending, bits = append(s.pending, bits...), bits[:0]
			s.refine()
		}
		if v != 1 && v != -1 {
			bits = append(bits, uint32(max(v, -v)&1))
			continue
		}
		s.endRun()
		s.symbol(zeros<<4 | 1)
		s.bits(uint32(v+1)/2, 1)
		s.pending, bits = append(s.pending, bits...), bits[:0]
		s.refine()
		zeros = 0
	}
	if s.pending = append(s.pending, bits...); zeros > 0 || len(bits) > 0 {
		s.extendRun()
	}
}
