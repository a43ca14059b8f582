package multiindex

import (
	"sync"

	"touchstone/hashindex"
)

// visitCost is what one key costs, in postings: its start and its first posting are not in the
// cache. scanCost is what one entry of a scan costs. Both are from BenchmarkSearch.
const (
	visitCost = 16
	scanCost  = 4
)

// search is the memory of one call of Search.
type search struct {
	scope  hashindex.Scope
	radius int // the scope's largest
	found  []hashindex.Found

	// Of the level and the probe at hand:
	level  *level
	number int // the probe's
	probe  [4]uint64
	plan   plan
	finder finder
	budget int // postings for which a scan costs no less
	sifted int // of those

	bunches []bunch
	spans   [spanCount]span
	spanned int // spans noted, not sifted yet, and how many postings they have
	waiting int
	hits    [hitCount]hit
	hit     int
	warm    uint64 // the sum of what was read only to have it in the cache
}

const (
	spanCount = 320 // what a probe of 256 bits looks at for a radius of 31, and some
	hitCount  = 1024
)

var searches = sync.Pool{New: func() any { return new(search) }}

func newSearch(scope hashindex.Scope, found []hashindex.Found) *search {
	s := searches.Get().(*search)
	s.scope, s.radius, s.found = scope, scope.MaxRadius(), found
	return s
}

func (s *search) release() {
	s.scope, s.found, s.level = hashindex.Scope{}, nil, nil
	searches.Put(s)
}

// look appends what the probe finds in the level.
func (s *search) look(l *level, probe hashindex.Hash, number int) {
	if probe.Bits() != l.words*64 {
		panic("multiindex: a probe of another width")
	}
	s.level, s.probe, s.number = l, probe.Words, number
	mark := len(s.found)
	if !s.lookup() {
		s.found = s.found[:mark]
		s.scan()
	}
}

// lookup searches by tables. It is false when that turns out to cost more than a scan, with some
// of the answers found perhaps.
func (s *search) lookup() bool {
	width := pieceBits - s.level.tables[0].shift
	s.plan = s.share(width)
	s.finder = newFinder(&s.plan)
	s.budget = scanCost*s.level.size() - visitCost*s.plan.visits(width)
	s.bunches, s.spanned, s.waiting, s.sifted, s.hit = s.bunches[:0], 0, 0, 0, 0
	for i := range s.level.tables {
		if s.budget < s.sifted || s.plan.reach(i) > maxReach || !s.table(i) {
			return false
		}
	}
	if !s.drain() {
		return false
	}
	s.verify()
	return true
}

// share is the even plan, unless the probe's own bucket in some piece is so full that the next
// farther keys of another piece cost less.
func (s *search) share(width int) plan {
	l := s.level
	even := evenly(len(l.tables), s.radius)
	mean := l.size() >> width
	full := choose(width, even.u[0]) * (visitCost + mean)
	var sizes [maxPieces]int
	most := 0
	for i := range l.tables {
		t := &l.tables[i]
		key := s.piece(i) >> t.shift
		sizes[i] = int(t.starts[int(key)+1] - t.starts[key])
		most = max(most, sizes[i])
	}
	if most <= full {
		return even
	}
	return cheaply(s.radius, width, mean, sizes[:len(l.tables)])
}

// piece is the probe's i-th.
func (s *search) piece(i int) uint16 {
	return uint16(s.probe[i/wordPieces] >> (i % wordPieces * pieceBits))
}
