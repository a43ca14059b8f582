package quality_test

import (
	"context"
	"image"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"touchstone/bench/quality"
	"touchstone/hashindex"
	"touchstone/hashindex/align"
	"touchstone/hashindex/fingerprint"
	"touchstone/hashindex/search/keypoint"
)

func TestAltersAndLaysWhatIsProposed(t *testing.T) {
	maker := fingerprint.New(fingerprint.Limits{})
	laid, err := quality.Lay(t.Context(), sources(8), quality.Config{
		Fingerprint: maker.Detailed, Sample: 3, Seed: 7, Workers: 2, HeldOut: 0.4, Only: []string{"mirror", "crop10"},
		Decode: func(ctx context.Context, encoded []byte) (image.Image, error) { return maker.Still(ctx, encoded) },
	}, quality.Laying{Searcher: keypoint.New(), NewAligner: align.New, Proposals: 5})
	if err != nil {
		t.Fatal(err)
	}
	right, found, closer, wrong := 0, 0, 0, 0
	for _, l := range laid {
		if l.Right != (l.Query == l.Reference) {
			t.Errorf("%s in %s is called right: %v", l.Reference, l.Query, l.Right)
		}
		switch {
		case l.Right && l.Closer:
			closer++
		case l.Right:
			right++
			if l.Alignment.Score >= 0.5 {
				found++
			}
		default:
			wrong++
		}
	}
	if right < 9 || found < 9 || closer == 0 || wrong == 0 {
		t.Errorf("%d right, %d of them found, %d closer, %d wrong", right, found, closer, wrong)
	}
}

// TestFitFindsTheWeightsThatMadeTheAnswers lets a known score decide what is right.
func TestFitFindsTheWeightsThatMadeTheAnswers(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 9))
	known := []float64{-2, 5, -3}
	terms := func(a hashindex.Alignment) ([]float64, float64) {
		return []float64{a.Correlation, a.Contrast}, float64(a.Inliers)
	}
	var laid []quality.Laid
	for i := range 20_000 {
		a := hashindex.Alignment{Cells: 1, Correlation: rng.Float64(), Contrast: rng.Float64(), Inliers: rng.IntN(2)}
		z := known[0] + known[1]*a.Correlation + known[2]*a.Contrast - float64(a.Inliers)
		query, reference := strings.Repeat("q", 1+i%7)+string(rune(i)), "other"
		right := rng.Float64() < 1/(1+math.Exp(-z))
		if right {
			reference = query
		}
		laid = append(laid, quality.Laid{Query: query, Reference: reference, Alignment: a, Right: right, Half: i % 2})
	}
	f := quality.FitScore(laid, terms)
	// Wrong answers cost more, which lowers the first weight and leaves the others.
	if math.Abs(f.Weights[1]-known[1]) > 0.4 || math.Abs(f.Weights[2]-known[2]) > 0.4 || f.Weights[0] > known[0]-1 {
		t.Errorf("got %.2f, want %.2f with the first lower", f.Weights, known)
	}
	all := f.Trials[0]
	if all.Right+f.Trials[1].Right != f.After.Right || f.After.Right+f.After.Wrong != len(laid) || len(f.After.Highest) != 5 {
		t.Errorf("%+v of %d", f, len(laid))
	}
}
