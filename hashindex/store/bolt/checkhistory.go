package bolt

import (
	"bytes"
	"encoding/binary"
	"errors"

	"touchstone/hashindex"
	"touchstone/hashindex/store/record"
)

// history walks the changes from the first to the head (I1: no gaps, a whole chain) and notes what
// they leave.
func (c *checker) history() (err error) {
	if c.r, err = newReader(c.tx); err != nil {
		c.unreadable = true
		return err
	}
	if _, err := parseIdentity(c.r.open[meta].Get(identityKey)); err != nil {
		c.found("store", "identity: %v", err)
	}
	c.latest = map[hashindex.ReferenceID]hashindex.Seq{}
	c.collections = map[hashindex.CollectionID]hashindex.Seq{}
	c.pictured = map[hashindex.Digest]bool{}
	var seq hashindex.Seq
	var prev hashindex.Digest
	cursor := c.r.open[changes].Cursor()
	for key, sealed := cursor.First(); key != nil && c.ctx.Err() == nil; key, sealed = cursor.Next() {
		seq++
		if !bytes.Equal(key, seqKey(seq)) {
			c.found("I1", "change %d is missing: the next is %x", seq, key)
			c.unreadable = true
			return nil
		}
		prev = c.entry(seq, key, sealed, prev)
	}
	if c.ctx.Err() == nil && (seq != c.r.head || prev != c.r.digest) {
		c.found("I1", "the head is change %d, %v; the history ends with %d, %v", c.r.head, c.r.digest, seq, prev)
	}
	return nil
}

// entry checks one change and returns its digest.
func (c *checker) entry(seq hashindex.Seq, key, sealed []byte, prev hashindex.Digest) hashindex.Digest {
	raw, err := checked(changes, key, sealed)
	if err != nil {
		c.found("store", "%v", err)
		return hashindex.Digest{}
	}
	digest := hashindex.DigestOf(raw)
	change, err := record.Decode(raw)
	if err != nil {
		c.found("store", "change %d: %v", seq, err)
		return digest
	}
	if change.Seq != seq || change.Prev != prev {
		c.found("I1", "change %d says that it is %d and follows %v, which is %v", seq, change.Seq, change.Prev, prev)
	}
	c.note(change)
	return digest
}

func (c *checker) note(change hashindex.Change) {
	switch change.Kind {
	case hashindex.CollectionCreated:
		c.created = max(c.created, change.Collection.ID)
		c.collections[change.Collection.ID] = change.Seq
	case hashindex.CollectionChanged:
		c.collections[change.Collection.ID] = change.Seq
	case hashindex.CollectionRemoved:
		delete(c.collections, change.Collection.ID)
	case hashindex.ReferenceAdded:
		c.live++
	case hashindex.ReferenceChanged:
		c.latest[change.Reference.ID] = change.Seq
	case hashindex.ReferenceRemoved:
		c.latest[change.Reference.ID] = 0
		c.live--
	}
}

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
	return c.hints()
}

func (c *checker) members() (map[hashindex.CollectionID]int, error) {
	counts := map[hashindex.CollectionID]int{}
	total := 0
	cursor := c.r.open[members].Cursor()
	for key, later := cursor.First(); key != nil && c.ctx.Err() == nil; key, later = cursor.Next() {
		if len(key) != 12 {
			c.found("store", "member key %x", key)
			continue
		}
		of := hashindex.CollectionID(binary.BigEndian.Uint32(key))
		id := hashindex.ReferenceID(binary.BigEndian.Uint64(key[4:]))
		counts[of]++
		total++
		if err := c.member(of, id, later); err != nil {
			return nil, err
		}
	}
	if c.ctx.Err() == nil && total != c.live {
		c.found("store", "%d members, the history leaves %d references", total, c.live)
	}
	return counts, nil
}

func (c *checker) member(of hashindex.CollectionID, id hashindex.ReferenceID, later []byte) error {
	found, err := c.r.reference(id)
	if errors.Is(err, hashindex.ErrNotFound) || errors.Is(err, hashindex.ErrDamaged) {
		c.found("store", "member %d of collection %d: %v", id, of, err)
		return nil
	}
	if err != nil {
		return err
	}
	seq, _ := stateOf(id, later)
	last, changed := c.latest[id]
	if !changed {
		last = hashindex.Seq(id)
	}
	if found.Collection != of || seq != last {
		c.found("store", "member %d of collection %d is as change %d left it; the last about it is %d, in collection %d",
			id, of, seq, last, found.Collection)
	}
	return c.findable(found)
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
	return c.r.open[hints].ForEach(func(key, sealed []byte) error {
		value, err := checked(hints, key, sealed)
		if err != nil {
			c.found("store", "%v", err)
			return nil
		}
		for i, all := 1, run(value); i < all.len(); i++ {
			if compareHints(all.hint(i-1), all.hint(i)) >= 0 {
				c.found("store", "hints %x are out of order", key)
				return nil
			}
		}
		return nil
	})
}
