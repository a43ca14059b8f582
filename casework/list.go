package casework

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"touchstone/hashindex"
)

// HitFilter says which hits are listed; empty fields let all through.
type HitFilter struct {
	States      []State
	Collections []string
	Right       RightID
	Seller      string
	Reference   hashindex.ReferenceID
	Kind        hashindex.Tier
	MinScore    float64
	MaxScore    float64   // 0: no bound
	Since       time.Time // seen first then or later
	Before      time.Time // seen first earlier

	After HitID // the last of the page before
	Limit int
}

// HitPage is a page of hits in the order in which they were recorded: what waits longest stands first.
type HitPage struct {
	Hits []Hit

	// Next is what After is on the next page; 0 on the last. A page can be short of hits and have a next
	// one: only so many are looked at for one.
	Next HitID
}

// maxLookedAt bounds how many tags are looked at for a page, and so how long a filter that lets little
// through takes: about 6 µs a tag on a busy machine (BenchmarkFirstPage/nothing).
const maxLookedAt = 5_000

// Hits lists hits. Writes meanwhile neither repeat nor lose one that was there all the time and passed the
// filter: the order is that of their numbers, which stay.
func (d *Desk) Hits(ctx context.Context, v Visible, f HitFilter) (page HitPage, err error) {
	err = d.index.View(ctx, func(r hashindex.Reader) error {
		page, err = hitsWhere(r, v, f)
		return err
	})
	for i := range page.Hits {
		d.count(&page.Hits[i])
	}
	return page, err
}

// Hit is the hit of that id.
func (d *Desk) Hit(ctx context.Context, v Visible, id HitID) (h Hit, err error) {
	err = d.index.View(ctx, func(r hashindex.Reader) error {
		h, err = visibleHit(r, v, id)
		return err
	})
	d.count(&h)
	return h, err
}

func visibleHit(r hashindex.Reader, v Visible, id HitID) (Hit, error) {
	s, err := v.resolve(r)
	if err != nil {
		return Hit{}, err
	}
	h, err := loadHit(r, id)
	if err == nil && !s.sees(h.Collection) {
		err = fmt.Errorf("hit %d: %w", id, hashindex.ErrNotFound)
	}
	if err != nil {
		return Hit{}, err
	}
	return h, withVerdict(r, &h)
}

func hitsWhere(r hashindex.Reader, v Visible, f HitFilter) (page HitPage, err error) {
	want, runs, err := f.plan(r, v)
	if err != nil {
		return page, err
	}
	both := f.Seller != "" && f.Reference != 0
	looked := 0
	for id, t := range merged(r, runs, f.After) {
		if t.err != nil {
			return page, t.err
		}
		if looked++; looked > maxLookedAt || len(page.Hits) == f.Limit {
			break
		}
		page.Next = id
		if !want(t.tag) {
			continue
		}
		if both { // the run is the seller's: a tag does not say which reference
			of, err := there(r, hitsOf, referencePrefix(f.Reference)+id.key())
			if err != nil {
				return page, err
			}
			if !of {
				continue
			}
		}
		h, err := loadHit(r, id)
		if err == nil {
			err = withVerdict(r, &h)
		}
		if err != nil {
			return page, err
		}
		page.Hits = append(page.Hits, h)
	}
	if looked <= maxLookedAt && len(page.Hits) < f.Limit {
		page.Next = 0 // it came to the end
	}
	return page, nil
}

// plan is what passes the filter, and the shortest runs of tags in which all of that lies.
func (f HitFilter) plan(r hashindex.Reader, v Visible) (want func(tag) bool, runs []run, err error) {
	s, err := v.resolve(r)
	if err != nil {
		return nil, nil, err
	}
	within, err := f.within(r, v, s)
	if err != nil {
		return nil, nil, err
	}
	states := f.States
	if len(states) == 0 {
		states = States()
	}
	want = func(t tag) bool {
		return slices.Contains(states, t.state) && (within == nil || slices.Contains(within, t.collection)) && f.lets(t)
	}
	switch {
	case f.Seller != "":
		runs = []run{{hitSellers, textKey(f.Seller)}}
	case f.Reference != 0:
		runs = []run{{hitsOf, referencePrefix(f.Reference)}}
	case within == nil || len(within)*len(states) > maxRuns:
		for _, state := range states {
			runs = append(runs, run{hitStates, string(state.letter())})
		}
	default:
		for _, c := range within {
			for _, state := range states {
				runs = append(runs, run{hitQueues, queuePrefix(c, state)})
			}
		}
	}
	return want, runs, nil
}

// maxRuns is how many runs are merged: beyond that it costs less to look at the tags of all collections.
const maxRuns = 64

// within are the collections that the filter leaves; nil: all there ever were.
func (f HitFilter) within(r hashindex.Reader, v Visible, s sight) ([]hashindex.CollectionID, error) {
	if v.all() && len(f.Collections) == 0 && f.Right == 0 {
		return nil, nil
	}
	asked, err := collectionsNamed(r, v, f.Collections)
	if err != nil {
		return nil, err
	}
	if len(f.Collections) == 0 {
		for c := range s.names {
			asked = append(asked, c)
		}
	}
	if f.Right != 0 {
		right, err := visibleRight(r, v, f.Right)
		if err != nil {
			return nil, fieldMissing("right", f.Right.String(), err)
		}
		asked = slices.DeleteFunc(asked, func(c hashindex.CollectionID) bool { return !slices.Contains(right.linked, c) })
	}
	slices.Sort(asked)
	return append([]hashindex.CollectionID{}, asked...), nil
}

// lets is the part of the filter that each tag answers alone.
func (f HitFilter) lets(t tag) bool {
	const slack = 1e-6 // of a score rounded to 32 bits
	return (f.Kind == "" || t.kind == f.Kind) &&
		t.score >= f.MinScore-slack && (f.MaxScore == 0 || t.score <= f.MaxScore+slack) &&
		!t.first.Before(f.Since.Truncate(time.Second)) && (f.Before.IsZero() || t.first.Before(f.Before))
}

// run is a stretch of a table whose keys are the prefix and a hit's number.
type run struct{ table, prefix string }

// tagged is a tag that was read, or why it could not be.
type tagged struct {
	tag
	err error
}

// merged yields the hits of all runs after that one, ascending. A hit is in one run at most.
func merged(r hashindex.Reader, runs []run, after HitID) func(yield func(HitID, tagged) bool) {
	return func(yield func(HitID, tagged) bool) {
		heads := make([]*head, len(runs))
		for i, run := range runs {
			heads[i] = &head{run: run, from: after}
		}
		for {
			var first *head
			for _, h := range heads {
				if err := h.fill(r); err != nil {
					yield(0, tagged{err: err})
					return
				}
				if h.id() != 0 && (first == nil || h.id() < first.id()) {
					first = h
				}
			}
			if first == nil || !yield(first.id(), tagged{tag: first.page[0].tag}) {
				return
			}
			first.page = first.page[1:]
		}
	}
}

// head is where a run is read: some entries ahead of the rest.
type head struct {
	run
	from HitID // all up to this one has been read
	page []headEntry
	done bool
}

type headEntry struct {
	id HitID
	tag
}

func (h *head) id() HitID {
	if len(h.page) == 0 {
		return 0
	}
	return h.page[0].id
}

// headPage is what the store reads of a table at a time.
const headPage = 256

// fill reads on where nothing is left.
func (h *head) fill(r hashindex.Reader) error {
	if len(h.page) > 0 || h.done || h.from == math.MaxUint64 {
		return nil
	}
	for row, err := range below(r, h.table, h.prefix, (h.from + 1).key()) {
		if err != nil {
			return err
		}
		n, err := numberOf(row.Key)
		if err != nil {
			return fmt.Errorf("row %q of %s: %w", row.Key, h.table, hashindex.ErrDamaged)
		}
		t, err := decodeTag(row.Value)
		if err != nil {
			return err
		}
		h.page = append(h.page, headEntry{HitID(n), t})
		h.from = HitID(n)
		if len(h.page) == headPage {
			return nil
		}
	}
	h.done = true
	return nil
}
