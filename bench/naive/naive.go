// Package naive is the BK-tree that is written first, and that most programs which match picture hashes
// have: a node for each hash, with a map from the distance to the child. It is here to be measured.
package naive

import (
	"context"

	"touchstone/hashindex"
)

// Tree implements hashindex.Searcher, for one goroutine. The zero Tree is empty.
type Tree struct {
	root    *node
	entries int
}

type node struct {
	entries  []hashindex.Entry // of one hash
	children map[int]*node     // by distance from it
}

// Search implements hashindex.Searcher.
func (t *Tree) Search(ctx context.Context, probes []hashindex.Hash, scope hashindex.Scope, found []hashindex.Found) ([]hashindex.Found, error) {
	for i, probe := range probes {
		if t.root != nil && scope.MaxRadius() >= 0 {
			found = t.root.search(i, probe, scope, found)
		}
	}
	return found, ctx.Err()
}

func (n *node) search(number int, probe hashindex.Hash, scope hashindex.Scope, found []hashindex.Found) []hashindex.Found {
	d := n.entries[0].Hash.Distance(probe)
	for _, e := range n.entries {
		if d <= scope.Radius(e.Collection) {
			found = append(found, hashindex.Found{Probe: number, Entry: e, Distance: d})
		}
	}
	for k := d - scope.MaxRadius(); k <= d+scope.MaxRadius(); k++ {
		if child := n.children[k]; child != nil {
			found = child.search(number, probe, scope, found)
		}
	}
	return found
}

// Apply implements hashindex.Searcher. Nothing is removed from such a tree but by making another.
func (t *Tree) Apply(edits []hashindex.Edit) {
	for _, e := range edits {
		if e.Removed {
			panic("naive: a removal")
		}
		t.add(e.Entry)
	}
}

func (t *Tree) add(e hashindex.Entry) {
	t.entries++
	if t.root == nil {
		t.root = &node{entries: []hashindex.Entry{e}}
		return
	}
	for n := t.root; ; {
		d := n.entries[0].Hash.Distance(e.Hash)
		if d == 0 {
			n.entries = append(n.entries, e)
			return
		}
		child := n.children[d]
		if child == nil {
			if n.children == nil {
				n.children = map[int]*node{}
			}
			n.children[d] = &node{entries: []hashindex.Entry{e}}
			return
		}
		n = child
	}
}

// Entries implements hashindex.Searcher.
func (t *Tree) Entries(yield func(hashindex.Entry) bool) {
	if t.root != nil {
		t.root.each(yield)
	}
}

func (n *node) each(yield func(hashindex.Entry) bool) bool {
	for _, e := range n.entries {
		if !yield(e) {
			return false
		}
	}
	for _, child := range n.children {
		if !child.each(yield) {
			return false
		}
	}
	return true
}

// Stats implements hashindex.Searcher. The bytes are not counted.
func (t *Tree) Stats() hashindex.SearcherStats {
	return hashindex.SearcherStats{Name: "naive", Entries: t.entries}
}
