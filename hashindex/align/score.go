package align

import (
	"math"

	"touchstone/hashindex"
)

// accept is the score from which an alignment is a match.
const accept = 0.5

func score(r hashindex.Alignment) float64 {
	// What few cells say counts less.
	correlation := r.Correlation * r.Cells / (r.Cells + 2)
	z := 26*(correlation-0.66) + 1.5*math.Log((r.AlikeCells+1)/7) + math.Log((float64(r.Inliers)+1)/7)
	return 1 / (1 + math.Exp(-z))
}
