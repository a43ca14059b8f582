package nearest

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"

	"touchstone/hashindex"
)

// TestTheNearestAreKept adds answers in any order, some twice, trims now and then, and compares
// what is kept with all of them in order.
func TestTheNearestAreKept(t *testing.T) {
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 1))
		limit, probes, first := 1+rng.IntN(20), 1+rng.IntN(5), rng.IntN(3)
		before := []hashindex.Found{{Probe: 77}, {Probe: first}}
		var k Keeper
		k.Begin(limit, first, probes, before)
		found := slices.Clone(before)
		var all []hashindex.Found
		for range rng.IntN(400) {
			f := hashindex.Found{Probe: first + rng.IntN(probes), Distance: rng.IntN(4)}
			f.Entry.Frame = hashindex.FrameID(1 + rng.IntN(200)*4 + f.Distance) // one distance a frame
			all = append(all, f)
			if !k.Beyond(f.Probe, f.Distance, f.Entry.Frame) {
				found = append(found, f)
			}
			if rng.IntN(50) == 0 {
				found = k.Trim(found)
			}
		}
		found = k.Trim(found)
		if !slices.Equal(found[:2], before) {
			t.Fatalf("seed %d: what was there before became %v", seed, found[:2])
		}
		got := ordered(found[2:])
		if want := nearestOf(all, limit); !slices.Equal(got, want) {
			t.Fatalf("seed %d: kept %v, want %v", seed, got, want)
		}
	}
}

func ordered(found []hashindex.Found) []hashindex.Found {
	found = slices.Clone(found)
	slices.SortFunc(found, func(a, b hashindex.Found) int {
		return cmp.Or(cmp.Compare(a.Probe, b.Probe), cmp.Compare(a.Distance, b.Distance), cmp.Compare(a.Entry.Frame, b.Entry.Frame))
	})
	return found
}

func nearestOf(all []hashindex.Found, limit int) (nearest []hashindex.Found) {
	count := map[int]int{}
	for _, f := range slices.Compact(ordered(all)) {
		if count[f.Probe]++; count[f.Probe] <= limit {
			nearest = append(nearest, f)
		}
	}
	return nearest
}

func TestWithoutALimitAllAreKept(t *testing.T) {
	var k Keeper
	k.Begin(0, 0, 1, nil)
	found := make([]hashindex.Found, 10*fewest)
	if k.Full(found) || k.Beyond(0, 256, 1) || len(k.Trim(found)) != len(found) {
		t.Errorf("full %t, beyond %t, %d kept of %d", k.Full(found), k.Beyond(0, 256, 1), len(k.Trim(found)), len(found))
	}
}
