package bktree

import (
	"encoding/binary"
	"math/bits"
	"unsafe"

	"touchstone/hashindex"
	"touchstone/hashindex/search/internal/arena"
)

// walk is one search, a group of probes at a time: first it lists the blocks to look at, then it
// looks, once for all probes of the group. A list that is too long is seen before the work is done.
type walk struct {
	bits   int
	group  arena.Probes
	part   arena.Probes // those of the group that look at the block at hand
	radius int
	looks  []look
	budget int // what looking at every block costs, less what the list does
	found  []hashindex.Found
	room   [4 * arena.Size]uint64 // for a block whose bytes cannot be compared as they are
}

// look is a block to look at, for the probes whose bits are set in live.
type look struct {
	block int32
	live  uint8
}

// What looking at a block costs, in units of comparing it with one probe: to come by it when it is
// the next one, and when it is anywhere (BenchmarkSearch, 1,000,000 hashes).
const (
	costNext     = 2
	costAnywhere = 8
)

func newWalk(bits int, scope hashindex.Scope, found []hashindex.Found) walk {
	group := arena.NewProbes(bits, scope)
	return walk{bits: bits, group: group, part: group, radius: scope.MaxRadius(), found: found}
}

// take takes up the group of probes that begins at first.
func (w *walk) take(probes []hashindex.Hash, first int) {
	w.group.Reset()
	for i := first; i < min(first+arena.MaxProbes, len(probes)); i++ {
		w.group.Add(i, probes[i])
	}
}

// search looks for the group in a run.
func (w *walk) search(v *view) error {
	if w.radius < 0 || v.entries == 0 {
		return nil
	}
	w.looks = w.looks[:0]
	w.budget = v.blocks() * (costNext + w.group.Len())
	if len(v.nodes) > 0 && w.list(v, 0, 1<<w.group.Len()-1) {
		return w.compare(v)
	}
	return w.compareAll(v)
}

// list adds the blocks below n that the live probes must look at. It gives up, and reports false,
// when looking at every block would cost less.
func (w *walk) list(v *view, n int32, live uint) bool {
	this := &v.nodes[n]
	if this.pivot < 0 {
		w.add(this, live)
		return w.budget >= 0
	}
	var away [arena.MaxProbes]int // distance of each live probe from the pivot
	for m := live; m != 0; m &= m - 1 {
		i := bits.TrailingZeros(m)
		away[i] = bits.OnesCount64(v.pivots[this.pivot] ^ w.group.Words(i)[0])
	}
	for kid := n + 1; kid < this.end; kid = v.nodes[kid].end {
		if reach := w.reach(&away, int(v.nodes[kid].at), live); reach != 0 && !w.list(v, kid, reach) {
			return false
		}
	}
	return true
}

// add lists the blocks of a leaf. Leaves follow each other without gaps, so a block may hold entries of
// several: it is looked at once, and what it answers for one leaf is right for all.
func (w *walk) add(leaf *node, live uint) {
	first, last := int32(leaf.first/arena.Size), int32((leaf.first+leaf.count-1)/arena.Size)
	if n := len(w.looks); n > 0 && w.looks[n-1].block == first {
		w.looks[n-1].live |= uint8(live)
		first++
	}
	for b := first; b <= last; b++ {
		w.looks = append(w.looks, look{b, uint8(live)})
		w.budget -= costAnywhere + bits.OnesCount(live)
	}
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
func (w *walk) compare(v *view) error {
	live := uint8(0)
	for _, l := range w.looks {
		if l.live != live {
			live = l.live
			w.part.Pick(&w.group, uint(live))
		}
		if err := w.look(v, int(l.block), &w.part); err != nil {
			return err
		}
	}
	return nil
}

// compareAll looks at every block.
func (w *walk) compareAll(v *view) error {
	for b := range v.blocks() {
		if err := w.look(v, b, &w.group); err != nil {
			return err
		}
	}
	return nil
}

func (w *walk) look(v *view, b int, probes *arena.Probes) error {
	block, err := v.block(b)
	if err != nil {
		return err
	}
	probes.Look(w.words(block))
	filled := ^uint64(0) >> (arena.Size - v.filled(b))
	for i := range probes.Len() {
		for m := probes.Mask(i) & filled; m != 0; m &= m - 1 {
			if err := w.keep(v, block, b, bits.TrailingZeros64(m), probes, i); err != nil {
				return err
			}
		}
	}
	return nil
}

// keep appends what is at place j of the block if its own collection reaches as far.
func (w *walk) keep(v *view, block []byte, b, j int, probes *arena.Probes, i int) error {
	place, err := v.place(b*arena.Size + j)
	if err != nil {
		return err
	}
	frame, collection, err := v.owner(place)
	if err != nil {
		return err
	}
	h, d := hashIn(block, j, v.planes), 0
	for p, word := range probes.Words(i) {
		d += bits.OnesCount64(h.Words[p] ^ word)
	}
	if d <= probes.Scope.Radius(collection) {
		w.found = append(w.found, hashindex.Found{
			Probe: probes.Number(i), Distance: d,
			Entry: hashindex.Entry{Frame: frame, Collection: collection, Hash: h},
		})
	}
	return nil
}

// nativeLittle is whether the machine reads numbers as the pages have them.
var nativeLittle = binary.NativeEndian.Uint16([]byte{1, 0}) == 1

// words are the block's, without a copy where the machine can read them where they are.
func (w *walk) words(block []byte) []uint64 {
	at := unsafe.Pointer(unsafe.SliceData(block))
	if nativeLittle && uintptr(at)%8 == 0 {
		return unsafe.Slice((*uint64)(at), len(block)/8)
	}
	words := w.room[:len(block)/8]
	for i := range words {
		words[i] = binary.LittleEndian.Uint64(block[i*8:])
	}
	return words
}
