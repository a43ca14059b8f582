package hashindex

import (
	"context"
	"iter"
)

// Searcher answers exact range queries over the hashes of one algorithm and one recipe (I4). It is
// derived from the store: apply feeds it. Implementations are safe for concurrent use; each probe
// sees an Apply whole or not at all, while a long search lets writers in between its probes.
type Searcher interface {
	// Search appends to found, in any order, each entry whose distance from a probe is at most what
	// the scope allows its collection: for every searcher the set that a linear scan finds. Beyond a
	// probe's Scope.Limit nearest it may leave out any. Probes have the searcher's width. The error
	// is ctx's.
	Search(ctx context.Context, probes []Hash, scope Scope, found []Found) ([]Found, error)

	// Apply carries out the edits in order. Adding a frame that is there, or removing one that is
	// not with this hash, is a broken promise of ours and changes nothing.
	Apply([]Edit)

	// Entries yields every entry once, in any order. Yield must not call the searcher.
	Entries(yield func(Entry) bool)

	Stats() SearcherStats
}

// BulkSearcher is a Searcher that takes many entries at once in less time than Apply would.
type BulkSearcher interface {
	Searcher

	// Load replaces what the searcher holds by the entries, about n of them, each frame once. They
	// come in the order of frames but for exceptions. Searches go on in the old ones meanwhile.
	Load(n int, entries iter.Seq[Entry])
}

// KeptSearcher is a Searcher that is kept in the store and searched there: it answers as soon as the
// store is open, and holds no more in memory than the changes since it was last saved. It is derived
// all the same (I2). Search answers ErrDamaged when what is kept cannot be read, and Entries ends early.
type KeptSearcher interface {
	Searcher

	// Open takes up what is kept, in place of all that the searcher holds. The Seq is the last change
	// that this covers, 0 for none; the error says what could not be used, and why.
	Open() (Seq, error)

	// Reset makes the searcher empty, whatever is kept: that is replaced by the next Save.
	Reset()

	// Save notes what the searcher holds, which is the history up to that change, and returns what
	// makes it durable. Edits and searches go on meanwhile. The function must be called, once.
	Save(upTo Seq) (write func() error)
}

// Entry is one searchable hash.
type Entry struct {
	Frame      FrameID
	Collection CollectionID
	Hash       Hash
}

// Edit adds an entry or removes it.
type Edit struct {
	Entry
	Removed bool
}

// Found is an entry near a probe.
type Found struct {
	Probe    int // its place among the probes
	Entry    Entry
	Distance int
}

// SearcherStats describe a searcher for people who run it.
type SearcherStats struct {
	Name    string // "linear", "bktree"
	Entries int
	Bytes   int // memory held
	Stored  int // bytes in the store that it is searched from; 0 for one in memory
}

// Scope says which collections a search may answer from, how far in each, and how much is enough.
// The zero Scope allows nothing.
type Scope struct {
	within []int16 // by CollectionID: the radius + 1, so that 0 is "not at all"
	max    int     // the largest radius + 1

	// Limit is how many answers to a probe are enough: the nearest, by distance and then by frame. 0
	// asks for all. It lets a searcher bound the memory that a crowd of equal hashes takes.
	Limit int
}

// Allow adds the collection with its radius in bits. A Scope in use by a search must not change.
func (s *Scope) Allow(c CollectionID, radius int) {
	for int(c) >= len(s.within) {
		s.within = append(s.within, 0)
	}
	s.within[c] = int16(radius + 1)
	s.max = max(s.max, radius+1)
}

// Radius is how far the scope reaches in the collection, or -1 when it is outside.
func (s Scope) Radius(c CollectionID) int {
	if int(c) >= len(s.within) {
		return -1
	}
	return int(s.within[c]) - 1
}

// MaxRadius is the largest radius of any collection, or -1 for a scope that allows none: what a
// searcher may prune by.
func (s Scope) MaxRadius() int { return s.max - 1 }
