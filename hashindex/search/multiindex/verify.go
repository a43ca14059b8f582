package multiindex

import (
	"math/bits"

	"touchstone/hashindex"
)

// verify answers the hits that are within the radius. Their places and their records miss the cache,
// so all are asked for before any is waited for.
func (s *search) verify() {
	for h, hits := range s.handed {
		place(&s.level.tables[h.piece], s.level, hits)
	}
	for h, places := range s.handed {
		if s.level.words == 1 {
			s.verify64(h, places)
		} else {
			s.verify256(h, places)
		}
	}
	s.hands, s.hit = s.hands[:0], 0
}

// handed yields each hand with its hits.
func (s *search) handed(yield func(hand, []uint32) bool) {
	at := 0
	for _, h := range s.hands {
		if !yield(h, s.hits[at:][:h.hits]) {
			return
		}
		at += int(h.hits)
	}
}

func (s *search) verify64(h hand, places []uint32) {
	l, p := s.level, &s.probes[h.probe]
	for _, at := range places {
		x := l.records[int(at)*l.stride] ^ p.words[0]
		if d := bits.OnesCount64(x); d <= s.radius && p.share.finder.first(&[4]uint64{x}) == int(h.piece) {
			s.answer(p, int(at), d)
		}
	}
}

func (s *search) verify256(h hand, places []uint32) {
	l, p := s.level, &s.probes[h.probe]
	for _, at := range places {
		w := l.records[int(at)*l.stride:][:4]
		x := [4]uint64{w[0] ^ p.words[0], w[1] ^ p.words[1], w[2] ^ p.words[2], w[3] ^ p.words[3]}
		d := bits.OnesCount64(x[0]) + bits.OnesCount64(x[1]) + bits.OnesCount64(x[2]) + bits.OnesCount64(x[3])
		if d <= s.radius && p.share.finder.first(&x) == int(h.piece) {
			s.answer(p, int(at), d)
		}
	}
}

// answer appends the entry if it is still there, its own collection reaches as far and it is not
// beyond the limit.
func (s *search) answer(p *probe, place, distance int) {
	l := s.level
	if distance > s.scope.Radius(l.collection(place)) || l.count > 0 && removed(l.gone, place) ||
		s.keeper.Beyond(p.number, distance, l.frame(place)) {
		return
	}
	s.found = append(s.found, hashindex.Found{Probe: p.number, Entry: l.at(place), Distance: distance})
	if s.keeper.Full(s.found) {
		s.found = s.keeper.Trim(s.found)
	}
}

// scan looks at every entry of the level.
func (s *search) scan(p *probe) {
	l := s.level
	for place := range l.size() {
		d := 0
		for i, w := range l.records[place*l.stride:][:l.words] {
			d += bits.OnesCount64(w ^ p.words[i])
		}
		if d <= s.radius {
			s.answer(p, place, d)
		}
	}
}
