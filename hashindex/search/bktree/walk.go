package bktree

import (
	"math/bits"

	"touchstone/hashindex"
	"touchstone/hashindex/search/internal/arena"
)

// walk is one search, a group of probes at a time: first it lists the blocks to look at, then it
// looks. With the list at hand the next blocks are fetched from memory while one is compared, once
// for all probes of the group; and a list that is too long is seen before the work is done.
type walk struct {
	group  arena.Probes
	part   arena.Probes // those of the group that look at the block at hand
	radius int
	looks  []look
	budget int // what looking at every block costs, less what the list does
	found  []hashindex.Found
	looked int // entries compared, summed over the probes
}

// look is a block to look at, for the probes whose bits are set in live.
type look struct {
	block int32
	live  uint8
}

// What looking at a block costs, in units of comparing it with one probe: to come by it when it is
// the next one in memory, and when it is anywhere (BenchmarkSearch, 1,000,000 hashes).
const (
	costNext     = 2
	costAnywhere = 8
)

// ahead is how many blocks early one is asked for from memory.
const ahead = 6

func newWalk(bits int, scope hashindex.Scope, found []hashindex.Found) walk {
	group := arena.NewProbes(bits, scope)
	return walk{group: group, part: group, radius: scope.MaxRadius(), found: found}
}

// search looks for the group of probes that begins at first.
func (w *walk) search(t *tree, probes []hashindex.Hash, first int) {
	w.group.Reset()
	for i := first; i < min(first+arena.MaxProbes, len(probes)); i++ {
		w.group.Add(i, probes[i])
	}
	if w.radius < 0 {
		return
	}
	w.looks = w.looks[:0]
	w.budget = t.entries.Blocks() * (costNext + w.group.Len())
	if w.list(t, root, 1<<w.group.Len()-1) {
		w.compare(t)
	} else {
		w.compareAll(t)
	}
}

// list adds the blocks below n that the live probes must look at. It gives up, and reports false,
// when looking at every block would cost less.
func (w *walk) list(t *tree, n int32, live uint) bool {
	if t.isLeaf(n) {
		for b := t.nodes[n].head; b != none; b = t.blocks.next[b] {
			w.looks = append(w.looks, look{b, uint8(live)})
			w.budget -= costAnywhere + bits.OnesCount(live)
		}
		return w.budget >= 0
	}
	var away [arena.MaxProbes]int // distance of each live probe from the pivot
	nearest, farthest := t.bits, 0
	for m := live; m != 0; m &= m - 1 {
		i := bits.TrailingZeros(m)
		away[i] = t.inner.distance(t.nodes[n].table, w.group.Words(i))
		nearest, farthest = min(nearest, away[i]), max(farthest, away[i])
	}
	kids := t.inner.of(t.nodes[n].table)
	for d := max(0, nearest-w.radius); d <= min(t.bits, farthest+w.radius); d++ {
		if kids[d] == 0 {
			continue
		}
		if reach := w.reach(&away, d, live); reach != 0 && !w.list(t, kids[d], reach) {
			return false
		}
	}
	return true
}

// reach is which probes can have an entry in range among those at distance d from the pivot: by the
// triangle inequality only a probe whose own distance differs from d by at most the radius.
func (w *walk) reach(away *[arena.MaxProbes]int, d int, live uint) uint {
	var reach uint
	for m := live; m != 0; m &= m - 1 {
		i := bits.TrailingZeros(m)
		if off := d - away[i]; -w.radius <= off && off <= w.radius {
			reach |= 1 << i
		}
	}
	return reach
}

// compare looks at the listed blocks.
func (w *walk) compare(t *tree) {
	live := uint8(0)
	for i, l := range w.looks {
		if i+ahead < len(w.looks) {
			t.entries.Prefetch(int(w.looks[i+ahead].block))
		}
		if l.live != live {
			live = l.live
			w.part.Pick(&w.group, uint(live))
		}
		w.look(t, l.block, &w.part)
	}
}

// compareAll looks at every block.
func (w *walk) compareAll(t *tree) {
	for b := range t.entries.Blocks() {
		w.look(t, int32(b), &w.group)
	}
}

func (w *walk) look(t *tree, block int32, probes *arena.Probes) {
	filled := int(t.blocks.filled[block])
	w.looked += filled * probes.Len()
	w.found = t.entries.Near(int(block), filled, probes, w.found)
}
