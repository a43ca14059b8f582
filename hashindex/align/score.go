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

	// unseen is how much less of the textured cells may look alike than an alignment is certain: a fifth for
	// a score of 0.9.
	unseen = 0.1
)

// TermCount is how many terms a score is made of.
const TermCount = 7

// Terms are what speaks for an alignment, and what speaks against it whatever the weights are.
func Terms(a hashindex.Alignment) (terms [TermCount]float64, against float64) {
	textured := a.Cells / (a.Cells + 2) // what few cells say counts less
	terms = [TermCount]float64{
		a.Correlation * textured,
		a.AlikeCells / (a.Cells + 2),
		math.Log(float64(a.Inliers + 1)),
		float64(a.Inliers) / float64(a.Expected+10),
		math.Log(a.Cells + 1),
		min(math.Abs(a.Contrast), 1.5), // two logos may have a letter in common, but not its colours
		a.Bits / 32,
	}
	return terms, 5 * float64(max(0, manyPlaces-a.Places))
}

// score is how certain the alignment is. Where a part of the reference should be seen and is not, something
// may lie over it, or the query shows a sibling: logos of one family share all but a letter or a sign. It
// is a match all the same, but no more certain than the share of the textured cells that look alike, and a
// little for what blur and noise take.
func score(a hashindex.Alignment) float64 {
	terms, against := Terms(a)
	z := weights[0] - against
	for i, t := range terms {
		z += weights[i+1] * t
	}
	return min(1/(1+math.Exp(-z)), max(accept, a.AlikeCells/max(a.Cells, 1)+unseen))
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
