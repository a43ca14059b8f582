// Package searchtest is what a searcher must do, as one suite that each of them runs. What it
// compares with is a map and a loop, written here: too simple to be wrong.
package searchtest

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"testing"

	"touchstone/hashindex"
)

// Run runs the suite for searchers of 64 and of 256 bits. new makes an empty one.
func Run(t *testing.T, new func(bits int) hashindex.Searcher) {
	for _, bits := range []int{64, 256} {
		fresh := func() hashindex.Searcher { return new(bits) }
		t.Run(fmt.Sprintf("%dbits", bits), func(t *testing.T) {
			t.Run("EveryRadiusEqualsTheScan", func(t *testing.T) { everyRadius(t, bits, fresh) })
			t.Run("ScopeLimitsEachCollection", func(t *testing.T) { scopes(t, bits, fresh) })
			t.Run("LimitKeepsTheNearest", func(t *testing.T) { limited(t, bits, fresh) })
			t.Run("EditsEqualAMap", func(t *testing.T) { edits(t, bits, fresh) })
			t.Run("BrokenEditsChangeNothing", func(t *testing.T) { brokenEdits(t, bits, fresh) })
			t.Run("EqualHashesStayLinear", func(t *testing.T) { equalHashes(t, bits, fresh) })
			t.Run("EmptiedIsAsNew", func(t *testing.T) { emptied(t, bits, fresh) })
			t.Run("AppliesAreSeenWhole", func(t *testing.T) { concurrent(t, bits, fresh) })
			t.Run("CancelledSearchSaysSo", func(t *testing.T) { cancelled(t, bits, fresh) })
			t.Run("LoadedEqualsApplied", func(t *testing.T) { loaded(t, bits, fresh) })
			t.Run("KeptEqualsTheSearcher", func(t *testing.T) { kept(t, bits, fresh) })
		})
	}
}

// model is what a searcher should hold.
type model map[hashindex.FrameID]hashindex.Entry

func (m model) apply(edits []hashindex.Edit) {
	for _, e := range edits {
		held, ok := m[e.Frame]
		switch {
		case !e.Removed && !ok:
			m[e.Frame] = e.Entry
		case e.Removed && ok && held.Hash == e.Hash:
			delete(m, e.Frame)
		}
	}
}

// search is the linear scan that every searcher equals.
func (m model) search(probes []hashindex.Hash, scope hashindex.Scope) []hashindex.Found {
	var found []hashindex.Found
	for i, probe := range probes {
		for _, e := range m {
			if d := probe.Distance(e.Hash); d <= scope.Radius(e.Collection) {
				found = append(found, hashindex.Found{Probe: i, Entry: e, Distance: d})
			}
		}
	}
	return found
}

// failer is what *testing.T and *rapid.T have in common here.
type failer interface {
	Helper()
	Fatalf(format string, args ...any)
}

// check compares the answer to the probes with the model's.
func check(t failer, s hashindex.Searcher, m model, probes []hashindex.Hash, scope hashindex.Scope) {
	t.Helper()
	before := hashindex.Found{Probe: -1} // Search appends: this one must stay
	got, err := s.Search(context.Background(), probes, scope, []hashindex.Found{before})
	if err != nil || len(got) == 0 || got[0] != before {
		t.Fatalf("search: error %v, first found %v; want what was passed in, %v", err, got, before)
	}
	want := m.search(probes, scope)
	if diff := difference(got[1:], want); diff != "" {
		t.Fatalf("max radius %d, %d probes, %d entries: %s", scope.MaxRadius(), len(probes), len(m), diff)
	}
}

// checkHeld compares Entries and Stats with the model.
func checkHeld(t failer, s hashindex.Searcher, m model) {
	t.Helper()
	seen := model{}
	for e := range s.Entries {
		if _, twice := seen[e.Frame]; twice || m[e.Frame] != e {
			t.Fatalf("entries: got %v (twice: %t), want %v", e, twice, m[e.Frame])
		}
		seen[e.Frame] = e
	}
	stats := s.Stats()
	if len(seen) != len(m) || stats.Entries != len(m) {
		t.Fatalf("entries: %d yielded, %d in stats, want %d", len(seen), stats.Entries, len(m))
	}
	if least := len(m) * 8; stats.Bytes+stats.Stored < least || stats.Name == "" {
		t.Fatalf("stats: %+v, want a name and at least %d bytes", stats, least)
	}
}

// difference is the first one between two sets of what was found, or nothing.
func difference(got, want []hashindex.Found) string {
	order := func(a, b hashindex.Found) int {
		return cmp.Or(cmp.Compare(a.Probe, b.Probe), cmp.Compare(a.Entry.Frame, b.Entry.Frame))
	}
	slices.SortFunc(got, order)
	slices.SortFunc(want, order)
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			return fmt.Sprintf("found %d of %d: got %v, want %v", i, len(want), got[i], want[i])
		}
	}
	if len(got) != len(want) {
		return fmt.Sprintf("%d found, want %d", len(got), len(want))
	}
	return ""
}
