// Package linear searches by looking at every entry: the oracle that the other searchers must
// equal, and the one to use for sets too small to be worth an index.
package linear

import (
	"context"
	"sync"

	"touchstone/hashindex"
	"touchstone/hashindex/search/internal/arena"
	"touchstone/hashindex/search/internal/nearest"
)

// Scan is a flat scan. The zero Scan is of no use: see New.
type Scan struct {
	mu      sync.RWMutex  // guards entries
	entries arena.Entries // places 0..Len()-1 are filled, the blocks are as many as that takes
}

var _ hashindex.Searcher = (*Scan)(nil)

// New is an empty scan of hashes of 64 or 256 bits.
func New(bits int) *Scan { return &Scan{entries: arena.New(bits)} }

// Search compares every probe with every entry. It lets writers in, and looks at ctx, after each
// arena.MaxProbes probes, which share one pass and see one state.
func (s *Scan) Search(ctx context.Context, probes []hashindex.Hash, scope hashindex.Scope, found []hashindex.Found) ([]hashindex.Found, error) {
	group := arena.NewProbes(s.entries.Bits(), scope)
	var keeper nearest.Keeper
	group.Keep(&keeper)
	for first := 0; first < len(probes); first += group.Len() {
		if err := ctx.Err(); err != nil {
			return found, err
		}
		group.Reset()
		keeper.Begin(scope.Limit, first, arena.MaxProbes, found)
		for i := first; i < min(first+arena.MaxProbes, len(probes)); i++ {
			group.Add(i, probes[i])
		}
		found = s.pass(&group, found)
	}
	return found, ctx.Err()
}

// ahead is how many blocks early one is asked for from memory: the processor does not guess that
// half of each is left out.
const ahead = 16

func (s *Scan) pass(group *arena.Probes, found []hashindex.Found) []hashindex.Found {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for b := range s.entries.Blocks() {
		if b+ahead < s.entries.Blocks() {
			s.entries.Prefetch(b + ahead)
		}
		found = s.entries.Near(b, min(arena.Size, s.entries.Len()-b*arena.Size), group, found)
	}
	return found
}

// Find is the hash of the frame's entry; false when there is none.
func (s *Scan) Find(f hashindex.FrameID) (hashindex.Hash, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	place := s.entries.Find(f)
	if place < 0 {
		return hashindex.Hash{}, false
	}
	return s.entries.Hash(place), true
}

// Apply carries out the edits in order.
func (s *Scan) Apply(edits []hashindex.Edit) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range edits {
		if e := &edits[i]; e.Removed {
			s.remove(&e.Entry)
		} else {
			s.add(&e.Entry)
		}
	}
}

func (s *Scan) add(e *hashindex.Entry) {
	if s.entries.Find(e.Frame) >= 0 {
		return
	}
	place := s.entries.Len()
	if place == s.entries.Blocks()*arena.Size {
		s.entries.Grow()
	}
	s.entries.Put(place, *e)
}

// remove fills the hole with the last entry, so that no place is ever empty between others.
func (s *Scan) remove(e *hashindex.Entry) {
	place := s.entries.Find(e.Frame)
	if place < 0 || s.entries.Hash(place) != e.Hash {
		return
	}
	s.entries.Forget(place)
	last := s.entries.Len()
	s.entries.Move(last, place)
	if last == (s.entries.Blocks()-1)*arena.Size {
		s.entries.Shrink()
	}
}

// Entries yields every entry once. The scan stays locked for reading meanwhile: yield must not
// call Apply.
func (s *Scan) Entries(yield func(hashindex.Entry) bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for place := range s.entries.Len() {
		if !yield(s.entries.At(place)) {
			return
		}
	}
}

// Stats counts spare capacity as held.
func (s *Scan) Stats() hashindex.SearcherStats {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return hashindex.SearcherStats{Name: "linear", Entries: s.entries.Len(), Bytes: s.entries.Bytes()}
}
