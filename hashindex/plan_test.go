package hashindex_test

import (
	"math"
	"testing"
	"time"

	"touchstone/hashindex"
	"touchstone/hashindex/search/linear"
	"touchstone/hashindex/search/multiindex"
	"touchstone/hashindex/store/memory"
)

func exampleCosts() hashindex.Costs {
	return hashindex.Costs{
		Entries: []int{1000, 10_000, 1_000_000},
		Radii:   []int{0, 10, 30},
		Nanos:   [][]float64{{100, 100, 100}, {200, 2000, 200_000}, {400, 4000, 6_400_000}},
	}
}

func TestCostsAreThoseMeasuredAndLieBetweenThemElsewhere(t *testing.T) {
	c := exampleCosts()
	for i, radius := range c.Radii {
		for j, entries := range c.Entries {
			near(t, c, entries, radius, c.Nanos[i][j])
		}
	}
	near(t, c, 100_000, 10, 20_000)       // in proportion, as at both ends
	near(t, c, 10_000_000, 10, 2_000_000) // and beyond
	near(t, c, 1000, 20, math.Sqrt(200*400))
	near(t, c, 0, 10, 200)
	near(t, c, 1, 10, 200)
	near(t, c, 1000, 1000, 400)
	if got := (hashindex.Costs{}).At(5, 5); got != 0 {
		t.Errorf("the zero Costs are %v", got)
	}
	near(t, hashindex.Costs{Entries: []int{10}, Radii: []int{3}, Nanos: [][]float64{{50}}}, 1000, 9, 50)
}

func near(t *testing.T, c hashindex.Costs, entries, radius int, want float64) {
	t.Helper()
	if got := float64(c.At(entries, radius)); math.Abs(got-want) > 0.01*want+1 {
		t.Errorf("%d entries, radius %d: %v, want %v", entries, radius, got, want)
	}
}

func TestCheapestIsTheFirstOfEquals(t *testing.T) {
	dear, cheap := exampleCosts(), hashindex.Costs{Entries: []int{1}, Radii: []int{0}, Nanos: [][]float64{{150}}}
	for _, c := range []struct{ entries, radius, want int }{{1000, 0, 0}, {1000, 10, 1}, {1_000_000, 0, 0}, {1_000_000, 30, 1}} {
		if got := hashindex.Cheapest([]hashindex.Costs{dear, cheap, cheap}, c.entries, c.radius); got != c.want {
			t.Errorf("%+v: %d", c, got)
		}
	}
}

// priced is a searcher of another price and name.
type priced struct {
	hashindex.Searcher
	costs hashindex.Costs
}

func (p priced) Costs() hashindex.Costs { return p.costs }
func (p priced) Stats() hashindex.SearcherStats {
	stats := p.Searcher.Stats()
	stats.Name = "priced"
	return stats
}

// TestCheapestSearcherAnswers: up to a radius the one in memory, the kept one beyond, with the same answers.
func TestCheapestSearcherAnswers(t *testing.T) {
	store, pictures, added := filled(t, 50)
	cheapUpTo20 := hashindex.Costs{Entries: []int{1}, Radii: []int{0, 20, 21}, Nanos: [][]float64{{1}, {1}, {1e12}}}
	f := openConfig(t, store, func(a hashindex.Algorithm) hashindex.Searcher {
		return priced{linear.New(a.Bits()), cheapUpTo20}
	}, false)
	if err := f.WaitLoaded(t.Context()); err != nil {
		t.Fatal(err)
	}
	for radius, by := range map[int]string{5: "priced", 20: "priced", 21: "bktree", 64: "bktree"} {
		before := f.lookups("pdq")
		query := hashindex.HashQuery{Algorithm: hashindex.PDQ, Radius: radius}
		for _, p := range pictures {
			query.Hashes = append(query.Hashes, p.Frames[0].Hashes[hashindex.PDQ])
		}
		answer, err := f.MatchHashes(t.Context(), query)
		if err != nil {
			t.Fatal(err)
		}
		for i, matches := range answer.Results {
			if len(matches) == 0 || matches[0].Reference != added[i].ID {
				t.Errorf("radius %d: hash %d: %+v", radius, i, matches)
			}
		}
		for name, n := range f.lookups("pdq") {
			if more := n - before[name]; (more == int64(len(pictures))) != (name == by) || name != by && more != 0 {
				t.Errorf("radius %d: %s answered %d look-ups, want all by %s", radius, name, more, by)
			}
		}
	}
	if got := f.answering("pdq"); got != "bktree" { // at the usual radius of 31
		t.Errorf("%s answers", got)
	}
}

// lookups counts by searcher.
func (f *fixture) lookups(space string) map[string]int64 {
	f.t.Helper()
	stats, err := f.Stats()
	if err != nil {
		f.t.Fatal(err)
	}
	counts := map[string]int64{}
	for _, s := range stats.Searchers {
		if s.Space == space {
			counts[s.Name] = s.Lookups
		}
	}
	return counts
}

// TestSearchersAreChosenBySize holds the measured costs to what they are for: the tree answers while there
// is little to search, tables where there is much.
func TestSearchersAreChosenBySize(t *testing.T) {
	for _, a := range []hashindex.Algorithm{hashindex.PDQ, hashindex.PHash} {
		costs := []hashindex.Costs{multiindex.New(a.Bits()).Costs(), newTree(memory.New(), "", a).(hashindex.PricedSearcher).Costs()}
		radius := map[hashindex.Algorithm]int{hashindex.PDQ: 31, hashindex.PHash: 6}[a]
		if got := hashindex.Cheapest(costs, 10_000_000, radius); got != 0 {
			t.Errorf("%v: ten million references would be searched by the tree", a)
		}
		for n := 1000; n <= 10_000_000; n *= 10 {
			for r := range a.MaxRadius() {
				for _, c := range costs {
					if at, next := c.At(n, r), c.At(10*n, r); at <= 0 || at > time.Second || next < at/8 {
						t.Errorf("%v: %d references, radius %d: %v, for ten times as many %v", a, n, r, at, next)
					}
				}
			}
		}
	}
}
