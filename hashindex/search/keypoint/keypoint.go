// Package keypoint proposes references that may share a part with a query, by their corners.
//
// It is an inverted index. A corner's key is the beginning of its descriptor, the comparisons that are
// most worth; the index holds, key by key, 64 more bits of each descriptor and where, how large and
// how turned the corner is. A query's corner is looked up under its own key and under those that result
// when its least certain bits turn (multi-probe hashing: Lv et al., VLDB 2007), and postings whose 64 bits
// are near its own vote (Hamming embedding) if they agree on how the picture was scaled, turned and moved
// (weak geometric consistency; both: Jégou, Douze and Schmid, ECCV 2008).
//
// The work of a query is bounded, whatever the index holds: short lists are read first, and what is left
// unread are the corners that very many references have.
package keypoint

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"touchstone/hashindex"
)

// Index is safe for concurrent use. The zero Index is of no use: see New.
type Index struct {
	// writing is held by whoever changes the index. It is taken before mu.
	writing sync.Mutex

	mu     sync.RWMutex // guards all below; levels do not change but for what is taken in or out
	slots  []slot       // frames, by the number that postings know them by
	where  map[hashindex.FrameID]uint32
	levels []*level // oldest first
	recent *recent  // postings of no level
	dead   int      // slots whose frame was removed

	searches sync.Pool
}

var _ hashindex.PartialSearcher = (*Index)(nil)

// slot is a frame that the index holds, or held.
type slot struct {
	frame      hashindex.FrameID
	sum        uint64
	collection hashindex.CollectionID
	removed    bool
}

// New is an empty index.
func New() *Index {
	ix := &Index{where: map[hashindex.FrameID]uint32{}, recent: newRecent()}
	ix.searches.New = func() any { return new(search) }
	return ix
}

// Propose implements hashindex.PartialSearcher.
func (ix *Index) Propose(ctx context.Context, query hashindex.Features, scope hashindex.Scope, limit int) ([]hashindex.Proposal, error) {
	if err := ctx.Err(); err != nil || limit <= 0 || scope.MaxRadius() < 0 {
		return nil, err
	}
	s := ix.searches.Get().(*search)
	defer ix.searches.Put(s)
	s.take(query)
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	s.look(ix)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return s.elect(ix.slots, scope, limit), nil
}

// Entries implements hashindex.PartialSearcher: in no order, as the index was when it was asked.
func (ix *Index) Entries(yield func(hashindex.FeatureEntry) bool) {
	ix.mu.RLock()
	slots := slices.Clone(ix.slots)
	ix.mu.RUnlock()
	for _, s := range slots {
		if !s.removed && !yield(hashindex.FeatureEntry{Frame: s.frame, Collection: s.collection, Sum: s.sum}) {
			return
		}
	}
}

// Stats implements hashindex.PartialSearcher.
func (ix *Index) Stats() hashindex.SearcherStats {
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	const slotBytes, whereBytes = 24, 40
	stats := hashindex.SearcherStats{Name: "keypoint", Entries: len(ix.slots) - ix.dead}
	stats.Bytes = cap(ix.slots)*slotBytes + len(ix.where)*whereBytes + ix.recent.bytes()
	for _, l := range ix.levels {
		stats.Bytes += l.bytes()
	}
	return stats
}

func damaged(format string, args ...any) error {
	return fmt.Errorf("keypoint state: %s: %w", fmt.Sprintf(format, args...), hashindex.ErrDamaged)
}
