package main

import (
	"context"
	"fmt"
	"math"
	"sort"
	"time"

	"github.com/spf13/cobra"

	"touchstone/hashindex"
)

func (a *app) benchPlanCommand() *cobra.Command {
	var n, bits, radius int
	verb := a.verb("plan", "Which searcher the index would ask, and why", cobra.NoArgs,
		func(context.Context, []string) error { return a.benchPlan(n, bits, radius) })
	verb.Long = `Says what a look-up costs by each searcher of a server that has loaded all of them, for so many
references and that radius, and which one the index asks: the same function decides here and there. The
costs were measured by go run ./bench/scale -costs on one machine; others are slower or faster by much the
same factor for all. While a server loads, and in one-shot commands, only the tree in the folder is there.

  touchstone bench plan --n 10000000 --bits 64 --radius 8`
	flags := verb.Flags()
	flags.IntVar(&n, "n", 1_000_000, "references")
	flags.IntVar(&bits, "bits", 256, "width of the hashes: 64 or 256")
	flags.IntVar(&radius, "radius", hashindex.PolicyRadius, "`bits`; -1: what a collection has unless told otherwise")
	return verb
}

// planned is what bench plan prints.
type planned struct {
	References int             `json:"references"`
	Bits       int             `json:"bits"`
	Radius     int             `json:"radius"`
	Chosen     string          `json:"chosen"`
	Candidates []plannedChoice `json:"candidates"`
	Why        string          `json:"why"`
}

type plannedChoice struct {
	Searcher string  `json:"searcher"`
	Nanos    float64 `json:"nanoseconds_a_lookup"`
	Lookups  float64 `json:"lookups_per_second"`
	Chosen   bool    `json:"chosen"`
}

func (a *app) benchPlan(n, bits, radius int) error {
	algorithm, usual := hashindex.PDQ, hashindex.DefaultPolicy().Radius
	if bits == 64 {
		algorithm, usual = hashindex.PHash, hashindex.DefaultPolicy().Radius64
	}
	if radius == hashindex.PolicyRadius {
		radius = usual
	}
	if n < 0 || bits != algorithm.Bits() || radius < 0 || radius > algorithm.MaxRadius() {
		return usageError{fmt.Errorf("--n is 0 or more, --bits 64 or 256, --radius up to %d of %d", algorithm.MaxRadius(), algorithm.Bits()), "touchstone bench plan"}
	}
	names, costs := candidates(algorithm)
	p := planned{References: n, Bits: bits, Radius: radius, Why: why(names, costs, n, radius)}
	chosen := hashindex.Cheapest(costs, n, radius)
	p.Chosen = names[chosen]
	for i, c := range costs {
		cost := c.At(n, radius)
		p.Candidates = append(p.Candidates, plannedChoice{names[i], float64(cost), float64(time.Second) / float64(max(cost, 1)), i == chosen})
	}
	if a.json {
		return a.printJSON(p)
	}
	return a.printPlan(p)
}

func (a *app) printPlan(p planned) error {
	t := a.table("SEARCHER", "µs A LOOK-UP", "LOOK-UPS/s", "")
	for _, c := range p.Candidates {
		t.row(nil, c.Searcher, fmt.Sprintf("%.2f", c.Nanos/1e3), fmt.Sprintf("%.0f", c.Lookups), map[bool]string{true: "asked"}[c.Chosen])
	}
	t.Flush()
	_, err := fmt.Fprintln(a.stdout, p.Why)
	return err
}

// why compares the cheapest with the next, and says up to where it stays so.
func why(names []string, costs []hashindex.Costs, n, radius int) string {
	chosen := hashindex.Cheapest(costs, n, radius)
	next := -1
	for i, c := range costs {
		if i != chosen && (next < 0 || c.At(n, radius) < costs[next].At(n, radius)) {
			next = i
		}
	}
	if next < 0 {
		return names[chosen] + " is the only one"
	}
	text := fmt.Sprintf("%s: a look-up within %d bits of %d references costs %.3g times as much by %s",
		names[chosen], radius, n, float64(costs[next].At(n, radius))/float64(costs[chosen].At(n, radius)), names[next])
	if at, ok := crossover(costs, n, radius); ok {
		text += fmt.Sprintf("; %s is the cheaper one %s about %d", names[hashindex.Cheapest(costs, at, radius)], map[bool]string{true: "from", false: "up to"}[at > n], at)
	}
	return text
}

// crossover is the number of references nearest to n at which another searcher is the cheapest.
func crossover(costs []hashindex.Costs, n, radius int) (int, bool) {
	chosen := hashindex.Cheapest(costs, n, radius)
	other := func(at int) bool { return hashindex.Cheapest(costs, at, radius) != chosen }
	// In steps of a tenth, as the cost is known no better.
	size := func(step int) int { return int(math.Round(math.Pow(1.1, float64(step)))) }
	const steps = 194 // to a hundred million
	at := sort.Search(steps, func(step int) bool { return size(step) >= n })
	for distance := 1; distance < steps; distance++ {
		if below := at - distance; below >= 0 && other(size(below)) {
			return size(below), true
		}
		if above := at + distance; above < steps && other(size(above)) {
			return size(above), true
		}
	}
	return 0, false
}
