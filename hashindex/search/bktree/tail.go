package bktree

import (
	"cmp"
	"slices"

	"touchstone/hashindex"
	"touchstone/hashindex/search/linear"
)

// tail is what a stretch of the history that no run holds has added, and what it removed of before.
type tail struct {
	added   *linear.Scan
	removed map[hashindex.FrameID]struct{}
	upTo    hashindex.Seq // once it takes no more edits
}

func newTail(bits int) *tail {
	return &tail{added: linear.New(bits), removed: map[hashindex.FrameID]struct{}{}, upTo: everything}
}

// drop removes what the tail itself added; false when it did not add it.
func (t *tail) drop(e *hashindex.Entry) bool {
	if _, ok := t.added.Find(e.Frame); !ok {
		return false
	}
	t.added.Apply([]hashindex.Edit{{Entry: *e, Removed: true}})
	return true
}

// gone are the removed frames in order.
func (t *tail) gone() []hashindex.FrameID {
	gone := make([]hashindex.FrameID, 0, len(t.removed))
	for f := range t.removed {
		gone = append(gone, f)
	}
	slices.Sort(gone)
	return gone
}

// sorted are the added entries in the order of their frames.
func (t *tail) sorted() []hashindex.Entry {
	all := slices.Collect(t.added.Entries)
	slices.SortFunc(all, func(a, b hashindex.Entry) int { return cmp.Compare(a.Frame, b.Frame) })
	return all
}

func (t *tail) bytes() int { return t.added.Stats().Bytes + 16*len(t.removed) }
