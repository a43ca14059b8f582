package multiindex

import "math/bits"

// lineWords is how many words a cache line holds.
const lineWords = 8

// span is a bucket's postings.
type span struct{ from, to uint32 }

// bunch says of some spans in which piece's table they are, and how far the next piece may be.
type bunch struct {
	piece int
	limit uint64
	spans int
}

// table looks at the buckets of piece i, and is false once the postings exceed the budget. A bucket
// is looked at in steps, each for many buckets so that their cache misses overlap: where it is, a
// first touch, and the sifting.
func (s *search) table(i int) bool {
	t := &s.level.tables[i]
	for k := 0; k <= s.plan.reach(i); k++ {
		limit := limitOf(min(s.plan.spare(i)-k, pieceBits))
		for keys := t.masks(k); len(keys) > 0; {
			if s.spanned == spanCount && !s.drain() {
				return false
			}
			n := min(len(keys), spanCount-s.spanned)
			s.locate(t, s.piece(i)>>t.shift, keys[:n])
			s.bunches = append(s.bunches, bunch{i, limit, n})
			keys = keys[n:]
		}
	}
	return true
}

// masks are what keys at distance k differ by.
func (t *table) masks(k int) []uint16 { return masks()[k][:choose(pieceBits-t.shift, k)] }

// locate notes the spans of the keys that differ so from the probe's.
func (s *search) locate(t *table, key uint16, masks []uint16) {
	postings := uint32(0)
	spans := s.spans[s.spanned:][:len(masks)]
	for j, m := range masks {
		k := int(key ^ m)
		sp := span{t.starts[k], t.starts[k+1]}
		spans[j] = sp
		postings += sp.to - sp.from
	}
	s.waiting += int(postings)
	s.spanned += len(masks)
}

// drain makes hits of what the spans hold, unless it is too much.
func (s *search) drain() bool {
	if s.sifted+s.waiting > s.budget {
		return false
	}
	s.each(s.touch)
	s.each(s.sift)
	s.sifted += s.waiting
	s.bunches, s.spanned, s.waiting = s.bunches[:0], 0, 0
	return true
}

func (s *search) each(do func(bunch, []span)) {
	at := 0
	for _, b := range s.bunches {
		do(b, s.spans[at:][:b.spans])
		at += b.spans
	}
}

// touch brings the postings into the cache, one load a line. Nothing here waits for what is read.
func (s *search) touch(b bunch, spans []span) {
	pieces, warm := s.level.tables[b.piece].pieces, s.warm
	for _, sp := range spans {
		if sp.from == sp.to {
			continue
		}
		last := (sp.to - 1) / wordPieces
		for w := sp.from / wordPieces; w < last; w += lineWords {
			warm += pieces[w]
		}
		warm += pieces[last]
	}
	s.warm = warm
}

// sift makes hits of the postings whose following piece is near too. It reads whole words, which
// hold postings of the neighbouring buckets at either end.
func (s *search) sift(b bunch, spans []span) {
	pieces := s.level.tables[b.piece].pieces
	after := uint64(s.piece((b.piece+1)%len(s.level.tables))) * everyPiece
	for _, sp := range spans {
		if sp.from == sp.to {
			continue
		}
		first := sp.from / wordPieces
		for w, four := range pieces[first : (sp.to-1)/wordPieces+1] {
			if near := near4(four^after, b.limit); near != 0 {
				s.keep(b.piece, sp, (first+uint32(w))*wordPieces, near)
			}
		}
	}
}

// keep makes hits of those from posting n on whose sign bits are set, if they are in the span.
func (s *search) keep(piece int, sp span, n uint32, near uint64) {
	for ; near != 0; near &= near - 1 {
		at := n + uint32(bits.TrailingZeros64(near)/pieceBits)
		if at < sp.from || at >= sp.to {
			continue
		}
		if s.hit == hitCount {
			s.verify()
		}
		s.hits[s.hit] = hit{at, uint32(piece)}
		s.hit++
	}
}
