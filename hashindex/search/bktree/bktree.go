// Package bktree searches a Burkhard-Keller tree: an inner node sorts what is below it by distance
// from a pivot, so that the triangle inequality rules out every child whose distance differs from
// the probe's by more than the radius. (W. A. Burkhard and R. M. Keller, "Some approaches to
// best-match file searching", 1973.) Leaves are buckets that are scanned, and all of it lies in a
// few flat slices: a node for each hash costs a cache miss where a scan of a bucket costs none.
package bktree

import (
	"context"
	"sync"

	"touchstone/hashindex"
	"touchstone/hashindex/search/internal/arena"
)

// Tree is a BK-tree that is safe for concurrent use. The zero Tree is of no use: see New.
type Tree struct {
	bits int
	mu   sync.RWMutex // guards tree
	tree tree
}

var _ hashindex.SavedSearcher = (*Tree)(nil)

// New is an empty tree of hashes of 64 or 256 bits.
func New(bits int) *Tree { return &Tree{bits: bits, tree: newTree(bits)} }

// Search walks the tree once for each arena.MaxProbes probes, which see one state. Between walks it
// lets writers in and looks at ctx.
func (t *Tree) Search(ctx context.Context, probes []hashindex.Hash, scope hashindex.Scope, found []hashindex.Found) ([]hashindex.Found, error) {
	w := newWalk(t.bits, scope, found)
	for first := 0; first < len(probes); first += arena.MaxProbes {
		if err := ctx.Err(); err != nil {
			return w.found, err
		}
		t.walk(&w, probes, first)
	}
	return w.found, ctx.Err()
}

func (t *Tree) walk(w *walk, probes []hashindex.Hash, first int) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	w.search(&t.tree, probes, first)
}

// Apply carries out the edits in order.
func (t *Tree) Apply(edits []hashindex.Edit) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, e := range edits {
		if e.Removed {
			t.tree.remove(e.Entry)
		} else {
			t.tree.add(e.Entry)
		}
	}
}

// Entries yields every entry once. The tree stays locked for reading meanwhile: yield must not call
// the tree.
func (t *Tree) Entries(yield func(hashindex.Entry) bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	t.tree.each(yield)
}

// Stats counts spare capacity as held.
func (t *Tree) Stats() hashindex.SearcherStats {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return hashindex.SearcherStats{Name: "bktree", Entries: t.tree.entries.Len(), Bytes: t.tree.bytes()}
}
