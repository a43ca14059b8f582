package multiindex

import "math/bits"

const (
	everyPiece = 0x0001_0001_0001_0001
	signs      = 0x8000 * everyPiece
)

// near4 looks at four pieces at once, given where their bits differ from the probe's: it sets the
// sign bit of those where at most limit do. Limits are what limitOf makes.
func near4(differ, limit uint64) uint64 {
	x := byteCounts(differ)
	x += x << 8 // a piece's upper byte is its count now, and the lower at most 16
	return (limit - x) & signs
}

// byteCounts counts the bits of each byte, as bits.OnesCount64 does on its way.
func byteCounts(x uint64) uint64 {
	x -= x >> 1 & 0x5555_5555_5555_5555
	x = x&0x3333_3333_3333_3333 + x>>2&0x3333_3333_3333_3333
	return (x + x>>4) & 0x0f0f_0f0f_0f0f_0f0f
}

// pieceCounts counts the bits of each piece.
func pieceCounts(x uint64) uint64 {
	x = byteCounts(x)
	return (x + x>>8) & 0x00ff_00ff_00ff_00ff
}

// limitOf is the limit of 0 to 16 in the upper byte of four pieces, below their sign bits, which
// stay set unless more is taken away.
func limitOf(limit int) uint64 { return signs + (uint64(limit)<<8+0xff)*everyPiece }

// finder says which piece answers an entry that several find: the first whose distance, and whose
// distance together with the next piece, are short enough. The limits are 0x8000 more than those
// distances, for four pieces a word.
type finder struct {
	words        int
	single, both [4]uint64

	// own and pair are for kernels: by piece, what the distance, and that together with the next
	// piece's, must be below.
	own, pair [maxPieces]int16
}

func newFinder(p *plan) finder {
	f := finder{words: p.pieces / wordPieces}
	for i := range p.pieces {
		shift := i % wordPieces * pieceBits
		f.single[i/wordPieces] |= uint64(0x8000+p.u[i]-1) << shift
		f.both[i/wordPieces] |= uint64(0x8000+p.spare(i)) << shift
		f.own[i], f.pair[i] = int16(p.u[i]), int16(p.spare(i)+1)
	}
	return f
}

// first is that piece for an entry whose words differ so from the probe's, within the radius.
func (f *finder) first(differ *[4]uint64) int {
	head := pieceCounts(differ[0])
	for w, own := 0, head; w < f.words; w++ {
		next := head
		if w+1 < f.words {
			next = pieceCounts(differ[w+1])
		}
		pairs := own + own>>pieceBits + next<<(64-pieceBits)
		if fit := (f.single[w] - own) & (f.both[w] - pairs) & signs; fit != 0 {
			return w*wordPieces + bits.TrailingZeros64(fit)/pieceBits
		}
		own = next
	}
	return -1
}
