package casework

import (
	"context"
	"slices"
	"time"

	"touchstone/hashindex"
)

// Observation is what a query with a subject found.
type Observation struct {
	Subject Subject
	At      time.Time // when it was seen
	Last    time.Time // when last, where it was seen more than once; zero: at At
	Count   int       // how often; 0: once
	Retro   bool      // found by looking back

	Hash    hashindex.Hash // PDQ of the query; zero: not known
	Matches []hashindex.Match
	Encoded []byte // the query's picture as it came, kept where a hit is recorded; nil: not kept

	Segment *Segment // that the one match is of; nil: it is of a picture
}

// pictures are those to be kept if a hit is recorded.
func (o *Observation) pictures() (all [][]byte) {
	if o.Encoded != nil {
		all = append(all, o.Encoded)
	}
	if o.Segment != nil {
		for _, p := range o.Segment.Pairs {
			if p.encoded != nil {
				all = append(all, p.encoded)
			}
		}
	}
	return all
}

// shown is what the match's reference shows, as far as a rejection goes.
func (o *Observation) shown(m hashindex.Match) hashindex.Digest {
	if o.Segment != nil {
		return o.Segment.Shown
	}
	return shownBy(m.Evidence)
}

func (o *Observation) more() more {
	return more{max(o.Count, 1), maxTime(o.At, o.Last)}
}

func maxTime(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// Record records a hit for each pair of a subject and a reference that is new, all in one step, and counts
// those that are known. The rulings come in the order of the observations and of their matches.
//
// What the matches' collections belong to decides; who asks may be anybody who may match.
func (d *Desk) Record(ctx context.Context, actor string, all []Observation) ([][]Ruling, error) {
	rulings := make([][]Ruling, len(all))
	err := d.index.View(ctx, func(r hashindex.Reader) (err error) {
		for i := range all {
			if rulings[i], err = rule(r, &all[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if slices.ContainsFunc(rulings, anyNew) {
		if err := d.recordNew(ctx, actor, all, rulings); err != nil {
			return nil, err
		}
	}
	for i := range all {
		for _, ruling := range rulings[i] {
			if ruling.Standing == IsHit && !ruling.New {
				d.again.add(ruling.Hit, all[i].more())
			}
		}
	}
	return rulings, nil
}

func anyNew(rulings []Ruling) bool {
	return slices.ContainsFunc(rulings, func(r Ruling) bool { return r.New })
}

// rule is how each match stands by what is stored. What is to become a hit is New and has no number.
func rule(r hashindex.Reader, o *Observation) ([]Ruling, error) {
	rulings := make([]Ruling, len(o.Matches))
	for i, m := range o.Matches {
		if m.Collection.Purpose == hashindex.Benign {
			continue
		}
		_, standing, err := inForce(r, m.Collection.ID, o.Subject, o.At)
		if err != nil {
			return nil, err
		}
		if rulings[i] = (Ruling{Standing: standing}); standing != "" {
			continue
		}
		if rulings[i], err = earlier(r, o, m); err != nil {
			return nil, err
		}
		if rulings[i].Standing != "" {
			continue
		}
		held, err := quarantined(r, o, m)
		if err != nil {
			return nil, err
		}
		rulings[i] = Ruling{Standing: IsHit, New: true}
		if held {
			rulings[i] = Ruling{Standing: Quarantined}
		}
	}
	return rulings, nil
}

// recordNew makes hits of what is new. What the view has ruled is ruled again in the transaction, where
// nobody comes between.
func (d *Desk) recordNew(ctx context.Context, actor string, all []Observation, rulings [][]Ruling) error {
	var pictures [][]byte
	var fresh []int // which of them have anything new: the plan may run more than once, and rules anew
	for i := range all {
		if anyNew(rulings[i]) {
			fresh = append(fresh, i)
			pictures = append(pictures, all[i].pictures()...)
		}
	}
	_, err := d.index.TransactPictures(ctx, actor, pictures, func(w hashindex.Writer) (err error) {
		for _, i := range fresh {
			if rulings[i], err = d.recordIn(w, &all[i]); err != nil {
				return err
			}
		}
		return nil
	})
	return err
}

// recordIn rules in a transaction, where nobody comes between, and makes hits of what is new. Floods are counted
// by what differs, so it may run again.
func (d *Desk) recordIn(w hashindex.Writer, o *Observation) ([]Ruling, error) {
	rulings, err := rule(w, o)
	if err != nil || !anyNew(rulings) {
		return rulings, err
	}
	over, err := d.watch(w, o, rulings)
	if err != nil {
		return nil, err
	}
	if len(over) > 0 {
		if err := stem(w, over, o.At); err != nil {
			return nil, err
		}
		if rulings, err = rule(w, o); err != nil {
			return nil, err
		}
	}
	for k := range rulings {
		if rulings[k].New {
			if rulings[k].Hit, err = recordOne(w, o, o.Matches[k]); err != nil {
				return nil, err
			}
		}
	}
	return rulings, nil
}

// recordOne writes a hit, with the picture's keep.
func recordOne(w hashindex.Writer, o *Observation, m hashindex.Match) (HitID, error) {
	id, err := hashindex.NextNumber(w, counters, "hit")
	if err != nil {
		return 0, err
	}
	rights, _, err := inForce(w, m.Collection.ID, o.Subject, o.At)
	if err != nil {
		return 0, err
	}
	seen := o.more()
	h := Hit{
		ID: HitID(id), State: Opened, Subject: o.Subject,
		Reference: m.Reference.ID, ExternalID: m.Reference.ExternalID,
		Collection: m.Collection.ID, Named: m.Collection.Name, Purpose: m.Collection.Purpose, Rights: rights,
		Evidence: m.Evidence, Score: m.Score,
		QueryQuad: m.QueryQuad, ReferenceCoverage: m.ReferenceCoverage, QueryCoverage: m.QueryCoverage,
		Retro: o.Retro, First: o.At, Last: seen.last, Count: seen.count,
	}
	if o.Encoded != nil {
		h.Picture = hashindex.DigestOf(o.Encoded)
		if err := keepPicture(w, &h, h.Picture, len(o.Encoded)); err != nil {
			return 0, err
		}
	}
	if o.Segment != nil {
		h.Segment = &Segment{}
		if err := keepPairs(w, &h, h.Segment.add(*o.Segment)); err != nil {
			return 0, err
		}
	}
	return h.ID, putNew(w, &h)
}
