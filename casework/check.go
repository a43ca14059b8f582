package casework

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"touchstone/hashindex"
)

// Check walks all that the desk keeps and reports what breaks an invariant.
func (d *Desk) Check(ctx context.Context, found func(hashindex.Finding)) error {
	return d.index.View(ctx, func(r hashindex.Reader) error { return Check(ctx, r, found) })
}

// Check is Desk.Check on a view of a store.
func Check(ctx context.Context, r hashindex.Reader, found func(hashindex.Finding)) error {
	c := &checker{
		ctx: ctx, r: r, found: found, listed: map[entry]bool{},
		noted: map[string]string{}, tallies: map[string]counts{}, rejected: map[string]HitID{},
	}
	return firstOf(c.history(), c.hits(), c.lists(), c.sellers(), c.notices(), c.rights())
}

type checker struct {
	ctx      context.Context
	r        hashindex.Reader
	found    func(hashindex.Finding)
	noted    map[string]string // topic and subject: the state that the last note says
	listed   map[entry]bool    // that ought to be there
	tallies  map[string]counts
	rejected map[string]HitID
}

func (c *checker) report(invariant, format string, args ...any) {
	c.found(hashindex.Finding{Invariant: invariant, What: fmt.Sprintf(format, args...)})
}

// history reads what the notes say of hits and rights.
func (c *checker) history() error {
	for change, err := range c.r.Changes(0) {
		if err = errors.Join(err, c.ctx.Err()); err != nil {
			return err
		}
		n := change.Note
		if change.Kind != hashindex.Noted || n.Topic != HitTopic && n.Topic != RightTopic && n.Topic != NoticeTopic {
			continue
		}
		var moved Moved
		if err := json.Unmarshal(n.Body, &moved); err != nil {
			c.report("C1", "change %d: %v", change.Seq, err)
			continue
		}
		key := n.Topic + " " + n.Subject
		if before := c.noted[key]; before != moved.From {
			c.report("C1", "change %d takes %s from %q, but it was %q", change.Seq, key, moved.From, before)
		}
		c.noted[key] = moved.To
	}
	return nil
}

// state reports a thing that is not as its last note says.
func (c *checker) state(topic, subject, state string) {
	key := topic + " " + subject
	if c.noted[key] != state {
		c.report("C1", "%s is %q, its last note says %q", key, state, c.noted[key])
	}
	delete(c.noted, key)
}

func (c *checker) hits() error {
	pairs := map[string]HitID{}
	for row, err := range c.r.Rows(hitRows, "") {
		if err = errors.Join(err, c.ctx.Err()); err != nil {
			return err
		}
		h, err := hashindex.DecodeRow[Hit](hitRows, row)
		if err != nil {
			c.report("store", "%v", err)
			continue
		}
		c.state(HitTopic, h.ID.String(), string(h.State))
		for _, e := range h.entries() {
			c.listed[e] = true
			c.compareTag(e, &h)
		}
		pair := pairKey(h.Subject, h.Reference) + h.Segment.part()
		if other, twice := pairs[pair]; twice {
			c.report("C2", "hits %d and %d are of one subject, reference and segment", other, h.ID)
		}
		pairs[pair] = h.ID
		if raw, err := c.r.Row(hitPairs, pair); err != nil || string(raw) != h.ID.key() {
			c.report("C2", "hit %d: its pair names %q, %v", h.ID, raw, err)
		}
		if h.Subject.Seller != "" {
			key := sellerKey(h.Subject.Seller, h.Collection)
			sum := c.tallies[key]
			sum.add(h.State)
			c.tallies[key] = sum
		}
		if h.State == Rejected {
			c.rejected[rejectionKey(h.Subject, h.Collection, h.shown())+h.ID.key()] = h.ID
		}
	}
	return nil
}

func (c *checker) compareTag(e entry, h *Hit) {
	raw, err := c.r.Row(e.table, e.key)
	if err != nil || string(raw) != string(h.tag().encode()) {
		c.report("C3", "hit %d is not listed as it is at %q of %s: %v", h.ID, e.key, e.table, err)
	}
}

// lists reports what lists a hit that is not there, or not so.
func (c *checker) lists() error {
	for _, table := range []string{hitStates, hitQueues, hitsOf, hitSellers} {
		for row, err := range c.r.Rows(table, "") {
			if err = errors.Join(err, c.ctx.Err()); err != nil {
				return err
			}
			if !c.listed[entry{table, row.Key}] {
				c.report("C3", "row %q of %s lists no hit", row.Key, table)
			}
		}
	}
	for row, err := range c.r.Rows(rejections, "") {
		if err != nil {
			return err
		}
		if _, ok := c.rejected[row.Key]; !ok {
			c.report("C3", "row %q of %s keeps a pair away that nobody rejects", row.Key, rejections)
		}
		delete(c.rejected, row.Key)
	}
	for _, key := range slices.Sorted(maps.Keys(c.rejected)) {
		c.report("C3", "hit %d is rejected, but its pair is not kept away", c.rejected[key])
	}
	return nil
}

func (c *checker) sellers() error {
	for row, err := range c.r.Rows(sellerRows, "") {
		if err != nil {
			return err
		}
		kept, err := hashindex.DecodeRow[counts](sellerRows, row)
		if err != nil || kept != c.tallies[row.Key] {
			c.report("C4", "tally %q is %+v, the hits make %+v (%v)", row.Key, kept, c.tallies[row.Key], err)
		}
		delete(c.tallies, row.Key)
	}
	for _, key := range slices.Sorted(maps.Keys(c.tallies)) {
		if c.tallies[key] != (counts{}) {
			c.report("C4", "tally %q is missing, the hits make %+v", key, c.tallies[key])
		}
	}
	return nil
}

func (c *checker) rights() error {
	links := map[string]bool{}
	for row, err := range c.r.Rows(rightRows, "") {
		if err != nil {
			return err
		}
		right, err := hashindex.DecodeRow[storedRight](rightRows, row)
		if err != nil {
			c.report("store", "%v", err)
			continue
		}
		c.state(RightTopic, right.ID.String(), string(right.State))
		for _, collection := range right.Linked {
			links[shortKey(uint32(collection))+right.ID.key()] = true
		}
	}
	for row, err := range c.r.Rows(rightLinks, "") {
		if err != nil {
			return err
		}
		if !links[row.Key] {
			c.report("C3", "row %q of %s links nothing", row.Key, rightLinks)
		}
		delete(links, row.Key)
	}
	for _, key := range slices.Sorted(maps.Keys(links)) {
		c.report("C3", "row %q of %s is missing", key, rightLinks)
	}
	for _, key := range slices.Sorted(maps.Keys(c.noted)) {
		if topic, _, _ := strings.Cut(key, " "); topic == HitTopic || topic == RightTopic {
			c.report("C1", "the history tells of %s, which is not there", key)
		}
	}
	return nil
}
