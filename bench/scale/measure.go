package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"runtime"
	"slices"
	"time"

	"touchstone/bench/cputime"
	"touchstone/fixtures/codes"
	"touchstone/hashindex"
	"touchstone/hashindex/search/bktree"
	"touchstone/hashindex/search/linear"
	"touchstone/hashindex/search/multiindex"
	"touchstone/hashindex/store/bolt"
)

type config struct {
	max, rounds int
	time        time.Duration
	out         string
	costs       bool
}

const defaultTime = 100 * time.Millisecond

// sizes go up by more than the memory of one level of caches each.
var sizes = []int{1_000, 10_000, 100_000, 1_000_000, 10_000_000}

// radii are those that are shown and, for the costs, some between.
var radii = map[int][]int{64: {0, 4, 8, 10, 13, 16}, 256: {0, 8, 16, 24, 31, 40, 48, 64}}

// entrant is a searcher, by the name of its package.
type entrant struct {
	name  string
	new   func(folder string, bits int) (hashindex.Searcher, io.Closer, error) // the folder is for what it keeps
	costs string                                                               // its method in costs.go
}

var field = []entrant{
	{"multiindex", func(_ string, bits int) (hashindex.Searcher, io.Closer, error) {
		return multiindex.New(bits), io.NopCloser(nil), nil
	}, "func (ix *Index) Costs() hashindex.Costs { return costs[ix.bits] }"},
	{"bktree", func(folder string, bits int) (hashindex.Searcher, io.Closer, error) {
		store, err := bolt.Open(folder, bolt.Options{})
		if err != nil {
			return nil, nil, err
		}
		return bktree.New(store, "tree", bits), store, nil
	}, "func (t *Tree) Costs() hashindex.Costs { return costs[t.bits] }"},
	{"linear", func(_ string, bits int) (hashindex.Searcher, io.Closer, error) {
		return linear.New(bits), io.NopCloser(nil), nil
	}, "func (s *Scan) Costs() hashindex.Costs { return costs[s.entries.Bits()] }"},
}

// cell is what was measured of one searcher.
type cell struct {
	Searcher string  `json:"searcher"`
	Bits     int     `json:"bits"`
	Entries  int     `json:"entries"`
	Radius   int     `json:"radius"`
	Lookups  float64 `json:"lookups_per_cpu_second"` // median of the rounds
	Lowest   float64 `json:"lowest"`
	Highest  float64 `json:"highest"`
	Found    float64 `json:"found_per_lookup"`
	Bytes    float64 `json:"bytes_per_entry"` // in memory, or of the file
}

func measureAll(c config) (cells []cell, err error) {
	for _, bits := range []int{64, 256} {
		for _, n := range sizes {
			if n > c.max {
				continue
			}
			some, err := measureSize(c, bits, n)
			if err != nil {
				return nil, err
			}
			cells = append(cells, some...)
			fmt.Fprintf(os.Stderr, "%d bits, %d references: done\n", bits, n)
		}
	}
	return cells, nil
}

// measureSize asks every searcher at every radius in turn, round by round, and holds what they find against
// each other.
func measureSize(c config, bits, n int) (cells []cell, err error) {
	entries := codes.Clustered(1, bits, n)
	queries := codes.Queries(2, entries, 4096)
	searchers := make([]hashindex.Searcher, len(field))
	for i, f := range field {
		folder, err := os.MkdirTemp("", "scale")
		if err != nil {
			return nil, err
		}
		defer os.RemoveAll(folder)
		s, closer, err := f.new(folder, bits)
		if err != nil {
			return nil, err
		}
		defer closer.Close()
		if err := fill(s, entries); err != nil {
			return nil, err
		}
		searchers[i] = s
	}
	runtime.GC()
	for _, radius := range radii[bits] {
		if err := compare(searchers, queries[:64], radius); err != nil {
			return nil, err
		}
		rates, found := make([][]float64, len(field)), make([]float64, len(field))
		for range c.rounds {
			for i, s := range searchers {
				rate, each := measure(s, queries, radius, c.time)
				rates[i], found[i] = append(rates[i], rate), each
			}
		}
		for i, f := range field {
			slices.Sort(rates[i])
			stats := searchers[i].Stats()
			cells = append(cells, cell{
				Searcher: f.name, Bits: bits, Entries: n, Radius: radius,
				Lookups: rates[i][len(rates[i])/2], Lowest: rates[i][0], Highest: rates[i][len(rates[i])-1],
				Found: found[i], Bytes: float64(stats.Bytes+stats.Stored) / float64(stats.Entries),
			})
		}
	}
	return cells, nil
}

// fill leaves what can be kept in the store there.
func fill(s hashindex.Searcher, entries []hashindex.Hash) error {
	const step = 100_000
	edits := make([]hashindex.Edit, 0, step)
	for i, h := range entries {
		edits = append(edits, hashindex.Edit{Entry: hashindex.Entry{Frame: hashindex.FrameOf(hashindex.ReferenceID(i+1), 0), Collection: 1, Hash: h}})
		if len(edits) == step || i == len(entries)-1 {
			s.Apply(edits)
			edits = edits[:0]
		}
	}
	if kept, ok := s.(hashindex.KeptSearcher); ok {
		return kept.Save(hashindex.Seq(len(entries)))()
	}
	return nil
}

func scopeOf(radius int) (scope hashindex.Scope) {
	scope.Allow(1, radius)
	return scope
}

// compare is an error unless all find the same.
func compare(searchers []hashindex.Searcher, probes []hashindex.Hash, radius int) error {
	var want []hashindex.Found
	for i, s := range searchers {
		found, err := s.Search(context.Background(), probes, scopeOf(radius), nil)
		if err != nil {
			return err
		}
		slices.SortFunc(found, func(a, b hashindex.Found) int {
			if a.Probe != b.Probe {
				return a.Probe - b.Probe
			}
			return int(a.Entry.Frame) - int(b.Entry.Frame)
		})
		if i > 0 && !slices.Equal(found, want) {
			return fmt.Errorf("radius %d: %s finds %d, %s %d", radius, field[i].name, len(found), field[0].name, len(want))
		}
		want = found
	}
	return nil
}

// measure is how many look-ups a second of CPU time the searcher answers, one thread, eight probes a call as
// the symmetries of a picture are, and how much it finds a look-up.
func measure(s hashindex.Searcher, queries []hashindex.Hash, radius int, enough time.Duration) (rate, each float64) {
	const probes = 8
	scope := scopeOf(radius)
	var found []hashindex.Found
	answers, asked := 0, 0
	begun := cputime.Process()
	for more := probes; ; more *= 2 {
		for range more / probes {
			at := asked % len(queries)
			found, _ = s.Search(context.Background(), queries[at:at+probes], scope, found[:0])
			answers += len(found)
			asked += probes
		}
		if took := cputime.Process() - begun; took > enough || more > math.MaxInt32 {
			return float64(asked) / took.Seconds(), float64(answers) / float64(asked)
		}
	}
}
