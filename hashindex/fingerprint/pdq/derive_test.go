package pdq

import (
	"slices"
	"testing"

	"touchstone/hashindex"
)

func TestDerivedVariantsAreNearTheTrueOnes(t *testing.T) {
	var distances []int
	for seed := range uint64(60) {
		r := Hash(plane(300, 200, seed))
		if r.Quality < hashindex.PoorQuality {
			continue
		}
		derived := Derive(r.Dihedral[hashindex.Upright])
		for t2, want := range r.Dihedral {
			distances = append(distances, derived[t2].Distance(want))
		}
		for _, exact := range []hashindex.Transform{hashindex.Upright, hashindex.MirroredTurned270} {
			if derived[exact] != r.Dihedral[exact] {
				t.Errorf("seed %d: transform %d needs no approximation, yet differs", seed, exact)
			}
		}
	}
	slices.Sort(distances)
	n := len(distances)
	t.Logf("%d variants: median %d, p95 %d, at most %d", n, distances[n/2], distances[n*95/100], distances[n-1])
	if distances[n*95/100] > 24 {
		t.Errorf("p95 is %d bits, want at most 24", distances[n*95/100])
	}
}
