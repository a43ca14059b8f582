package bktree

import (
	"touchstone/hashindex"
	"touchstone/hashindex/search/internal/arena"
)

// add does nothing for a frame that is there.
func (t *tree) add(e hashindex.Entry) {
	if t.entries.Find(e.Frame) >= 0 {
		return
	}
	leaf := t.descend(e.Hash)
	t.entries.Put(t.extend(leaf), e)
	if t.nodes[leaf].count > bucket && !t.allEqual(leaf) {
		t.split(leaf)
	}
}

// descend finds the leaf for the hash and counts one more entry in every node above it.
func (t *tree) descend(h hashindex.Hash) int32 {
	n := int32(root)
	for !t.isLeaf(n) {
		t.nodes[n].count++
		n = t.child(n, t.inner.distance(t.nodes[n].table, h.Words[:]))
	}
	return n
}

// split makes an inner node of a leaf, its oldest hash the pivot. One child at least gets fewer
// entries than the leaf had, the pivot being in child 0, and that one never splits.
func (t *tree) split(n int32) {
	chain := t.nodes[n].head
	pivot := t.entries.Hash(int(t.chain(n)[0]) * arena.Size)
	t.nodes[n].table, t.nodes[n].head = t.inner.add(pivot), none
	for b := chain; b != none; {
		first := int(b) * arena.Size
		for place := first; place < first+int(t.blocks.filled[b]); place++ {
			t.adopt(t.child(n, t.entries.Hash(place).Distance(pivot)), place)
		}
		b = t.release(b)
	}
}

// adopt moves an entry into the leaf from a place that will be empty then.
func (t *tree) adopt(leaf int32, place int) { t.entries.Move(place, t.extend(leaf)) }

// remove does nothing when the frame is not there with this hash.
func (t *tree) remove(e hashindex.Entry) {
	place := t.entries.Find(e.Frame)
	if place < 0 || t.entries.Hash(place) != e.Hash {
		return
	}
	leaf := t.blocks.owner[place/arena.Size]
	last := t.last(leaf)
	t.entries.Forget(place)
	t.entries.Move(last, place)
	t.retract(leaf)
	t.tidy(leaf)
}

// tidy follows up the removal of an entry: the counts above the leaf, what has become too small,
// and now and then the whole tree.
func (t *tree) tidy(leaf int32) {
	var small int32 = none
	for n := t.nodes[leaf].parent; n != none; n = t.nodes[n].parent {
		t.nodes[n].count--
		if t.nodes[n].count <= few {
			small = n
		}
	}
	if small != none {
		t.collapse(small)
	} else if t.nodes[leaf].count == 0 && leaf != root {
		t.inner.of(t.nodes[t.nodes[leaf].parent].table)[t.nodes[leaf].at] = 0
		t.freeNode(leaf)
	}
	t.removed++
	if t.wasteful() {
		t.rebuild()
	}
}

// collapse makes a leaf of an inner node.
func (t *tree) collapse(n int32) {
	table := t.nodes[n].table
	t.nodes[n].table, t.nodes[n].count = none, 0
	for _, kid := range t.inner.of(table) {
		if kid != 0 {
			t.drain(kid, n)
		}
	}
	t.inner.free(table)
}

// drain moves all that is below n into the leaf and frees the nodes.
func (t *tree) drain(n, leaf int32) {
	if !t.isLeaf(n) {
		t.collapse(n)
	}
	for t.nodes[n].count > 0 {
		t.adopt(leaf, t.last(n))
		t.retract(n)
	}
	t.freeNode(n)
}

// wasteful asks for as many removals as entries are left, so that rebuilding costs each of them one
// addition, and for blocks mostly empty, so that a steady come and go never rebuilds.
func (t *tree) wasteful() bool {
	held := t.entries.Blocks() * arena.Size
	return t.removed > t.entries.Len()+bucket && held > 4*t.entries.Len()
}

func (t *tree) rebuild() {
	built := newTree(t.bits)
	t.each(func(e hashindex.Entry) bool {
		built.add(e)
		return true
	})
	*t = built
}
