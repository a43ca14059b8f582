package multiindex

import (
	"math/bits"

	"touchstone/hashindex"
)

// hit is an entry that is near in a piece and the next: first its posting, then its place.
type hit struct{ at, piece uint32 }

// verify answers the hits that are within the radius. Their places and their records miss the
// cache, so all are asked for before any is waited for.
func (s *search) verify() {
	l, hits := s.level, s.hits[:s.hit]
	for i, h := range hits {
		hits[i].at = l.tables[h.piece%maxPieces].places[h.at]
	}
	warm := s.warm
	for _, h := range hits {
		warm += l.records[int(h.at)*l.stride]
	}
	s.warm = warm
	if l.words == 1 {
		s.verify64(hits)
	} else {
		s.verify256(hits)
	}
	s.hit = 0
}

func (s *search) verify64(hits []hit) {
	l := s.level
	for _, h := range hits {
		x := l.records[int(h.at)*l.stride] ^ s.probe[0]
		if d := bits.OnesCount64(x); d <= s.radius && s.finder.first(&[4]uint64{x}) == int(h.piece) {
			s.answer(int(h.at), d)
		}
	}
}

func (s *search) verify256(hits []hit) {
	l, p := s.level, s.probe
	for _, h := range hits {
		w := l.records[int(h.at)*l.stride:][:4]
		x := [4]uint64{w[0] ^ p[0], w[1] ^ p[1], w[2] ^ p[2], w[3] ^ p[3]}
		d := bits.OnesCount64(x[0]) + bits.OnesCount64(x[1]) + bits.OnesCount64(x[2]) + bits.OnesCount64(x[3])
		if d <= s.radius && s.finder.first(&x) == int(h.piece) {
			s.answer(int(h.at), d)
		}
	}
}

// answer appends the entry if it is still there and its own collection reaches as far.
func (s *search) answer(place, distance int) {
	l := s.level
	if distance > s.scope.Radius(l.collection(place)) || l.count > 0 && removed(l.gone, place) {
		return
	}
	s.found = append(s.found, hashindex.Found{Probe: s.number, Entry: l.at(place), Distance: distance})
}

// scan looks at every entry of the level.
func (s *search) scan() {
	l := s.level
	for place := range l.size() {
		d := 0
		for i, w := range l.records[place*l.stride:][:l.words] {
			d += bits.OnesCount64(w ^ s.probe[i])
		}
		if d <= s.radius {
			s.answer(place, d)
		}
	}
}
