package bktree

import (
	"encoding/binary"
	"hash/crc32"
	"iter"
)

// The saved state, little-endian throughout. It holds no pointer and no index, so there is none to
// distrust: the nodes stand in preorder, and all else in the order of the nodes it belongs to.
//
//	offset  bytes  what
//	0       8      magic
//	8       4      bits: 64 or 256
//	12      4      nodes
//	16      4      inner nodes
//	20      4      entries
//	24      8 each nodes: distance from the parent's pivot (2), children (2), entries below (4);
//	               a node without children is a leaf
//	        bits/8 inner nodes' pivots
//	        bits/8 entries' hashes, least significant word first
//	        8 each entries' frames
//	        4 each entries' collections
//	        4      CRC-32C of all before
const (
	magic     = "tsbktre1" // the digit is the format version
	headSize  = 24
	nodeSize  = 8
	frameSize = 8
	ownerSize = 4
	sumSize   = 4
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// sizes are the counts of a state's head.
type sizes struct{ nodes, inner, entries int }

// bytes is how long a state with these counts is.
func (s sizes) bytes(bits int) int {
	return headSize + s.nodes*nodeSize + s.inner*bits/8 + s.entries*(bits/8+frameSize+ownerSize) + sumSize
}

// AppendState appends the tree as LoadState reads it.
func (t *Tree) AppendState(dst []byte) []byte {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.tree.appendState(dst)
}

func (t *tree) appendState(dst []byte) []byte {
	start := len(dst)
	var s sizes
	for n := range t.preorder(root) {
		s.nodes++
		if !t.isLeaf(n) {
			s.inner++
		}
	}
	s.entries = t.entries.Len()
	if need := start + s.bytes(t.bits); cap(dst) < need {
		dst = append(make([]byte, 0, need), dst...)
	}
	dst = t.appendHead(dst, s)
	dst = t.appendNodes(dst)
	dst = t.appendEntries(dst)
	return binary.LittleEndian.AppendUint32(dst, crc32.Checksum(dst[start:], castagnoli))
}

func (t *tree) appendHead(dst []byte, s sizes) []byte {
	dst = append(dst, magic...)
	for _, v := range []int{t.bits, s.nodes, s.inner, s.entries} {
		dst = binary.LittleEndian.AppendUint32(dst, uint32(v))
	}
	return dst
}

func (t *tree) appendNodes(dst []byte) []byte {
	for n := range t.preorder(root) {
		dst = binary.LittleEndian.AppendUint16(dst, uint16(t.nodes[n].at))
		dst = binary.LittleEndian.AppendUint16(dst, uint16(t.children(n)))
		dst = binary.LittleEndian.AppendUint32(dst, uint32(t.nodes[n].count))
	}
	for n := range t.preorder(root) {
		if !t.isLeaf(n) {
			dst = appendWords(dst, t.inner.pivot(t.nodes[n].table))
		}
	}
	return dst
}

func (t *tree) appendEntries(dst []byte) []byte {
	t.places(func(place int) bool {
		h := t.entries.Hash(place)
		dst = appendWords(dst, h.Words[:t.bits/64])
		return true
	})
	t.places(func(place int) bool {
		dst = binary.LittleEndian.AppendUint64(dst, uint64(t.entries.Frame(place)))
		return true
	})
	t.places(func(place int) bool {
		dst = binary.LittleEndian.AppendUint32(dst, uint32(t.entries.Collection(place)))
		return true
	})
	return dst
}

func appendWords(dst []byte, words []uint64) []byte {
	for _, w := range words {
		dst = binary.LittleEndian.AppendUint64(dst, w)
	}
	return dst
}

// preorder is n and the nodes below it, a node before its children, those by distance.
func (t *tree) preorder(n int32) iter.Seq[int32] {
	return func(yield func(int32) bool) { t.visitPreorder(n, yield) }
}

func (t *tree) visitPreorder(n int32, yield func(int32) bool) bool {
	if !yield(n) {
		return false
	}
	if t.isLeaf(n) {
		return true
	}
	for _, kid := range t.inner.of(t.nodes[n].table) {
		if kid != 0 && !t.visitPreorder(kid, yield) {
			return false
		}
	}
	return true
}

// children is how many n has.
func (t *tree) children(n int32) int {
	if t.isLeaf(n) {
		return 0
	}
	count := 0
	for _, kid := range t.inner.of(t.nodes[n].table) {
		if kid != 0 {
			count++
		}
	}
	return count
}
