package casework

import (
	"context"
	"errors"
	"fmt"
	"math"

	"touchstone/hashindex"
)

// Thresholds say what a collection's radius and score are worth, from what people decided.
type Thresholds struct {
	Collection string
	Radius     int // in force

	// Distances has an entry for each distance at which hits of the tiers copy and near were decided,
	// ascending; Precision counts all up to it.
	Distances []Precision

	// Scores has an entry for each twentieth of a score at which hits were decided, descending; Precision
	// counts all from it up.
	Scores []Precision

	// Reach says how many past sightings each radius would have reached: an entry for each at which the
	// number changes.
	Reach      []Reach
	References int // that were looked at for Reach, the newest
	Sightings  int // that they were looked for among
}

// Precision is how often people confirmed.
type Precision struct {
	Distance  int     // for Distances
	Score     float64 // for Scores: the lower end
	Confirmed int     // at just that
	Rejected  int
	Precision float64 // of all that a threshold there lets through
}

// Reach is what a radius would reach.
type Reach struct {
	Radius int
	Pairs  int // of a reference and a sighting
}

// ReachSample is how many references Reach looks at.
const ReachSample = 100

// Thresholds looks at what was decided in the collection, and at what radii up to reach would find among
// past sightings.
func (d *Desk) Thresholds(ctx context.Context, v Visible, collection string, reach int) (t Thresholds, err error) {
	if reach < 0 || reach > hashindex.PDQ.MaxRadius() {
		return t, invalid("radius", "%d is not within 0..%d", reach, hashindex.PDQ.MaxRadius())
	}
	var sample []hashindex.Reference
	err = d.index.View(ctx, func(r hashindex.Reader) error {
		c, err := r.CollectionNamed(collection)
		if err == nil && !v.Sees(collection) {
			err = fmt.Errorf("collection %q: %w", collection, hashindex.ErrNotFound)
		}
		if err != nil {
			return err
		}
		t.Collection, t.Radius = c.Name, c.Policy.Radius
		if err := t.learn(ctx, r, c.ID); err != nil {
			return err
		}
		sample, err = newest(ctx, r, c.ID)
		return err
	})
	if err == nil {
		err = d.reach(ctx, &t, sample, reach)
	}
	return t, err
}

const (
	scoreSteps = 20
	maxBits    = 256 // of a hash
)

func (t *Thresholds) learn(ctx context.Context, r hashindex.Reader, c hashindex.CollectionID) error {
	var distances [maxBits + 1]counts
	var scores [scoreSteps + 1]counts
	for _, state := range []State{Confirmed, Actioned, Rejected} {
		for row, err := range below(r, hitQueues, queuePrefix(c, state), "") {
			if err = errors.Join(err, ctx.Err()); err != nil {
				return err
			}
			hit, err := decodeTag(row.Value)
			if err != nil {
				return err
			}
			if hit.distance == ofSegment {
				continue // it stands on many frames
			}
			if hit.kind != hashindex.Partial && hit.distance < len(distances) {
				distances[hit.distance].add(state)
			}
			scores[max(0, min(scoreSteps, int(math.Floor(hit.score*scoreSteps+1e-6))))].add(state)
		}
	}
	var sum counts
	for distance, c := range distances {
		if sum.and(c); c != (counts{}) {
			t.Distances = append(t.Distances, Precision{Distance: distance, Confirmed: c.Confirmed, Rejected: c.Rejected, Precision: sum.precision()})
		}
	}
	sum = counts{}
	for step := scoreSteps; step >= 0; step-- {
		c := scores[step]
		if sum.and(c); c != (counts{}) {
			t.Scores = append(t.Scores, Precision{Score: float64(step) / scoreSteps, Confirmed: c.Confirmed, Rejected: c.Rejected, Precision: sum.precision()})
		}
	}
	return nil
}

func (c *counts) add(s State) { c.and(countOf(s)) }

func (c *counts) and(other counts) {
	c.Confirmed += other.Confirmed
	c.Rejected += other.Rejected
}

func (c counts) precision() float64 { return float64(c.Confirmed) / float64(c.Confirmed+c.Rejected) }

// newest are the last ReachSample references of the collection.
func newest(ctx context.Context, r hashindex.Reader, c hashindex.CollectionID) (last []hashindex.Reference, err error) {
	for reference, err := range r.References(c, 0) {
		if err = errors.Join(err, ctx.Err()); err != nil {
			return nil, err
		}
		if last = append(last, reference); len(last) == 2*ReachSample {
			last = append(last[:0], last[ReachSample:]...)
		}
	}
	return last[max(0, len(last)-ReachSample):], nil
}

func (d *Desk) reach(ctx context.Context, t *Thresholds, sample []hashindex.Reference, most int) error {
	if err := d.searched(ctx); err != nil {
		return err
	}
	t.References, t.Sightings = len(sample), d.sightings.Stats().Entries
	at := make([]int, most+1)
	for _, reference := range sample {
		nearest := map[hashindex.FrameID]int{}
		for _, f := range reference.Frames {
			if !searchable(f, d.index.Recipe()) {
				continue
			}
			var scope hashindex.Scope
			scope.Allow(sightingSpace, most)
			scope.Limit = maxRetro
			variants := d.variants(f.Hashes[hashindex.PDQ])
			found, err := d.sightings.Search(ctx, variants[:], scope, nil)
			if err != nil {
				return err
			}
			for _, each := range found {
				if before, known := nearest[each.Entry.Frame]; !known || each.Distance < before {
					nearest[each.Entry.Frame] = each.Distance
				}
			}
		}
		for _, distance := range nearest {
			at[distance]++
		}
	}
	pairs := 0
	for radius, more := range at {
		if pairs += more; more > 0 {
			t.Reach = append(t.Reach, Reach{radius, pairs})
		}
	}
	return nil
}
