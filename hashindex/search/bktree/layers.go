package bktree

import (
	"errors"
	"slices"

	"touchstone/hashindex"
)

// layers are the runs and the tails after them, oldest first: what one layer holds is there unless a
// later one removes it. They are read in one view of the store.
type layers struct {
	bits  int
	runs  []view
	tails []*tail

	// What freeze copied of the tails, so that they may go on.
	added [][]hashindex.Entry
	gone  [][]hashindex.FrameID
}

var errStop = errors.New("no more wanted")

// hide drops what was found from mark on, in layer i, that a later layer removes.
func (l *layers) hide(w *walk, mark, i int) error {
	if len(w.found) == mark || !l.removedAfter(i) {
		return nil
	}
	kept := w.found[:mark]
	for _, f := range w.found[mark:] {
		hidden, err := l.hidden(f.Entry.Frame, i)
		if err != nil {
			return err
		}
		if !hidden {
			kept = append(kept, f)
		}
	}
	w.found = kept
	return nil
}

// removedAfter reports whether any layer after i removes anything.
func (l *layers) removedAfter(i int) bool {
	for n := i + 1; n < len(l.runs); n++ {
		if l.runs[n].removed > 0 {
			return true
		}
	}
	return slices.ContainsFunc(l.tails[max(0, i+1-len(l.runs)):], func(t *tail) bool { return len(t.removed) > 0 })
}

// hidden reports whether a layer after i removes the frame.
func (l *layers) hidden(f hashindex.FrameID, i int) (bool, error) {
	for n := i + 1; n < len(l.runs); n++ {
		if gone, err := l.runs[n].removes(f); gone || err != nil {
			return gone, err
		}
	}
	return slices.ContainsFunc(l.tails[max(0, i+1-len(l.runs)):], func(t *tail) bool { return has(t.removed, f) }), nil
}

func has(removed map[hashindex.FrameID]struct{}, f hashindex.FrameID) bool {
	_, ok := removed[f]
	return ok
}

// holds reports whether the frame is there: with this hash, if exact.
func (l *layers) holds(e *hashindex.Entry, exact bool) (bool, error) {
	for _, t := range slices.Backward(l.tails) {
		if hash, ok := t.added.Find(e.Frame); ok {
			return !exact || hash == e.Hash, nil
		}
		if has(t.removed, e.Frame) {
			return false, nil
		}
	}
	for i := len(l.runs) - 1; i >= 0; i-- {
		v := &l.runs[i]
		place, err := v.find(e.Frame)
		if err != nil {
			return false, err
		}
		if place >= 0 && exact {
			return v.holds(place, e.Hash)
		}
		if place >= 0 {
			return true, nil
		}
		if gone, err := v.removes(e.Frame); gone || err != nil {
			return false, err
		}
	}
	return false, nil
}

// freeze copies what the tails hold.
func (l *layers) freeze() error {
	for _, t := range l.tails {
		l.added, l.gone = append(l.added, t.sorted()), append(l.gone, t.gone())
	}
	return nil
}

// each yields what is left of the layers from the one given on, after freeze, layer by layer in the
// order of frames; to hidden, unless nil, go the frames that a later one of them removes.
func (l *layers) each(from int, yield func(hashindex.Entry) error, hidden func(hashindex.FrameID)) error {
	gone, err := l.allGone(from)
	if err != nil {
		return err
	}
	for i := from; i < len(l.runs)+len(l.tails); i++ {
		later := merged(gone[i-from+1:])
		one := func(e hashindex.Entry) error {
			for len(later) > 0 && later[0] < e.Frame {
				later = later[1:]
			}
			if len(later) > 0 && later[0] == e.Frame {
				if hidden != nil {
					hidden(e.Frame)
				}
				return nil
			}
			return yield(e)
		}
		if i < len(l.runs) {
			err = l.runs[i].each(one)
		} else {
			for _, e := range l.added[i-len(l.runs)] {
				if err = one(e); err != nil {
					break
				}
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// allGone are the frames that each layer from the one given on removes, in order.
func (l *layers) allGone(from int) ([][]hashindex.FrameID, error) {
	var all [][]hashindex.FrameID
	for i := from; i < len(l.runs); i++ {
		gone, err := l.runs[i].gone()
		if err != nil {
			return nil, err
		}
		all = append(all, gone)
	}
	return append(all, l.gone[max(0, from-len(l.runs)):]...), nil
}

func merged(lists [][]hashindex.FrameID) []hashindex.FrameID {
	all := slices.Concat(lists...)
	slices.Sort(all)
	return all
}
