package searchtest

import (
	"slices"
	"testing"

	"touchstone/hashindex"
)

// loaded gives a searcher of either kind entries in bulk: whole and in order, out of order, and fewer
// or more than was said.
func loaded(t *testing.T, bits int, fresh func() hashindex.Searcher) {
	for name, set := range shapes(bits) {
		t.Run(name, func(t *testing.T) {
			s, ok := fresh().(hashindex.BulkSearcher)
			if !ok {
				t.Skip("is not loaded in bulk")
			}
			m := model{}
			edits := addAll(set, 2)
			m.apply(edits)
			entries := make([]hashindex.Entry, len(edits))
			for i, e := range edits {
				entries[i] = e.Entry
			}
			var scope hashindex.Scope
			scope.Allow(1, bits/8)
			scope.Allow(2, 2)
			for _, n := range []int{len(entries), len(entries) / 2, len(entries) + 100} {
				s.Apply(addAll(Codes(11, bits, 10), 1)) // goes when the entries come
				s.Load(n, slices.Values(entries))
				checkHeld(t, s, m)
				check(t, s, m, probesOf(12, bits, set), scope)
				slices.Reverse(entries)
			}
		})
	}
}

// kept saves in several steps, with additions and removals between them, and takes up what was saved.
func kept(t *testing.T, bits int, fresh func() hashindex.Searcher) {
	for name, set := range shapes(bits) {
		t.Run(name, func(t *testing.T) {
			s, ok := fresh().(hashindex.KeptSearcher)
			if !ok {
				t.Skip("is not kept")
			}
			m := model{}
			apply := func(edits []hashindex.Edit) { s.Apply(edits); m.apply(edits) }
			var scope hashindex.Scope
			scope.Allow(1, bits/8)
			scope.Allow(2, 2)
			edits := addAll(set, 2)
			third := len(edits) / 3
			for step, part := range [][]hashindex.Edit{edits[:third], removals(edits[:third/2]), edits[third:], removals(edits[third : third+third/3]), nil} {
				apply(part)
				if err := s.Save(hashindex.Seq(step + 1))(); err != nil {
					t.Fatal(err)
				}
				checkHeld(t, s, m)
				check(t, s, m, probesOf(12, bits, set), scope)
				unsaved := addAll(Codes(11, bits, 10), 1)
				for i := range unsaved {
					unsaved[i].Frame += 1 << 40
				}
				s.Apply(unsaved) // goes when the searcher is opened again
				if upTo, err := s.Open(); err != nil || int(upTo) != step+1 {
					t.Fatalf("opened up to %d, error %v; want %d", upTo, err, step+1)
				}
				checkHeld(t, s, m)
				check(t, s, m, probesOf(12, bits, set), scope)
			}
			s.Reset()
			checkHeld(t, s, model{})
			apply(removals(edits)) // of what is not there
			checkHeld(t, s, model{})
		})
	}
}

func removals(edits []hashindex.Edit) []hashindex.Edit {
	all := slices.Clone(edits)
	for i := range all {
		all[i].Removed = true
	}
	return all
}
