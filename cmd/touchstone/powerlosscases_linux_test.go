package main

import (
	"context"
	"errors"
	"time"

	"touchstone/casework"
	"touchstone/hashindex"
	"touchstone/hashindex/fingerprint"
	"touchstone/hashindex/fingerprint/pdq"
)

// powerCases are the worker's hits.
type powerCases struct {
	protected bool // there is a right
	waiting   []casework.HitID
	confirmed []casework.HitID
}

// operate does one of casework's writes: a right, hits and sightings, what is only counted, a decision, a notice.
func (c *powerCases) operate(ctx context.Context, w *worker) (hashindex.Seq, error) {
	switch kind := w.random.IntN(8); {
	case !c.protected:
		c.protected = true
		return c.protect(ctx, w)
	case kind < 3 || len(c.waiting) == 0:
		return c.show(ctx, w)
	case kind == 3:
		return w.index.Seq(), w.desk.Flush(ctx)
	case kind < 6 || len(c.confirmed) == 0:
		return c.decide(ctx, w)
	default:
		hit := c.confirmed[0]
		c.confirmed = c.confirmed[1:]
		_, seq, err := w.desk.AddNotice(ctx, "", casework.Everything, casework.NewNotice{Holder: "owner", Hits: []casework.HitID{hit}, Text: "ours", Submit: kind == 6})
		return seq, err
	}
}

func (c *powerCases) protect(ctx context.Context, w *worker) (hashindex.Seq, error) {
	_, _, err := w.desk.PutHolder(ctx, "", casework.Holder{ID: "owner", Name: "Owner"})
	if err != nil {
		return 0, err
	}
	_, seq, err := w.desk.AddRight(ctx, "", casework.Everything, casework.Right{Holder: "owner", Kind: casework.Trademark, Collections: []string{"bags"}})
	return seq, err
}

// show does what the match route does with a picture of a listing that shows a reference.
func (c *powerCases) show(ctx context.Context, w *worker) (hashindex.Seq, error) {
	reference, _, err := w.index.Reference(w.any())
	if err != nil {
		return 0, err
	}
	frame := hashindex.Frame{Fingerprint: hashindex.Fingerprint{Recipe: fingerprint.Recipe, Quality: 100, Hashes: reference.Frames[0].Hashes}}
	frame.Dihedral = pdq.Derive(frame.Hashes[hashindex.PDQ])
	subject, at := casework.Subject{Listing: w.name(), Seller: "seller"}, time.Now()
	w.desk.See([]casework.Sighting{{Subject: subject, At: at, Hash: frame.Hashes[hashindex.PDQ]}})
	picture := hashindex.Picture{Format: "jpeg", Width: 100, Height: 100, Frames: []hashindex.Frame{frame}}
	answer, err := w.index.Match(ctx, hashindex.Query{Picture: picture, Radius: hashindex.PolicyRadius, Effort: hashindex.FastEffort})
	if err != nil {
		return 0, err
	}
	rulings, err := w.desk.Record(ctx, "", []casework.Observation{{Subject: subject, At: at, Matches: answer.Matches}})
	if err != nil {
		return 0, err
	}
	for _, ruling := range rulings[0] {
		if ruling.New {
			c.waiting = append(c.waiting, ruling.Hit)
		}
	}
	if len(c.waiting) == 0 {
		return 0, errors.New("what shows a reference is no hit")
	}
	return w.index.Seq(), nil
}

func (c *powerCases) decide(ctx context.Context, w *worker) (hashindex.Seq, error) {
	hit := c.waiting[0]
	c.waiting = c.waiting[1:]
	order := casework.Order{Action: casework.Confirm, Reason: "stolen_image"}
	if w.random.IntN(3) == 0 {
		order = casework.Order{Action: casework.Reject, Reason: "fair_use"}
	} else {
		c.confirmed = append(c.confirmed, hit)
	}
	_, seq, err := w.desk.DecideOne(ctx, "", casework.Everything, hit, order)
	return seq, err
}
