package bktree

import (
	"slices"

	"touchstone/hashindex"
	"touchstone/hashindex/search/internal/arena"
)

// blocks chain the arena's blocks: those of a leaf from its head, and those out of use from spare.
type blocks struct {
	next   []int32 // none ends a chain
	owner  []int32 // the leaf
	filled []uint8 // how many of a block's places hold an entry: the first ones
	spare  int32
}

func (b *blocks) bytes() int { return (cap(b.next)+cap(b.owner))*4 + cap(b.filled) }

// pushBlock gives the leaf an empty block as its new head.
func (t *tree) pushBlock(leaf int32) {
	b := t.blocks.spare
	if b == none {
		b = int32(t.entries.Grow())
		t.blocks.next = append(t.blocks.next, none)
		t.blocks.owner = append(t.blocks.owner, none)
		t.blocks.filled = append(t.blocks.filled, 0)
	} else {
		t.blocks.spare = t.blocks.next[b]
	}
	t.blocks.next[b], t.blocks.owner[b] = t.nodes[leaf].head, leaf
	t.nodes[leaf].head = b
}

// release puts a block, whose entries have gone, out of use and returns the one after it.
func (t *tree) release(b int32) int32 {
	next := t.blocks.next[b]
	t.blocks.next[b], t.blocks.owner[b], t.blocks.filled[b] = t.blocks.spare, none, 0
	t.blocks.spare = b
	return next
}

// extend counts one more entry in the leaf and returns the place for it.
func (t *tree) extend(leaf int32) int {
	within := int(t.nodes[leaf].count) % arena.Size
	if within == 0 {
		t.pushBlock(leaf)
	}
	t.nodes[leaf].count++
	t.blocks.filled[t.nodes[leaf].head]++
	return int(t.nodes[leaf].head)*arena.Size + within
}

// retract counts one entry less in the leaf, whose last place must be empty.
func (t *tree) retract(leaf int32) {
	t.nodes[leaf].count--
	t.blocks.filled[t.nodes[leaf].head]--
	if int(t.nodes[leaf].count)%arena.Size == 0 {
		t.nodes[leaf].head = t.release(t.nodes[leaf].head)
	}
}

// last is the place of the leaf's newest entry.
func (t *tree) last(leaf int32) int {
	return int(t.nodes[leaf].head)*arena.Size + (int(t.nodes[leaf].count)-1)%arena.Size
}

// chain is the leaf's blocks, oldest first. All but the last are full.
func (t *tree) chain(leaf int32) []int32 {
	var chain []int32
	for b := t.nodes[leaf].head; b != none; b = t.blocks.next[b] {
		chain = append(chain, b)
	}
	slices.Reverse(chain)
	return chain
}

// places yields the places of the entries in the order of the leaves, oldest first in each.
func (t *tree) places(yield func(place int) bool) {
	t.leaves(root, func(leaf int32) bool {
		left := int(t.nodes[leaf].count)
		for _, b := range t.chain(leaf) {
			for i := range min(arena.Size, left) {
				if !yield(int(b)*arena.Size + i) {
					return false
				}
			}
			left -= arena.Size
		}
		return true
	})
}

// leaves yields the leaves below n in ascending order of their distances.
func (t *tree) leaves(n int32, yield func(leaf int32) bool) bool {
	if t.isLeaf(n) {
		return yield(n)
	}
	for _, kid := range t.inner.of(t.nodes[n].table) {
		if kid != 0 && !t.leaves(kid, yield) {
			return false
		}
	}
	return true
}

func (t *tree) each(yield func(hashindex.Entry) bool) {
	t.places(func(place int) bool { return yield(t.entries.At(place)) })
}
