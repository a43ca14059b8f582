package main

import (
	"fmt"
	"math"

	"touchstone/api/wire"
	"touchstone/hashindex"
)

// partText says which part of the reference a picture shows, and in how much of itself; "-" for a
// match of the whole.
func partText(m wire.Match) string {
	if m.Transform.Matrix == nil {
		return "-"
	}
	across, down := partShown(*m.Transform.Matrix)
	return fmt.Sprintf("%s of it (%s across, %s down) in %s of the picture",
		percent(m.ReferenceCoverage), across, down, percent(m.QueryCoverage))
}

// partShown is what the query shows of the reference, as ranges in percent of its width and height: where
// the query's corners come from, as far as the reference goes.
func partShown(matrix [9]float64) (across, down string) {
	a := hashindex.Alignment{Matrix: matrix}
	low, high := [2]float64{1, 1}, [2]float64{0, 0}
	for _, corner := range [4][2]float64{{0, 0}, {1, 0}, {1, 1}, {0, 1}} {
		p := a.Source(corner)
		for axis, at := range p {
			at = min(max(at, 0), 1)
			low[axis], high[axis] = min(low[axis], at), max(high[axis], at)
		}
	}
	span := func(axis int) string { return fmt.Sprintf("%.0f–%.0f %%", 100*low[axis], 100*high[axis]) }
	return span(0), span(1)
}

func percent(share float64) string { return fmt.Sprintf("%.0f %%", math.Round(100*share)) }
