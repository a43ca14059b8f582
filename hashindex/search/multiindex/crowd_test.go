package multiindex

import (
	"cmp"
	"context"
	"math/rand/v2"
	"slices"
	"testing"

	"touchstone/hashindex"
	"touchstone/hashindex/search/linear"
)

func random(rng *rand.Rand, bits int) hashindex.Hash {
	if bits == 64 {
		return hashindex.Hash64(rng.Uint64())
	}
	return hashindex.Hash256([4]uint64{rng.Uint64(), rng.Uint64(), rng.Uint64(), rng.Uint64()})
}

func zero(bits int) hashindex.Hash {
	if bits == 64 {
		return hashindex.Hash64(0)
	}
	return hashindex.Hash256([4]uint64{})
}

// hostile are sets that crowd the buckets, with a probe that looks at the crowd.
func hostile(bits, n int) map[string][]hashindex.Hash {
	rng := rand.New(rand.NewPCG(4, uint64(bits)))
	probe, equal := random(rng, bits), random(rng, bits)
	sets := map[string][]hashindex.Hash{}
	for i := range n {
		sets["uniform"] = append(sets["uniform"], random(rng, bits))
		sets["all zero"] = append(sets["all zero"], zero(bits))
		sets["all equal"] = append(sets["all equal"], equal)
		shared := random(rng, bits)
		shared.Words[0] = shared.Words[0]&0xffff<<48 | probe.Words[0]&^(0xffff<<48)
		sets["three pieces shared"] = append(sets["three pieces shared"], shared)
		shared.Words[0] ^= 1 << (i % 3 * 16)
		sets["three pieces nearly shared"] = append(sets["three pieces nearly shared"], shared)
	}
	for name := range sets {
		sets[name] = append(sets[name], probe)
	}
	return sets
}

// TestNoSearchExaminesMoreThanAScan counts postings: time would depend on the machine.
func TestNoSearchExaminesMoreThanAScan(t *testing.T) {
	const n = 50_000
	for _, bits := range []int{64, 256} {
		for name, set := range hostile(bits, n) {
			ix := New(bits)
			ix.Apply(additions(set))
			for radius := 0; radius <= bits/4; radius += bits / 32 {
				for i, probe := range probesOf(bits, set) {
					s := newSearch(scopeOf(radius), nil)
					s.keeper.Begin(0, 0, group, nil)
					s.look(ix.levels[0], []hashindex.Hash{probe}, 0)
					sifted := s.probes[0].sifted
					if sifted > (scanCost+1)*n || sifted > n && name == "uniform" && radius <= bits/8 {
						t.Errorf("%d bits, %s, radius %d, probe %d: %d postings of %d entries", bits, name, radius, i, sifted, n)
					}
				}
			}
		}
	}
}

// TestSharedPiecesAreSpared: three crowded buckets do not make a scan of a search.
func TestSharedPiecesAreSpared(t *testing.T) {
	const n = 50_000
	set := hostile(256, n)["three pieces shared"]
	ix := New(256)
	ix.Apply(additions(set))
	s := newSearch(scopeOf(31), nil)
	s.keeper.Begin(0, 0, group, nil)
	s.look(ix.levels[0], set[n:], 0)
	if sifted := s.probes[0].sifted; sifted == 0 || sifted > n || len(s.found) != 1 {
		t.Errorf("%d postings of %d entries, %d found; want fewer postings, 1 found", sifted, n, len(s.found))
	}
}

func TestHostileSetsEqualTheScan(t *testing.T) {
	const n = 20_000
	for _, bits := range []int{64, 256} {
		for name, set := range hostile(bits, n) {
			ix, scan := New(bits), linear.New(bits)
			ix.Apply(additions(set))
			scan.Apply(additions(set))
			probes := probesOf(bits, set)
			for _, radius := range []int{0, 1, bits / 16, bits / 8, bits / 5, bits / 4} {
				if got, want := answers(t, ix, probes, radius), answers(t, scan, probes, radius); !slices.Equal(got, want) {
					t.Errorf("%d bits, %s, radius %d: %d found, want %d", bits, name, radius, len(got), len(want))
				}
			}
		}
	}
}

func probesOf(bits int, set []hashindex.Hash) []hashindex.Hash {
	return []hashindex.Hash{set[len(set)-1], set[0], zero(bits), random(rand.New(rand.NewPCG(5, 5)), bits)}
}

func scopeOf(radius int) hashindex.Scope {
	var scope hashindex.Scope
	scope.Allow(1, radius)
	return scope
}

// answers are what is found, in one order.
func answers(t *testing.T, s hashindex.Searcher, probes []hashindex.Hash, radius int) []hashindex.Found {
	t.Helper()
	found, err := s.Search(context.Background(), probes, scopeOf(radius), nil)
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(found, func(a, b hashindex.Found) int {
		return cmp.Or(cmp.Compare(a.Probe, b.Probe), cmp.Compare(a.Entry.Frame, b.Entry.Frame))
	})
	return found
}
