package bolt

import (
	"bytes"
	"encoding/binary"
	"errors"

	"touchstone/hashindex"
)

// derived compares the look-ups with what the history leaves. Each member is found right, and there
// are as many as there should be: so none is missing and none too many.
func (c *checker) derived() error {
	counts, err := c.members()
	if err != nil {
		return err
	}
	if err := c.standings(counts); err != nil {
		return err
	}
	c.noMoreFeatures()
	return c.hints()
}

func (c *checker) members() (map[hashindex.CollectionID]int, error) {
	counts := map[hashindex.CollectionID]int{}
	total := 0
	var before span
	cursor := c.r.open[members].Cursor()
	for key, first := cursor.First(); key != nil && c.ctx.Err() == nil; key, first = cursor.Next() {
		s, err := parseSpan(key, first)
		if err != nil {
			return nil, err
		}
		if s.collection == before.collection && s.first <= before.last || hashindex.Seq(s.last) > c.r.head {
			c.found("store", "members %d to %d of collection %d follow those up to %d", s.first, s.last, s.collection, before.last)
			continue
		}
		before = s
		counts[s.collection] += s.count()
		total += s.count()
		for id := s.first; id <= s.last && c.ctx.Err() == nil; id++ {
			if err := c.member(s.collection, id); err != nil {
				return nil, err
			}
		}
	}
	if c.ctx.Err() == nil && total != c.live {
		c.found("store", "%d members, the history leaves %d references", total, c.live)
	}
	return counts, c.changed()
}

func (c *checker) member(of hashindex.CollectionID, id hashindex.ReferenceID) error {
	found, err := c.r.reference(id)
	if errors.Is(err, hashindex.ErrNotFound) || errors.Is(err, hashindex.ErrDamaged) {
		c.found("store", "member %d of collection %d: %v", id, of, err)
		return nil
	}
	if err != nil {
		return err
	}
	if found.Collection != of {
		c.found("store", "member %d of collection %d is in collection %d", id, of, found.Collection)
	}
	if err := c.features(found); err != nil {
		return err
	}
	return c.findable(found)
}

// features compares the features of the reference with the digests that the history holds.
func (c *checker) features(of hashindex.Reference) error {
	for n, frame := range of.Frames {
		if frame.Features.IsZero() {
			continue
		}
		c.featured++
		encoded, err := c.r.features(hashindex.FrameOf(of.ID, n))
		if err != nil && !errors.Is(err, hashindex.ErrDamaged) {
			return err
		}
		if err == nil && hashindex.DigestOf(encoded) != frame.Features {
			err = errors.New("they are not those of its digest")
		}
		if err != nil {
			c.found("store", "features of frame %d of reference %d: %v", n, of.ID, err)
		}
	}
	return nil
}

// noMoreFeatures looks for those of references that are gone: of those there, none was missing.
func (c *checker) noMoreFeatures() {
	if c.r.open[features] == nil || c.ctx.Err() != nil {
		return
	}
	if n := c.count(features); n != c.featured {
		c.found("store", "features of %d frames, the references have %d", n, c.featured)
	}
}

// changed compares which change describes each reference that is not as it was added.
func (c *checker) changed() error {
	entries := 0
	err := c.r.open[changed].ForEach(func(id, seq []byte) error {
		entries++
		if len(id) != 8 || len(seq) != 8 {
			return damaged("changed %x: %x", id, seq)
		}
		last := c.latest[hashindex.ReferenceID(binary.BigEndian.Uint64(id))]
		if last == 0 || !bytes.Equal(seq, seqKey(last)) {
			c.found("store", "reference %x is as change %x left it; the last about it is %d", id, seq, last)
		}
		return nil
	})
	wanted := 0
	for _, last := range c.latest {
		if last != 0 {
			wanted++
		}
	}
	if err == nil && entries != wanted {
		c.found("store", "%d changed references, the history leaves %d", entries, wanted)
	}
	return err
}

// findable looks for the reference by its name and its content.
func (c *checker) findable(r hashindex.Reference) error {
	if r.ExternalID != "" {
		named, err := c.r.named(r.Collection, r.ExternalID)
		if err != nil {
			return err
		}
		if named.ID != r.ID {
			c.found("store", "external id %q of collection %d leads to reference %d, not %d",
				r.ExternalID, r.Collection, named.ID, r.ID)
		}
	}
	if !r.Content.IsZero() && !c.pictured[r.Content] {
		c.pictured[r.Content] = true
		found, err := c.r.confirmed(contentDigest(r.Content), func(o hashindex.Reference) bool { return o.Content == r.Content })
		if err != nil {
			return err
		}
		if found.ID == 0 {
			c.found("store", "reference %d is not found by its content %v", r.ID, r.Content)
		}
	}
	return nil
}

func (c *checker) standings(counts map[hashindex.CollectionID]int) error {
	if sequence := c.r.open[collections].Sequence(); sequence < uint64(c.created) {
		c.found("store", "the last collection was %d, the file says %d", c.created, sequence)
	}
	for id, seq := range c.collections {
		s, err := c.r.standing(id)
		if err != nil {
			c.found("store", "collection %d: %v", id, err)
			continue
		}
		if s.seq != seq || s.count != counts[id] {
			c.found("store", "collection %d is as change %d left it, with %d references; the history says %d, with %d",
				id, s.seq, s.count, seq, counts[id])
		}
		if named, err := c.r.CollectionNamed(s.Name); err != nil || named.ID != id {
			c.found("store", "collection name %q leads to %d, not %d: %v", s.Name, named.ID, id, err)
		}
	}
	for _, b := range []bucket{collections, names} {
		if n := c.count(b); n != len(c.collections) {
			c.found("store", "%d %v, the history leaves %d collections", n, b, len(c.collections))
		}
	}
	return nil
}

// count counts keys; bbolt's statistics would walk all pages for it.
func (c *checker) count(b bucket) (n int) {
	cursor := c.r.open[b].Cursor()
	for key, _ := cursor.First(); key != nil; key, _ = cursor.Next() {
		n++
	}
	return n
}

// hints checks that each run is as it was written; that none is missing, findable has shown.
func (c *checker) hints() error {
	return c.r.open[hints].ForEachBucket(func(number []byte) error {
		value, err := checked(hints, runKey, c.r.open[hints].Bucket(number).Get(runKey))
		if err != nil {
			c.found("store", "run %x: %v", number, err)
			return nil
		}
		for i, all := 1, run(value); i < all.len(); i++ {
			if compareHints(all.hint(i-1), all.hint(i)) >= 0 {
				c.found("store", "hints of run %x are out of order", number)
				return nil
			}
		}
		return nil
	})
}
