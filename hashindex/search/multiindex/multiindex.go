// Package multiindex searches by multi-index hashing: a hash is cut into pieces of 16 bits, and an
// entry within the radius of a probe is near it in some piece, so that a few buckets of each
// piece's table hold every answer. (M. Norouzi, A. Punjani and D. J. Fleet, "Fast Exact Search in
// Hamming Space with Multi-Index Hashing", 2014.)
//
// Two things make it fast. The pieces are taken to stand in a ring, and an answer is near its probe
// not in one piece only but in every run of pieces that begins at some piece (J. Qin and C. Xiao,
// "Pigeonring: A Principle for Faster Thresholded Similarity Search", 2018). And a posting holds the
// following piece beside the entry's place: those sixteen bits rule out all but one in hundreds,
// without a look at the hash.
package multiindex

import (
	"context"
	"fmt"
	"sync"

	"touchstone/hashindex"
	"touchstone/hashindex/search/linear"
)

// Index is a multi-index that is safe for concurrent use: immutable levels with a small linear scan
// beside them that takes the additions. The zero Index is of no use: see New.
type Index struct {
	bits int

	// writing is held by whoever changes the index, and guards merge. It is taken before mu.
	writing sync.Mutex
	merge   *merge // under way; nil when none is

	mu      sync.RWMutex // guards levels, what is removed of them, delta and merging
	levels  []*level     // oldest first
	delta   *linear.Scan // entries of no level
	merging int          // bytes that the merge holds
}

var _ hashindex.BulkSearcher = (*Index)(nil)

// New is an empty index of hashes of 64 or 256 bits.
func New(bits int) *Index {
	if bits != 64 && bits != 256 {
		panic(fmt.Sprintf("multiindex: hashes of %d bits", bits))
	}
	return &Index{bits: bits, delta: linear.New(bits)}
}

// Search lets writers in, and looks at ctx, after every group of probes.
func (ix *Index) Search(ctx context.Context, probes []hashindex.Hash, scope hashindex.Scope, found []hashindex.Found) ([]hashindex.Found, error) {
	if scope.MaxRadius() < 0 {
		return found, ctx.Err()
	}
	s := newSearch(scope, found)
	defer s.release()
	for first := 0; first < len(probes); first += group {
		if err := ctx.Err(); err != nil {
			return s.found, err
		}
		ix.look(s, probes[first:min(first+group, len(probes))], first)
	}
	return s.found, ctx.Err()
}

func (ix *Index) look(s *search, probes []hashindex.Hash, first int) {
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	s.keeper.Begin(s.scope.Limit, first, len(probes), s.found)
	for _, l := range ix.levels {
		s.look(l, probes, first)
	}
	mark := len(s.found)
	s.found, _ = ix.delta.Search(context.Background(), probes, s.scope, s.found) // too short to interrupt
	for i := range s.found[mark:] {
		s.found[mark+i].Probe += first
	}
}

// Entries yields every entry once, in the order of frames, as the index was when it was asked.
func (ix *Index) Entries(yield func(hashindex.Entry) bool) {
	for run := newRun(ix.sources()); run.next(); {
		if !yield(run.level.at(run.place)) {
			return
		}
	}
}

// Stats counts what a merge under way holds too.
func (ix *Index) Stats() hashindex.SearcherStats {
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	stats := ix.delta.Stats()
	stats.Name = "multiindex"
	stats.Bytes += ix.merging
	for _, l := range ix.levels {
		stats.Entries += l.live()
		stats.Bytes += l.bytes()
	}
	return stats
}
