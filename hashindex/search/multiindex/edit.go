package multiindex

import (
	"cmp"
	"slices"

	"touchstone/hashindex"
	"touchstone/hashindex/search/linear"
)

// deltaFull is how many entries the linear scan beside the levels takes before they become a level:
// a scan of so many costs a small part of a search. See BenchmarkWrites.
const deltaFull = 1024

// Apply carries out the edits in order. They are visible when it returns to whoever searches, and
// part of the merging is done by then: never more than a bounded amount an edit.
func (ix *Index) Apply(edits []hashindex.Edit) {
	ix.writing.Lock()
	defer ix.writing.Unlock()
	ix.edit(edits)
	if ix.delta.Stats().Entries >= deltaFull {
		ix.flush()
	}
	ix.advance(len(edits))
}

func (ix *Index) edit(edits []hashindex.Edit) {
	ix.mu.Lock()
	defer ix.mu.Unlock()
	for i := range edits {
		l, place := ix.find(edits[i].Frame)
		switch {
		case l == nil:
			ix.delta.Apply(edits[i : i+1])
		case edits[i].Removed && l.hash(place) == edits[i].Hash:
			l.remove(place)
			if ix.merge != nil {
				ix.merge.removed(l, edits[i].Frame)
			}
		}
	}
}

// find is the level and place of a frame that is not in the delta, if it is in the index at all.
func (ix *Index) find(f hashindex.FrameID) (*level, int) {
	for _, l := range ix.levels {
		if place := l.find(f); place >= 0 {
			return l, place
		}
	}
	return nil, -1
}

// flush makes a level of the delta. Searches go on meanwhile.
func (ix *Index) flush() {
	l := sorted(ix.bits, slices.Collect(ix.delta.Entries))
	l.tabulate()
	ix.mu.Lock()
	defer ix.mu.Unlock()
	ix.levels = append(ix.levels, l)
	ix.delta = linear.New(ix.bits)
}

// sorted is the level of the entries, without its tables.
func sorted(bits int, entries []hashindex.Entry) *level {
	slices.SortFunc(entries, func(a, b hashindex.Entry) int { return cmp.Compare(a.Frame, b.Frame) })
	l := newLevel(bits, len(entries))
	for _, e := range entries {
		l.add(e)
	}
	return l
}

// sources are the entries of the index as it is: later removals do not touch them.
func (ix *Index) sources() []source {
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	delta := sorted(ix.bits, slices.Collect(ix.delta.Entries))
	sources := []source{{delta, delta.gone}}
	for _, l := range ix.levels {
		sources = append(sources, source{l, slices.Clone(l.gone)})
	}
	return sources
}
