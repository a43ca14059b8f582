package multiindex

import (
	"slices"
	"sync"

	"touchstone/hashindex"
	"touchstone/hashindex/search/internal/nearest"
)

// visitCost is what one bucket costs, in postings: its start and its first posting are not in the
// cache. scanCost is what one entry of a scan costs. Both are from BenchmarkSearch.
const (
	visitCost = 16
	scanCost  = 4
)

// group is how many probes are looked up together and see one state.
const group = 16

// search is the memory of one call of Search. What probes look at is asked for from memory in steps,
// so that cache misses overlap: while one chunk of buckets is on its way, the one before is sifted,
// and the hits of all of them are verified together.
type search struct {
	scope  hashindex.Scope
	radius int // the scope's largest
	found  []hashindex.Found
	keeper nearest.Keeper

	level  *level
	even   share
	full   int // for how many postings in a probe's own bucket the next keys of another piece cost less
	probes [group]probe

	chunks  [2]chunk
	filling int // which chunk takes the next buckets; the other has been asked for

	hits  [hitCount]uint32 // postings, each hand's behind those of the one before
	hit   int
	hands []hand

	distances [hitCount]uint32 // of a hand's answers
}

// share is how the radius is shared out among the pieces.
type share struct {
	plan
	finder finder
	visits int
}

func newShare(p plan, width int) share { return share{p, newFinder(&p), p.visits(width)} }

// probe is one of the group, with what is known of it in the level at hand.
type probe struct {
	number int // among the caller's
	hash   hashindex.Hash
	share  *share
	sifted int  // postings looked at
	costly bool // a scan costs less
}

// chunk is a list of buckets.
type chunk struct {
	buckets int
	bunches []bunch
	spans   [chunkSize]span
}

// span is a bucket's postings, or those left of them.
type span struct{ from, to uint32 }

// bunch is some buckets of one table that one probe looks at.
type bunch struct {
	probe, piece uint8
	masks        []uint16 // what their keys differ by from the probe's
	spans        []span   // where they are
}

// hand says of some hits which probe has them, and from which piece's table.
type hand struct {
	probe, piece uint8
	hits         uint16
}

const (
	chunkSize = 160  // two chunks of buckets, a line or two each, stay in the first cache
	hitCount  = 1024 // as do the records of this many in the second
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

// look appends what the probes, a group at most, find in the level. The first has that number.
func (s *search) look(l *level, probes []hashindex.Hash, first int) {
	s.level, s.even = l, newShare(evenly(len(l.tables), s.radius), l.keyBits)
	s.full = choose(l.keyBits, s.even.u[0]) * (visitCost + l.size()>>l.keyBits)
	mark := len(s.found)
	for i, h := range probes {
		if h.Bits() != l.words*64 {
			panic("multiindex: a probe of another width")
		}
		s.probes[i] = probe{number: first + i, hash: h, share: &s.even}
	}
	s.expect(0)
	for i := range probes {
		if i+1 < len(probes) {
			s.expect(i + 1)
		}
		s.lookup(i)
	}
	s.finish()
	s.rescan(mark, s.probes[:len(probes)])
}

// rescan scans for the costly probes, and replaces what they have found already.
func (s *search) rescan(mark int, probes []probe) {
	if !slices.ContainsFunc(probes, func(p probe) bool { return p.costly }) {
		return
	}
	if s.scope.Limit == 0 {
		costly := func(f hashindex.Found) bool { return probes[f.Probe-probes[0].number].costly }
		s.found = s.found[:mark+len(slices.DeleteFunc(s.found[mark:], costly))]
	}
	for i := range probes {
		if probes[i].costly {
			s.scan(&probes[i])
		}
	}
	s.found = s.keeper.Trim(s.found) // drops what is there twice
}
