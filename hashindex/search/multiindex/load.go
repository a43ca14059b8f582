package multiindex

import (
	"iter"
	"slices"

	"touchstone/hashindex"
	"touchstone/hashindex/search/linear"
)

// Load replaces what the index holds by these entries, about n of them, each frame once. Those in the
// order of their frames cost no sorting. Searches go on in the old ones until the new tables are made.
func (ix *Index) Load(n int, entries iter.Seq[hashindex.Entry]) {
	l := collect(ix.bits, n, entries)
	l.tabulate()
	ix.writing.Lock()
	defer ix.writing.Unlock()
	ix.mu.Lock()
	defer ix.mu.Unlock()
	ix.merge, ix.merging = nil, 0
	ix.levels, ix.delta = nil, linear.New(ix.bits)
	if l.size() > 0 {
		ix.levels = []*level{l}
	}
}

// collect is the level of the entries, without its tables. What does not fit, because there are more
// than was said or because it is out of order, is sorted in afterwards.
func collect(bits, n int, entries iter.Seq[hashindex.Entry]) *level {
	l := newLevel(bits, n)
	var others []hashindex.Entry
	last := hashindex.FrameID(0)
	for e := range entries {
		if size := l.size(); size < n && (size == 0 || e.Frame > last) {
			l.add(e)
			last = e.Frame
		} else {
			others = append(others, e)
		}
	}
	if len(others) == 0 && l.size() == n {
		return l
	}
	for place := range l.size() {
		others = append(others, l.at(place))
	}
	return sorted(bits, slices.Clip(others))
}
