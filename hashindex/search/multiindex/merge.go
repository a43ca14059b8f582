package multiindex

import (
	"slices"

	"touchstone/hashindex"
)

// merge makes one level of neighbouring ones, while they are searched and entries are removed from
// them.
type merge struct {
	sources []*level
	build   *build
	late    []hashindex.FrameID // removed from the sources since the merge began
}

const (
	// spread is how many times the newer levels' entries a level must have to be left alone. A
	// million entries then lie in five levels at most, each entry rewritten about ten times.
	spread = 4

	// pace is how many entries a merge under way moves on for each edit: more than the edits of
	// that time will make necessary.
	pace = 64

	// instant is how large a merge may be to be done at once, a few milliseconds of work, so that
	// small levels do not pile up behind a large merge.
	instant = 1 << 14
)

// advance does the merging that so many edits must pay for.
func (ix *Index) advance(edits int) {
	for ix.mergeSmall() {
	}
	if ix.merge == nil {
		ix.begin(ix.due(0))
	}
	if ix.merge != nil && ix.merge.build.step(edits*pace*stages(ix.bits)) {
		ix.install(ix.merge, 0)
		ix.merge = nil
	}
}

// mergeSmall does at once what of the newest levels is due and small.
func (ix *Index) mergeSmall() bool {
	from := ix.due(ix.idle())
	total := 0
	for _, l := range ix.levels[from:] {
		total += l.size()
	}
	if from == len(ix.levels) || total > instant {
		return false
	}
	m := newMerge(ix.bits, ix.levels[from:])
	m.build.step(total*stages(ix.bits) + stages(ix.bits))
	ix.install(m, ix.merging)
	return true
}

// idle is the first level that follows those being merged.
func (ix *Index) idle() int {
	if ix.merge == nil {
		return 0
	}
	last := ix.merge.sources[len(ix.merge.sources)-1]
	return slices.Index(ix.levels, last) + 1
}

// due is the first of the newest levels that ought to be one, at from or behind it; len(ix.levels)
// when they may stay as they are.
func (ix *Index) due(from int) int {
	first, total := len(ix.levels), 0
	for i := len(ix.levels) - 1; i >= from; i-- {
		l := ix.levels[i]
		if total > 0 && l.live() <= spread*total || 2*l.live() < l.size() {
			first = i
		}
		total += l.live()
	}
	return first
}

func (ix *Index) begin(first int) {
	if first == len(ix.levels) {
		return
	}
	ix.merge = newMerge(ix.bits, ix.levels[first:])
	ix.mu.Lock()
	defer ix.mu.Unlock()
	ix.merging = ix.merge.build.bytes()
}

func newMerge(bits int, levels []*level) *merge {
	m := &merge{sources: slices.Clone(levels)}
	var sources []source
	for _, l := range levels {
		sources = append(sources, source{l, l.gone})
	}
	m.build = newBuild(bits, sources)
	return m
}

// removed notes a removal that the build may have passed already.
func (m *merge) removed(l *level, f hashindex.FrameID) {
	if slices.Contains(m.sources, l) {
		m.late = append(m.late, f)
	}
}

// install puts the merged level where its sources were, and leaves so many bytes to a merge that
// goes on. No search waits longer than for that.
func (ix *Index) install(m *merge, merging int) {
	for _, f := range m.late {
		if place := m.build.level.find(f); place >= 0 {
			m.build.level.remove(place)
		}
	}
	at := slices.Index(ix.levels, m.sources[0])
	levels := slices.Replace(slices.Clone(ix.levels), at, at+len(m.sources), m.build.level)
	if m.build.level.live() == 0 {
		levels = slices.Delete(levels, at, at+1)
	}
	ix.mu.Lock()
	defer ix.mu.Unlock()
	ix.levels, ix.merging = levels, merging
}
