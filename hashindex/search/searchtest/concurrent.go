package searchtest

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"touchstone/hashindex"
)

// concurrent lets one writer add and remove groups of equal hashes, a group an Apply, while readers
// count them: all of a group or none, and never less of what stays.
func concurrent(t *testing.T, bits int, fresh func() hashindex.Searcher) {
	const groups, size, rounds = 4, 50, 200
	s, rng := fresh(), rand.New(rand.NewPCG(9, 9))
	stay := Codes(10, bits, 3000)
	s.Apply(addAll(stay, 1))
	probes := []hashindex.Hash{stay[0]}
	edits := make([][]hashindex.Edit, groups)
	for g := range edits {
		probes = append(probes, random(rng, bits))
		for i := range size {
			e := hashindex.Entry{Frame: frame(100_000 + g*size + i), Collection: 1, Hash: probes[g+1]}
			edits[g] = append(edits[g], hashindex.Edit{Entry: e})
		}
	}
	var done atomic.Bool
	var readers sync.WaitGroup
	for range 3 {
		readers.Go(func() {
			for !done.Load() && !t.Failed() {
				countGroups(t, s, probes, size)
			}
		})
	}
	for round := range rounds {
		group := edits[round%groups]
		for i := range group {
			group[i].Removed = round/groups%2 == 1
		}
		s.Apply(group)
	}
	done.Store(true)
	readers.Wait()
	countGroups(t, s, probes, size)
}

func countGroups(t *testing.T, s hashindex.Searcher, probes []hashindex.Hash, size int) {
	var scope hashindex.Scope
	scope.Allow(1, 0)
	found, err := s.Search(context.Background(), probes, scope, nil)
	if err != nil {
		t.Error(err)
	}
	counts := make([]int, len(probes))
	for _, f := range found {
		counts[f.Probe]++
	}
	if counts[0] == 0 {
		t.Error("an entry that stays was not found")
	}
	for g, n := range counts[1:] {
		if n != 0 && n != size {
			t.Errorf("group %d: %d found, want 0 or %d", g, n, size)
		}
	}
	s.Stats()
}
