package hashindex

// space is one set of comparable hashes with the searcher over it.
type space struct {
	name      string // of its snapshot
	algorithm Algorithm
	searcher  Searcher

	// alone keeps only the hashes of frames that have no PDQ hash: those are found in pictures by
	// pHash, and all others are not looked at twice.
	alone bool

	// applied is the last change that the searcher holds (I2), saved the one that its snapshot
	// does. The committer's lead lock guards both.
	applied, saved Seq
}

// lonePHash is the place in Index.spaces of the pHashes of references that have no PDQ hash. The
// other places are those of the algorithms' values.
const lonePHash = AlgorithmCount

func newSpaces(newSearcher func(Algorithm) Searcher) []*space {
	var spaces []*space
	for _, a := range Algorithms() {
		spaces = append(spaces, &space{name: a.String(), algorithm: a, searcher: newSearcher(a)})
	}
	return append(spaces, &space{name: "phash-alone", algorithm: PHash, alone: true, searcher: newSearcher(PHash)})
}

// apply is the one way into a searcher, for live writes and for recovery alike. Changes that the
// searcher has seen are skipped, so that a replay may overlap.
func (s *space) apply(recipe Recipe, changes []Change) {
	var edits []Edit
	for _, change := range changes {
		if change.Seq <= s.applied {
			continue
		}
		switch change.Kind {
		case ReferenceAdded, ReferenceRemoved:
			edits = s.appendEdits(edits, recipe, change)
		}
	}
	if len(edits) > 0 {
		s.searcher.Apply(edits)
	}
	// applied moves only after the searcher holds the changes, so that a replay never skips one (I2).
	if n := len(changes); n > 0 {
		s.applied = max(s.applied, changes[n-1].Seq)
	}
}

func (s *space) appendEdits(edits []Edit, recipe Recipe, change Change) []Edit {
	for _, entry := range s.entries(nil, recipe, change.Reference) {
		edits = append(edits, Edit{Entry: entry, Removed: change.Kind == ReferenceRemoved})
	}
	return edits
}

// entries appends what the space holds of the reference. It depends on the reference's frames
// alone, which never change, so that a removal finds what the addition made.
func (s *space) entries(dst []Entry, recipe Recipe, r Reference) []Entry {
	for n, frame := range r.Frames {
		hash := frame.Hashes[s.algorithm]
		if hash.IsZero() || !frame.searchable(recipe) || s.alone && !frame.Hashes[PDQ].IsZero() {
			continue
		}
		dst = append(dst, Entry{Frame: FrameOf(r.ID, n), Collection: r.Collection, Hash: hash})
	}
	return dst
}
