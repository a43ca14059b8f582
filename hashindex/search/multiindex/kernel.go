package multiindex

import "math/bits"

// siftStep is how many pieces sift may look at in one step: so many must be readable behind the
// last, and so many hits must have room before a step is taken.
const siftStep = 32

// The kernels look at buckets for one probe in one table. Masks are what the buckets differ by from the
// probe's own where they are located, and what their keys do where they are sifted; after is the probe's following piece, from which an entry's may differ in spare
// bits, and in one less for each bit of the mask.

// locatePortable notes the spans of the buckets, and counts their postings.
func locatePortable(starts []uint32, own uint16, masks []uint16, spans []span) (postings int) {
	for i, m := range masks {
		b := int(own ^ m)
		spans[i] = span{starts[b], starts[b+1]}
		postings += int(spans[i].to - spans[i].from)
	}
	return postings
}

// siftPortable writes to hits the postings of the spans, and says how many spans it has done with
// and how many hits there are. Where hits has no room for another step, what is left of the span at
// hand stays in it.
func siftPortable(pieces []uint16, spans []span, masks []uint16, after uint16, spare int, hits []uint32) (done, n int) {
	for i := range spans {
		sp := &spans[i]
		four, limits := uint64(after)*everyPiece, limitOf(min(spare-bits.OnesCount16(masks[i]), pieceBits))
		for ; sp.from < sp.to; sp.from += wordPieces {
			if len(hits)-n < siftStep {
				return i, n
			}
			p := pieces[sp.from:][:wordPieces:wordPieces]
			word := uint64(p[0]) | uint64(p[1])<<16 | uint64(p[2])<<32 | uint64(p[3])<<48
			for near := near4(word^four, limits); near != 0; near &= near - 1 {
				if at := sp.from + uint32(bits.TrailingZeros64(near)/pieceBits); at < sp.to {
					hits[n] = at
					n++
				}
			}
		}
	}
	return len(spans), n
}

// placePortable makes places of postings.
func placePortable(places, hits []uint32) {
	for i, h := range hits {
		hits[i] = places[h]
	}
}
