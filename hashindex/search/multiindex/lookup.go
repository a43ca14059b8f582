package multiindex

// expect asks for what lookup reads of the probe.
func (s *search) expect(number int) {
	p := &s.probes[number]
	for i := range s.level.tables {
		if reach := p.share.reach(i); 0 <= reach && reach <= maxReach {
			t := &s.level.tables[i]
			_, buckets := s.level.masks.within(reach)
			ask(t, p.bucket(t, uint8(i)), buckets)
		}
	}
}

// lookup lists the buckets that hold the probe's answers.
func (s *search) lookup(number int) {
	p := &s.probes[number]
	s.share(p)
	if s.budget(p) < 0 {
		p.costly = true
	}
	for i := range s.level.tables {
		reach := p.share.reach(i)
		if reach > maxReach {
			p.costly = true
		}
		if p.costly {
			return
		}
		if reach >= 0 {
			s.list(uint8(number), uint8(i), reach)
		}
	}
}

// share gives the probe a share of its own if the even one has it look at a bucket so full that the
// next keys of another piece cost less.
func (s *search) share(p *probe) {
	l := s.level
	var sizes [maxPieces]int
	most := 0
	for i := range l.tables {
		t := &l.tables[i]
		sp := t.span(p.bucket(t, uint8(i)))
		sizes[i] = int(sp.to - sp.from)
		most = max(most, sizes[i])
	}
	if most > s.full {
		own := newShare(cheaply(s.radius, l.keyBits, l.size()>>l.keyBits, sizes[:len(l.tables)]), l.keyBits)
		p.share = &own
	}
}

// budget is how many postings more the probe may look at before a scan costs less.
func (s *search) budget(p *probe) int {
	return scanCost*s.level.size() - visitCost*p.share.visits - p.sifted
}

// list lists the buckets of one piece whose keys are within reach, and asks for their postings.
func (s *search) list(number, piece uint8, reach int) {
	p, t := &s.probes[number], &s.level.tables[piece]
	own := p.bucket(t, piece)
	keys, buckets := s.level.masks.within(reach)
	for len(keys) > 0 {
		c := s.chunk()
		n := min(len(keys), chunkSize-c.buckets)
		b := bunch{number, piece, keys[:n], c.spans[c.buckets:][:n]}
		p.sifted += locate(t, own, buckets[:n], b.spans)
		if s.budget(p) < 0 {
			p.costly = true
			return
		}
		c.bunches = append(c.bunches, b)
		c.buckets += n
		keys, buckets = keys[n:], buckets[n:]
	}
}

// chunk is the one that takes buckets, with room for one.
func (s *search) chunk() *chunk {
	if s.chunks[s.filling].buckets == chunkSize {
		s.rotate()
	}
	return &s.chunks[s.filling]
}

// rotate sifts the chunk that was filled before the one at hand, and has it filled again.
func (s *search) rotate() {
	s.filling = 1 - s.filling
	c := &s.chunks[s.filling]
	for i := range c.bunches {
		s.sift(&c.bunches[i])
	}
	c.bunches, c.buckets = c.bunches[:0], 0
}

// finish looks at all that is listed still.
func (s *search) finish() {
	s.rotate()
	s.rotate()
	s.verify()
}

// sift makes hits of the postings whose following piece is near too.
func (s *search) sift(b *bunch) {
	p, t := &s.probes[b.probe], &s.level.tables[b.piece]
	if p.costly {
		return
	}
	after, spare := p.after(s.level, b.piece), p.share.spare(int(b.piece))
	for spans, m := b.spans, b.masks; len(spans) > 0; {
		done, n := sift(t, spans, m, after, spare, s.hits[s.hit:])
		if n > 0 {
			s.hands = append(s.hands, hand{b.probe, b.piece, uint16(n)})
			s.hit += n
		}
		if spans, m = spans[done:], m[done:]; len(spans) > 0 {
			s.verify()
		}
	}
}

// piece is the probe's i-th.
func (p *probe) piece(i int) uint16 {
	return uint16(p.hash.Words[i/wordPieces] >> (i % wordPieces * pieceBits))
}

func (p *probe) bucket(t *table, piece uint8) uint16 { return t.bucket(p.piece(int(piece))) }

// after is the probe's piece that follows.
func (p *probe) after(l *level, piece uint8) uint16 {
	return p.piece((int(piece) + 1) % len(l.tables))
}
