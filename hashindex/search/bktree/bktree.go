// Package bktree keeps a Burkhard-Keller tree in the store and searches it there. An inner node sorts
// what is below it by distance from a pivot, so that the triangle inequality rules out every child
// whose distance differs from the probe's by more than the radius. (W. A. Burkhard and R. M. Keller,
// "Some approaches to best-match file searching", 1973.) Leaves are ranges of entries that are
// scanned, and lie behind each other in pages of hashes alone, compared as they are mapped.
//
// Hashes of 256 bits have no tree: at PDQ's radius a BK-tree rules out one entry in fifty, so they
// lie in the order of their frames and are scanned from first to last.
//
// What is kept is a few runs, each with what a stretch of the history added and removed. Changes after
// the last run are the tail: held in memory, scanned, and written as a run of their own in bulk.
package bktree

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sync"

	"touchstone/hashindex"
	"touchstone/hashindex/search/internal/arena"
	"touchstone/hashindex/search/internal/nearest"
)

// Tree implements hashindex.KeptSearcher. It is safe for concurrent use. The zero Tree is of no use:
// see New.
type Tree struct {
	bits  int
	name  string // of the runs
	store hashindex.Pages
	heads sync.Map // run ID -> *head: those read so far

	// saving is held from Save until what it returned has run. It is taken before mu.
	saving sync.Mutex

	mu      sync.RWMutex      // guards what follows
	tails   []*tail           // oldest first; the last takes the edits, the others are being saved
	usable  hashindex.Seq     // runs after it are not to be used
	newest  hashindex.FrameID // of the runs
	highest hashindex.FrameID // that a tail was given
	entries int
	broken  error // why the runs could not be read, once they could not
}

var _ hashindex.KeptSearcher = (*Tree)(nil)

// everything is above any Seq that there is.
const everything = hashindex.Seq(math.MaxUint64)

// New is a tree of hashes of 64 or 256 bits over the runs of that name. It is empty before Open.
func New(store hashindex.Pages, name string, bits int) *Tree {
	if bits != 64 && bits != 256 {
		panic(fmt.Sprintf("bktree: hashes of %d bits", bits))
	}
	t := &Tree{bits: bits, name: name, store: store}
	t.Reset()
	return t
}

// Open takes up the runs that are kept, in place of all that the tree holds. The Seq is the last
// change that they cover; the error says why there are some that it does not use.
func (t *Tree) Open() (hashindex.Seq, error) {
	t.Reset()
	t.mu.Lock()
	defer t.mu.Unlock()
	var upTo hashindex.Seq
	var unusable error
	err := t.store.ViewRuns(t.name, func(runs []hashindex.Run) error {
		for _, r := range runs {
			h, err := t.head(r)
			if err != nil {
				unusable = err
				return nil
			}
			t.take(h)
			upTo = r.UpTo
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	t.usable = upTo
	if unusable == nil {
		t.usable = everything
	}
	return upTo, unusable
}

func (t *Tree) take(h *head) {
	t.entries += h.entries - h.removed
	t.newest = max(t.newest, h.last)
}

// Reset makes the tree empty, whatever is kept: that is replaced by the next Save.
func (t *Tree) Reset() {
	t.saving.Lock()
	defer t.saving.Unlock()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.tails, t.usable, t.newest, t.highest, t.entries, t.broken = []*tail{newTail(t.bits)}, 0, 0, 0, 0, nil
}

// Search looks for arena.MaxProbes probes at a time, which see one state. Between them it lets
// writers in and looks at ctx. ErrDamaged says that the runs cannot be read: see Reset. The scope's
// limit is kept once such probes have been looked for: before, the nearest may be among what a later
// layer hides.
func (t *Tree) Search(ctx context.Context, probes []hashindex.Hash, scope hashindex.Scope, found []hashindex.Found) ([]hashindex.Found, error) {
	limit := scope.Limit
	scope.Limit = 0
	w := newWalk(t.bits, scope, found)
	var keeper nearest.Keeper
	for first := 0; first < len(probes); first += arena.MaxProbes {
		if err := ctx.Err(); err != nil {
			return w.found, err
		}
		keeper.Begin(limit, first, arena.MaxProbes, w.found)
		w.take(probes, first)
		if err := t.look(&w, probes[first:min(first+arena.MaxProbes, len(probes))], first); err != nil {
			return w.found, err
		}
		if keeper.Full(w.found) {
			w.found = keeper.Trim(w.found)
		}
	}
	return w.found, ctx.Err()
}

func (t *Tree) look(w *walk, probes []hashindex.Hash, first int) error {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.view(func(l *layers) error {
		for i := range l.runs {
			mark := len(w.found)
			if err := w.search(&l.runs[i]); err != nil {
				return err
			}
			if err := l.hide(w, mark, i); err != nil {
				return err
			}
		}
		for i, tail := range l.tails {
			mark := len(w.found)
			w.found, _ = tail.added.Search(context.Background(), probes, w.group.Scope, w.found) // of a bounded length
			for j := range w.found[mark:] {
				w.found[mark+j].Probe += first
			}
			if err := l.hide(w, mark, len(l.runs)+i); err != nil {
				return err
			}
		}
		return nil
	})
}

// view calls see with what there is now, which is not to be used after. The caller holds mu.
func (t *Tree) view(see func(*layers) error) error {
	if t.broken != nil {
		return t.broken
	}
	return t.store.ViewRuns(t.name, func(runs []hashindex.Run) error {
		l := layers{bits: t.bits}
		var upTo hashindex.Seq
		for _, r := range runs {
			// A run being saved is there before the tails that it replaces have gone: one or the other.
			if r.UpTo > t.usable {
				break
			}
			h, err := t.head(r)
			if err != nil {
				return err
			}
			l.runs = append(l.runs, view{head: h, run: r})
			upTo = r.UpTo
		}
		for _, tail := range t.tails {
			if tail.upTo > upTo {
				l.tails = append(l.tails, tail)
			}
		}
		return see(&l)
	})
}

// head is the run's, read once.
func (t *Tree) head(r hashindex.Run) (*head, error) {
	if known, ok := t.heads.Load(r.ID); ok {
		return known.(*head), nil
	}
	h, err := readHead(r, t.bits)
	if err != nil {
		return nil, fmt.Errorf("run of changes %d to %d of %s: %w", r.After+1, r.UpTo, t.name, err)
	}
	t.heads.Store(r.ID, h)
	return h, nil
}

// Apply carries out the edits in order.
func (t *Tree) Apply(edits []hashindex.Edit) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !slices.ContainsFunc(edits, func(e hashindex.Edit) bool { return e.Frame <= t.newest }) {
		t.edit(&layers{tails: t.tails}, edits) // none is in a run
		return
	}
	err := t.view(func(l *layers) error { return t.edit(l, edits) })
	if err != nil && t.broken == nil {
		t.broken = err // what was not applied must not be missed by a search
	}
}

func (t *Tree) edit(l *layers, edits []hashindex.Edit) error {
	into := t.tails[len(t.tails)-1]
	if t.allNew(edits) {
		into.added.Apply(edits)
		t.entries += len(edits)
		t.highest = edits[len(edits)-1].Frame
		return nil
	}
	for i := range edits {
		e := &edits[i]
		held, err := l.holds(&e.Entry, e.Removed)
		if err != nil {
			return err
		}
		switch {
		case e.Removed && held:
			if !into.drop(&e.Entry) {
				into.removed[e.Frame] = struct{}{}
			}
			t.entries--
		case !e.Removed && !held:
			into.added.Apply(edits[i : i+1])
			t.entries++
			t.highest = max(t.highest, e.Frame)
		}
	}
	return nil
}

// allNew reports whether the edits add frames in ascending order, higher than any that the tree has seen, as
// all additions of a history do: so none needs to be looked for.
func (t *Tree) allNew(edits []hashindex.Edit) bool {
	last := max(t.newest, t.highest)
	for i := range edits {
		e := &edits[i]
		if e.Removed || e.Frame <= last {
			return false
		}
		last = e.Frame
	}
	return len(edits) > 0
}

// Entries yields every entry once, as the tree was when it was asked: run by run, each in the order of
// frames. It ends early when a run cannot be read; Stats says how many there should be.
func (t *Tree) Entries(yield func(hashindex.Entry) bool) {
	t.mu.RLock()
	unlock := sync.OnceFunc(t.mu.RUnlock)
	defer unlock()
	_ = t.view(func(l *layers) error {
		if err := l.freeze(); err != nil {
			return err
		}
		unlock()
		return l.each(0, func(e hashindex.Entry) error {
			if !yield(e) {
				return errStop
			}
			return nil
		}, nil)
	})
}

// Stats counts the tail and the nodes as memory, and the pages as stored.
func (t *Tree) Stats() hashindex.SearcherStats {
	t.mu.RLock()
	defer t.mu.RUnlock()
	s := hashindex.SearcherStats{Name: "bktree", Entries: t.entries}
	for _, tail := range t.tails {
		s.Bytes += tail.bytes()
	}
	_ = t.view(func(l *layers) error {
		for i := range l.runs {
			s.Bytes += l.runs[i].memory()
			s.Stored += l.runs[i].stored()
		}
		return nil
	})
	return s
}
