package align

import (
	"math"

	"touchstone/hashindex"
)

const (
	// accept is the score from which an alignment is a match.
	accept = 0.5

	// manyPlaces is how many places corners must agree in: the outline of a frame, which many pictures
	// have, agrees in four.
	manyPlaces = 5
	mostPlaces = 12 // that are counted
)

// score is how certain the alignment is. The weights are a logistic fit to what was proposed for altered
// copies of real pictures, the right references against the others; fitted to the references of one
// half, they erred on 5 of 235 right ones of the other half and on 7 of 2,321 others.
func score(r hashindex.Alignment) float64 {
	// What few cells, or few corners, say counts less.
	correlation := r.Correlation * r.Cells / (r.Cells + 2)
	alike := r.AlikeCells / (r.Cells + 2)
	found := float64(r.Inliers) / float64(r.Expected+10)
	z := -11.85 + 1.58*correlation + 10.88*alike + 0.19*math.Log(float64(r.Inliers+1)/7) + 7.28*found
	z -= 5 * float64(max(0, manyPlaces-r.Places))
	return 1 / (1 + math.Exp(-z))
}

// places counts inliers that lie apart by a sixteenth of the length of what is seen of the reference, up to
// mostPlaces.
func (a *aligner) places(reference hashindex.Features, coverage float64) int {
	apart := float64(max(reference.Width, reference.Height)) / 16 * math.Sqrt(coverage)
	var kept []point
	for _, k := range a.inliers {
		p := place(&reference.Keypoints[k.reference])
		lonely := true
		for _, o := range kept {
			lonely = lonely && math.Hypot(p.x-o.x, p.y-o.y) > apart
		}
		if lonely {
			kept = append(kept, p)
		}
		if len(kept) == mostPlaces {
			break
		}
	}
	return len(kept)
}
