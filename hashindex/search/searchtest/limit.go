package searchtest

import (
	"cmp"
	"context"
	"math/rand/v2"
	"slices"
	"testing"

	"touchstone/hashindex"
)

// limited asks for the nearest only: they must be there, and nothing that is not an answer.
func limited(t *testing.T, bits int, fresh func() hashindex.Searcher) {
	for name, set := range shapes(bits) {
		t.Run(name, func(t *testing.T) {
			s, m := fresh(), model{}
			s.Apply(addAll(set, 3))
			m.apply(addAll(set, 3))
			for i, limit := range []int{1, 7, 300} {
				var scope hashindex.Scope
				scope.Allow(1, bits/4)
				scope.Allow(2, bits/16*i)
				scope.Limit = limit
				checkLimited(t, s, m, probesOf(uint64(limit), bits, set), scope)
			}
		})
	}
}

func checkLimited(t *testing.T, s hashindex.Searcher, m model, probes []hashindex.Hash, scope hashindex.Scope) {
	t.Helper()
	got, err := s.Search(context.Background(), probes, scope, nil)
	if err != nil {
		t.Fatal(err)
	}
	all := m.search(probes, scope)
	slices.SortFunc(got, nearestFirst)
	slices.SortFunc(all, nearestFirst)
	at := 0 // in got
	for probe := range probes {
		for i, want := range ofProbe(all, probe) {
			if at < len(got) && got[at] == want {
				at++
			} else if i < scope.Limit {
				t.Fatalf("limit %d: answer %d of probe %d, %v, is missing", scope.Limit, i, probe, want)
			}
		}
	}
	if at != len(got) {
		t.Fatalf("limit %d: %v was found, which is no answer or was found before", scope.Limit, got[at])
	}
}

func nearestFirst(a, b hashindex.Found) int {
	return cmp.Or(cmp.Compare(a.Probe, b.Probe), cmp.Compare(a.Distance, b.Distance), cmp.Compare(a.Entry.Frame, b.Entry.Frame))
}

func ofProbe(found []hashindex.Found, probe int) []hashindex.Found {
	first, _ := slices.BinarySearchFunc(found, probe, func(f hashindex.Found, p int) int { return cmp.Compare(f.Probe, p) })
	last, _ := slices.BinarySearchFunc(found, probe+1, func(f hashindex.Found, p int) int { return cmp.Compare(f.Probe, p) })
	return found[first:last]
}

// Bounded is for searchers that hold little more than the limit allows: probes in a crowd of equal
// hashes find the first of them, and never hold the crowd.
func Bounded(t *testing.T, new func(bits int) hashindex.Searcher) {
	n := 1_000_000
	if testing.Short() {
		n /= 10
	}
	const probesInIt = 8
	for _, bits := range []int{64, 256} {
		s, equal := new(bits), random(rand.New(rand.NewPCG(12, 12)), bits)
		edits := make([]hashindex.Edit, n)
		for i := range edits {
			edits[i].Entry = hashindex.Entry{Frame: frame(i + 1), Collection: 1, Hash: equal}
		}
		rand.New(rand.NewPCG(13, 13)).Shuffle(n, func(i, j int) { edits[i], edits[j] = edits[j], edits[i] })
		s.Apply(edits)
		probes := slices.Repeat([]hashindex.Hash{equal}, probesInIt)
		var scope hashindex.Scope
		scope.Allow(1, bits/8)
		scope.Limit = 10
		found, err := s.Search(context.Background(), probes, scope, nil)
		if err != nil {
			t.Fatal(err)
		}
		slices.SortFunc(found, nearestFirst)
		for i := range probes {
			if got := ofProbe(found, i); len(got) < 10 || got[0].Entry.Frame != frame(1) || got[9].Entry.Frame != frame(10) {
				t.Fatalf("%d bits, probe %d: %d found, want the first ten", bits, i, len(got))
			}
		}
		if cap(found) > n/2 {
			t.Errorf("%d bits: room for %d answers, want less than the crowd of %d", bits, cap(found), n)
		}
	}
}
