package naive

import (
	"context"
	"slices"
	"testing"

	"touchstone/fixtures/codes"
	"touchstone/hashindex"
	"touchstone/hashindex/search/linear"
)

// TestNaiveFindsWhatAScanFinds keeps the comparison fair: a tree that misses some is faster.
func TestNaiveFindsWhatAScanFinds(t *testing.T) {
	for _, bits := range []int{64, 256} {
		all := codes.Clustered(1, bits, 3000)
		tree, scan := new(Tree), linear.New(bits)
		for i, h := range all {
			e := hashindex.Entry{Frame: hashindex.FrameOf(hashindex.ReferenceID(i+1), 0), Collection: 1, Hash: h}
			tree.Apply([]hashindex.Edit{{Entry: e}})
			scan.Apply([]hashindex.Edit{{Entry: e}})
		}
		for _, radius := range []int{0, 8, bits / 8} {
			var scope hashindex.Scope
			scope.Allow(1, radius)
			probes := codes.Queries(2, all, 40)
			got, want := search(t, tree, probes, scope), search(t, scan, probes, scope)
			if len(want) == 0 && radius > 0 || !slices.Equal(got, want) {
				t.Errorf("%d bits, radius %d: %d found, want %d", bits, radius, len(got), len(want))
			}
		}
	}
}

func search(t *testing.T, s hashindex.Searcher, probes []hashindex.Hash, scope hashindex.Scope) []hashindex.Found {
	t.Helper()
	found, err := s.Search(context.Background(), probes, scope, nil)
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(found, func(a, b hashindex.Found) int {
		if a.Probe != b.Probe {
			return a.Probe - b.Probe
		}
		return int(a.Entry.Frame) - int(b.Entry.Frame)
	})
	return found
}
