package multiindex

import (
	"math/bits"
	"slices"

	"touchstone/hashindex"
)

// verify answers the hits that are within the radius. Their places and their records miss the cache,
// so all are asked for before any is waited for.
func (s *search) verify() {
	for h, hits := range s.handed {
		place(&s.level.tables[h.piece], s.level, hits)
	}
	for h, places := range s.handed {
		p := &s.probes[h.probe]
		for i := range judge(s.level, places, p, s.radius, int(h.piece), &s.distances) {
			s.answer(p, int(places[i]), int(s.distances[i]))
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

// judgePortable keeps those of the places whose entries are within the radius and that the piece
// answers, with their distances, and says how many there are.
func judgePortable(l *level, places []uint32, p *probe, radius, piece int, distances *[hitCount]uint32) (n int) {
	for _, at := range places {
		var x [4]uint64
		d := 0
		for i, w := range l.records[int(at)*l.stride:][:l.words] {
			x[i] = w ^ p.hash.Words[i]
			d += bits.OnesCount64(x[i])
		}
		if d <= radius && p.share.finder.first(&x) == piece {
			places[n], distances[n] = at, uint32(d)
			n++
		}
	}
	return n
}

// answer appends the entry if it is still there, its own collection reaches as far and it is not
// beyond the limit.
func (s *search) answer(p *probe, place, distance int) {
	l := s.level
	record := l.records[place*l.stride:][:l.stride]
	frame, collection := hashindex.FrameID(record[l.words]), hashindex.CollectionID(record[l.words+1])
	if distance > s.scope.Radius(collection) || l.count > 0 && removed(l.gone, place) ||
		s.keeper.Beyond(p.number, distance, frame) {
		return
	}
	f := s.next()
	f.Probe, f.Distance = p.number, distance
	f.Entry.Frame, f.Entry.Collection = frame, collection
	f.Entry.Hash = p.hash // which is as wide
	copy(f.Entry.Hash.Words[:l.words], record)
	if s.keeper.Full(s.found) {
		s.found = s.keeper.Trim(s.found)
	}
}

// next appends an answer that is to be written where it stays: the copy of one made elsewhere waits
// until all its parts are written.
func (s *search) next() *hashindex.Found {
	n := len(s.found)
	if n == cap(s.found) {
		s.found = slices.Grow(s.found, max(n, group))
	}
	s.found = s.found[:n+1]
	return &s.found[n]
}

// scan looks at every entry of the level.
func (s *search) scan(p *probe) {
	l := s.level
	for place := range l.size() {
		d := 0
		for i, w := range l.records[place*l.stride:][:l.words] {
			d += bits.OnesCount64(w ^ p.hash.Words[i])
		}
		if d <= s.radius {
			s.answer(p, place, d)
		}
	}
}
