package hashindex

import (
	"context"
	"slices"
	"sync/atomic"
)

// space is one set of comparable hashes with the searchers over it.
type space struct {
	name      string // of what is saved of it
	algorithm Algorithm

	// alone keeps only the hashes of frames that have no PDQ hash: those are found in pictures by
	// pHash, and all others are not looked at twice.
	alone bool

	// feeds hold the same entries and give the same answers: choose says which does. The list is
	// replaced as a whole, by whoever holds the committer's lead lock.
	feeds atomic.Pointer[[]*feed]
}

// feed is a searcher and how much of the history it has been fed.
type feed struct {
	Searcher

	kept  KeptSearcher // the same, if it is kept in the store; else nil
	costs Costs

	held     atomic.Int64  // entries
	answered *atomic.Int64 // look-ups, also those of a feed whose place this one took

	// applied is the last change that the searcher holds (I2), saved the last one that is kept.
	// The committer's lead lock guards both.
	applied, saved Seq

	// live is set once the searcher has caught up with the history: from then on it takes each
	// change before the writer is answered (I1) and may be searched. Until then the loader feeds it.
	live atomic.Bool
}

func newFeed(searcher Searcher) *feed {
	f := &feed{Searcher: searcher, answered: new(atomic.Int64)}
	if priced, ok := searcher.(PricedSearcher); ok {
		f.costs = priced.Costs()
	}
	return f
}

// search counts the look-ups. A nil feed is not ready.
func (f *feed) search(ctx context.Context, probes []Hash, scope Scope, found []Found) ([]Found, error) {
	if f == nil {
		return found, ErrNotReady
	}
	f.answered.Add(int64(len(probes)))
	return f.Search(ctx, probes, scope, found)
}

// lonePHash is the place in Index.spaces of the pHashes of references that have no PDQ hash. The
// other places are those of the algorithms' values.
const lonePHash = AlgorithmCount

func newSpaces() []*space {
	var spaces []*space
	for _, a := range Algorithms() {
		spaces = append(spaces, &space{name: a.String(), algorithm: a})
	}
	spaces = append(spaces, &space{name: "phash-alone", algorithm: PHash, alone: true})
	for _, s := range spaces {
		s.feeds.Store(new([]*feed))
	}
	return spaces
}

// keeper is the searcher that is kept in the store; nil without one.
func (s *space) keeper() *feed {
	for _, f := range *s.feeds.Load() {
		if f.kept != nil {
			return f
		}
	}
	return nil
}

// add adds a searcher in front of the others. The caller holds lead, or is the only one there.
func (s *space) add(f *feed) {
	feeds := append([]*feed{f}, *s.feeds.Load()...)
	s.feeds.Store(&feeds)
}

// replace puts a searcher in another's place. The caller holds lead.
func (s *space) replace(old, new *feed) {
	feeds := slices.Clone(*s.feeds.Load())
	feeds[slices.Index(feeds, old)] = new
	s.feeds.Store(&feeds)
}

// feedTo is the one way into a searcher, for live writes and for recovery alike. Changes that the
// searcher has seen are skipped, so that a replay may overlap.
func (s *space) feedTo(f *feed, recipe Recipe, changes []Change, has algorithms) {
	if has.one(s.algorithm) {
		if edits := s.edits(recipe, changes, f.applied); len(edits) > 0 {
			f.Apply(edits)
			f.held.Add(growth(edits))
		}
	}
	// applied moves only after the searcher holds the changes, so that a replay never skips one (I2).
	if n := len(changes); n > 0 {
		f.applied = max(f.applied, changes[n-1].Seq)
	}
}

// edits are what the changes after that one do to the space.
func (s *space) edits(recipe Recipe, changes []Change, after Seq) []Edit {
	var edits []Edit
	var entries []Entry
	for i := range changes {
		c := &changes[i] // large, and a list adds ten thousand
		if c.Seq <= after || c.Kind != ReferenceAdded && c.Kind != ReferenceRemoved {
			continue
		}
		entries = s.entries(entries[:0], recipe, &c.Reference)
		if edits == nil && len(entries) > 0 {
			edits = make([]Edit, 0, len(entries)*(len(changes)-i))
		}
		for _, e := range entries {
			edits = append(edits, Edit{Entry: e, Removed: c.Kind == ReferenceRemoved})
		}
	}
	return edits
}

// algorithms is a set of them.
type algorithms uint8

// algorithmsOf are those of the changes' hashes: a list has one as a rule, and there are five spaces.
func algorithmsOf(changes []Change) (has algorithms) {
	for i := range changes {
		frames := changes[i].Reference.Frames
		for n := range frames {
			for a := range frames[n].Hashes {
				if !frames[n].Hashes[a].IsZero() {
					has |= 1 << a
				}
			}
		}
	}
	return has
}

func (has algorithms) one(a Algorithm) bool { return has&(1<<a) != 0 }

func growth(edits []Edit) (n int64) {
	for _, e := range edits {
		if e.Removed {
			n--
		} else {
			n++
		}
	}
	return n
}

// entries appends what the space holds of the reference. It depends on the reference's frames
// alone, which never change, so that a removal finds what the addition made.
func (s *space) entries(dst []Entry, recipe Recipe, r *Reference) []Entry {
	for n := range r.Frames {
		frame := &r.Frames[n]
		hash := frame.Hashes[s.algorithm]
		if hash.IsZero() || !frame.searchable(recipe) || s.alone && !frame.Hashes[PDQ].IsZero() {
			continue
		}
		dst = append(dst, Entry{Frame: FrameOf(r.ID, n), Collection: r.Collection, Hash: hash})
	}
	return dst
}
