package bktree

import (
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"testing"

	"touchstone/hashindex"
	"touchstone/hashindex/search/linear"
	"touchstone/hashindex/search/searchtest"
)

// FuzzLoadState feeds states whose checksum is right whatever else they hold: none panics, and one
// that loads answers as the linear scan of its entries does, also after edits.
func FuzzLoadState(f *testing.F) {
	for _, n := range []int{0, 1, 100} {
		f.Add(stateOf(64, n), false)
		f.Add(stateOf(256, n), true)
	}
	f.Add(stateOf(64, bucket+1), false) // has an inner node
	f.Fuzz(func(t *testing.T, state []byte, wide bool) {
		bits := 64
		if wide {
			bits = 256
		}
		tree := New(bits)
		if err := tree.LoadState(sealed(state)); err != nil {
			if !errors.Is(err, hashindex.ErrDamaged) {
				t.Fatalf("error %v, want %v", err, hashindex.ErrDamaged)
			}
			return
		}
		equalsScan(t, tree)
		var held []hashindex.Edit
		for e := range tree.Entries {
			held = append(held, hashindex.Edit{Entry: e, Removed: true})
		}
		tree.Apply(edits(searchtest.Codes(1, bits, 300)))
		tree.Apply(held[len(held)/3:])
		equalsScan(t, tree)
	})
}

// TestEveryByteOfAStateCounts changes each byte of a small state in turn, with a right checksum: it
// is refused, or it is the state of other entries.
func TestEveryByteOfAStateCounts(t *testing.T) {
	state := stateOf(64, bucket+1)
	for at := range state[:len(state)-sumSize] {
		if at > 4000 && at%97 != 0 { // nodes and pivots all, entries here and there
			continue
		}
		bad := append([]byte(nil), state...)
		bad[at] ^= 0x11
		tree := New(64)
		if err := tree.LoadState(sealed(bad)); err == nil {
			equalsScan(t, tree)
		}
	}
}

// sealed is the state with its last bytes made the right checksum.
func sealed(state []byte) []byte {
	if len(state) < sumSize {
		return state
	}
	body := state[: len(state)-sumSize : len(state)-sumSize]
	return binary.LittleEndian.AppendUint32(body, crc32.Checksum(body, castagnoli))
}

func stateOf(bits, n int) []byte {
	tree := New(bits)
	tree.Apply(edits(searchtest.Codes(2, bits, n)))
	return tree.AppendState(nil)
}

func edits(codes []hashindex.Hash) []hashindex.Edit {
	all := make([]hashindex.Edit, len(codes))
	for i, h := range codes {
		frame := hashindex.FrameOf(hashindex.ReferenceID(i+1), 0)
		all[i].Entry = hashindex.Entry{Frame: frame, Collection: hashindex.CollectionID(i%3 + 1), Hash: h}
	}
	return all
}

func equalsScan(t *testing.T, tree *Tree) {
	t.Helper()
	scan := linear.New(tree.bits)
	var probes []hashindex.Hash
	for e := range tree.Entries {
		scan.Apply([]hashindex.Edit{{Entry: e}})
		if len(probes) < 3 {
			probes = append(probes, e.Hash)
		}
	}
	var scope hashindex.Scope
	for c := range hashindex.CollectionID(4) {
		scope.Allow(c, tree.bits/16)
	}
	got, _ := tree.Search(context.Background(), probes, scope, nil)
	want, _ := scan.Search(context.Background(), probes, scope, nil)
	all := map[hashindex.Found]bool{}
	for _, f := range want {
		all[f] = true
	}
	for _, f := range got {
		if !all[f] {
			t.Fatalf("found %v, which the scan does not find", f)
		}
	}
	if len(got) != len(want) || scan.Stats().Entries != tree.Stats().Entries {
		t.Fatalf("%d found of %d entries, want %d of %d", len(got), tree.Stats().Entries, len(want), scan.Stats().Entries)
	}
}

// TestTreeStaysTidy walks the structure after each burst of edits.
func TestTreeStaysTidy(t *testing.T) {
	for _, bits := range []int{64, 256} {
		all := edits(searchtest.Codes(3, bits, 20_000))
		tree := New(bits)
		for first := 0; first < len(all); first += 1000 {
			tree.Apply(all[first : first+1000])
			tidy(t, &tree.tree)
		}
		for i := range all {
			all[i].Removed = true
		}
		for first := 0; first < len(all); first += 1000 {
			tree.Apply(all[first : first+1000])
			tidy(t, &tree.tree)
		}
	}
}

// tidy reports a count, a size or a depth that is not as tree.go promises.
func tidy(t *testing.T, tree *tree) {
	t.Helper()
	var below func(n int32, depth int) int
	below = func(n int32, depth int) int {
		node, sum := tree.nodes[n], 0
		if depth > tree.bits+3 {
			t.Fatalf("node %d is %d deep", n, depth)
		}
		if tree.isLeaf(n) {
			for b := node.head; b != none; b = tree.blocks.next[b] {
				sum += int(tree.blocks.filled[b])
			}
		} else {
			for at, kid := range tree.inner.of(node.table) {
				if kid == 0 {
					continue
				}
				if tree.nodes[kid].parent != n || int(tree.nodes[kid].at) != at || tree.nodes[kid].count == 0 {
					t.Fatalf("node %d, child %d: %+v", n, at, tree.nodes[kid])
				}
				sum += below(kid, depth+1)
			}
		}
		if sum != int(node.count) {
			t.Fatalf("node %d counts %d, holds %d", n, node.count, sum)
		}
		if isLeaf := tree.isLeaf(n); (isLeaf && sum > bucket && !tree.allEqual(n)) || (!isLeaf && sum <= few) {
			t.Fatalf("node %d of %d entries: leaf %t", n, sum, isLeaf)
		}
		return sum
	}
	if got := below(root, 0); got != tree.entries.Len() {
		t.Fatalf("%d entries in the tree, %d held", got, tree.entries.Len())
	}
}
