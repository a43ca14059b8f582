package hashindex

import (
	"math"
	"time"
)

// PricedSearcher is a Searcher that knows what its look-ups cost.
type PricedSearcher interface {
	Searcher
	Costs() Costs
}

// Costs are what one look-up by a searcher costs, by the number of entries and by the radius, as
// bench/scale measured it. Only comparing searchers takes them: times differ from machine to machine,
// and which searcher is the fastest far less. The zero Costs are those of a searcher that costs nothing.
type Costs struct {
	Entries []int       // ascending
	Radii   []int       // ascending
	Nanos   [][]float64 // for each radius: for each number of entries, above 0
}

// At is the cost of one look-up: along straight lines between the logarithms of what was measured, and along
// the last of them beyond. What is smaller than anything measured costs as much as that.
func (c Costs) At(entries, radius int) time.Duration {
	if len(c.Nanos) == 0 {
		return 0
	}
	i, share := between(c.Radii, float64(min(radius, c.Radii[len(c.Radii)-1])), func(v float64) float64 { return v })
	log := c.logAt(i, entries)
	if share > 0 {
		log += share * (c.logAt(i+1, entries) - log)
	}
	return time.Duration(math.Exp2(log))
}

// logAt is the logarithm of the cost at one of the radii.
func (c Costs) logAt(radius, entries int) float64 {
	row := c.Nanos[radius]
	i, share := between(c.Entries, float64(max(entries, 1)), math.Log2)
	log := math.Log2(row[i])
	if share > 0 {
		log += share * (math.Log2(row[i+1]) - log)
	}
	return log
}

// between is how far the value is from the i-th of the points to the next: 0 at the first or below it, above
// 1 beyond the last.
func between(points []int, value float64, scale func(float64) float64) (i int, share float64) {
	if value <= float64(points[0]) || len(points) == 1 {
		return 0, 0
	}
	for i < len(points)-2 && value >= float64(points[i+1]) {
		i++
	}
	low, high := scale(float64(points[i])), scale(float64(points[i+1]))
	return i, (scale(value) - low) / (high - low)
}

// Cheapest is the place of the costs by which a look-up costs least, the first of equals: the decision
// which searcher answers.
func Cheapest(costs []Costs, entries, radius int) int {
	best, least := 0, time.Duration(math.MaxInt64)
	for i, c := range costs {
		if cost := c.At(entries, radius); cost < least {
			best, least = i, cost
		}
	}
	return best
}

// choose is the searcher that answers a search of that radius: the cheapest of those that are live; nil
// while none is.
func (s *space) choose(radius int) *feed {
	feeds := *s.feeds.Load()
	live := make([]*feed, 0, 4)
	costs := make([]Costs, 0, 4)
	for _, f := range feeds {
		if f.live.Load() {
			live, costs = append(live, f), append(costs, f.costs)
		}
	}
	switch len(live) {
	case 0:
		return nil
	case 1:
		return live[0]
	}
	return live[Cheapest(costs, int(live[0].held.Load()), radius)]
}
