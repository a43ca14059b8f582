package bktree

import (
	"math/bits"
	"unsafe"

	"touchstone/hashindex"
	"touchstone/hashindex/search/internal/arena"
)

// tree is the structure without its lock. The same edits make the same tree: nothing in it is
// random, timed or ordered by a map (I6).
type tree struct {
	bits    int
	entries arena.Entries
	blocks  blocks
	nodes   []node // nodes[0] is the root
	spare   int32  // the first node out of use, linked by parent; none ends
	inner   tables
	removed int // entries since the tree was last built
}

// A node is a leaf, which has blocks of entries, or an inner node, which has a table of children.
//
// No path is longer than bits+3 nodes, whatever the hashes: the pivots p1, p2, ... along one have
// d(pi, pj) equal for all j > i, which makes the matrix of their distances regular, while distances
// in a cube of so many dimensions have rank at most bits+2. Recursion is therefore safe.
type node struct {
	parent int32
	table  int32 // of an inner node; none for a leaf
	head   int32 // a leaf's newest block, the only one that may be partly filled; none when empty
	count  int32 // entries below
	at     int32 // distance of the hashes below from the parent's pivot
}

const (
	root = 0
	none = -1
)

// bucket is how many entries a leaf holds before it splits, and few how many an inner node holds
// before it is a leaf again: a quarter, so that a tree of wavering size does neither all the time.
const (
	bucket = 2048
	few    = bucket / 4
)

func newTree(bits int) tree {
	return tree{
		bits:    bits,
		entries: arena.New(bits),
		blocks:  blocks{spare: none},
		nodes:   []node{{parent: none, table: none, head: none}},
		spare:   none,
		inner:   tables{bits: bits, spare: none},
	}
}

func (t *tree) isLeaf(n int32) bool { return t.nodes[n].table == none }

// allEqual says of a leaf that it cannot be split: its hashes are all the parent's pivot. It may
// grow without bound, and costs what a list costs.
func (t *tree) allEqual(n int32) bool { return n != root && t.nodes[n].at == 0 }

// child is the node below n for hashes at that distance from its pivot, made if there is none.
func (t *tree) child(n int32, distance int) int32 {
	kid := &t.inner.of(t.nodes[n].table)[distance]
	if *kid == 0 {
		*kid = t.newLeaf(n, distance)
	}
	return *kid
}

func (t *tree) newLeaf(parent int32, distance int) int32 {
	leaf := node{parent: parent, table: none, head: none, at: int32(distance)}
	if t.spare == none {
		t.nodes = append(t.nodes, leaf)
		return int32(len(t.nodes) - 1)
	}
	n := t.spare
	t.spare = t.nodes[n].parent
	t.nodes[n] = leaf
	return n
}

func (t *tree) freeNode(n int32) {
	t.nodes[n].parent = t.spare
	t.spare = n
}

func (t *tree) bytes() int {
	return t.entries.Bytes() + t.blocks.bytes() + t.inner.bytes() + cap(t.nodes)*int(unsafe.Sizeof(node{}))
}

// tables are the inner nodes' pivots and children by distance. No node is the root's parent, so a
// child 0 is no child.
type tables struct {
	bits   int
	pivots []uint64
	kids   []int32 // bits+1 a table; of a table out of use the first links to the next one
	spare  int32
}

func (s *tables) of(table int32) []int32 {
	width := s.bits + 1
	return s.kids[int(table)*width:][:width:width]
}

func (s *tables) pivot(table int32) []uint64 {
	planes := s.bits / 64
	return s.pivots[int(table)*planes:][:planes:planes]
}

func (s *tables) add(pivot hashindex.Hash) int32 {
	table := s.spare
	if table == none {
		table = int32(len(s.kids) / (s.bits + 1))
		s.kids = append(s.kids, make([]int32, s.bits+1)...)
		s.pivots = append(s.pivots, make([]uint64, s.bits/64)...)
	} else {
		s.spare = s.of(table)[0]
		clear(s.of(table))
	}
	copy(s.pivot(table), pivot.Words[:])
	return table
}

func (s *tables) free(table int32) {
	s.of(table)[0] = s.spare
	s.spare = table
}

func (s *tables) distance(table int32, words []uint64) int {
	d := 0
	for i, pivot := range s.pivot(table) {
		d += bits.OnesCount64(pivot ^ words[i])
	}
	return d
}

func (s *tables) bytes() int { return cap(s.kids)*4 + cap(s.pivots)*8 }
