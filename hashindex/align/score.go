package align

import (
	"math"

	"touchstone/hashindex"
)

// accept is the score from which an alignment is a match.
const accept = 0.5

func score(r hashindex.Alignment) float64 {
	z := 26*(r.Correlation-0.68) + 1.5*math.Log((r.AlikeCells+1)/7) + math.Log((float64(r.Inliers)+1)/7)
	return 1 / (1 + math.Exp(-z))
}
