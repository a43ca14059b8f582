package quality

import (
	"context"

	"touchstone/hashindex"
)

// method answers with the references that it takes a picture for, the likeliest first.
type method interface {
	name() string
	answer(ctx context.Context, p hashindex.Picture) ([]answer, error)
}

// answer is a reference's name and how certain the method is of it, if it says.
type answer struct {
	name  string
	score float64
}

func (b *bench) methods() []method {
	var methods []method
	for _, r := range b.rivals {
		methods = append(methods, r)
	}
	return append(methods, tiers{b.Index})
}

// rival is what people build without us: one hash a picture, one radius, a scan.
type rival struct {
	title     string
	algorithm hashindex.Algorithm
	radius    int
	names     []string
	hashes    []hashindex.Hash
}

// newRivals are goimagehash's PerceptionHash and upright PDQ, each at the radius in common use.
func newRivals(references []hashindex.NewReference) []rival {
	rivals := []rival{
		{title: "pHash ≤ 10 of 64", algorithm: hashindex.PHash, radius: 10},
		{title: "PDQ ≤ 31 of 256", algorithm: hashindex.PDQ, radius: 31},
	}
	for i := range rivals {
		for _, reference := range references {
			rivals[i].names = append(rivals[i].names, reference.ExternalID)
			rivals[i].hashes = append(rivals[i].hashes, reference.Picture.Frames[0].Hashes[rivals[i].algorithm])
		}
	}
	return rivals
}

func (r rival) name() string { return r.title }

func (r rival) answer(_ context.Context, p hashindex.Picture) (found []answer, _ error) {
	asked := p.Frames[0].Hashes[r.algorithm]
	for i, h := range r.hashes {
		if h.Distance(asked) <= r.radius {
			found = append(found, answer{name: r.names[i]})
		}
	}
	return found, nil
}

// tiers is the index with all that it can do.
type tiers struct{ index *hashindex.Index }

func (tiers) name() string { return "touchstone" }

func (t tiers) answer(ctx context.Context, p hashindex.Picture) (found []answer, _ error) {
	result, err := t.index.Match(ctx, hashindex.Query{
		Picture: p, Radius: hashindex.PolicyRadius, Effort: hashindex.FullEffort, Limit: hashindex.MaxLimit,
	})
	for _, m := range result.Matches {
		found = append(found, answer{m.Reference.ExternalID, m.Score})
	}
	return found, err
}
