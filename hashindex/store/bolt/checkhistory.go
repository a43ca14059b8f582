package bolt

import (
	"touchstone/hashindex"
	"touchstone/hashindex/store/record"
)

// history walks the changes from the first to the head (I1: no gaps, a whole chain) and notes what
// they leave.
func (c *checker) history() (err error) {
	if c.r, err = newReader(c.tx, c.format); err != nil {
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
	for key, raw := cursor.First(); key != nil && c.ctx.Err() == nil; key, raw = cursor.Next() {
		b, err := blockOf(key, raw)
		if err == nil && b.first != seq+1 {
			err = damaged("change %d is missing: the next is %d", seq+1, b.first)
		}
		if err != nil {
			c.found("I1", "%v", err)
			c.unreadable = true
			return nil
		}
		for range b.n {
			seq++
			prev = c.entry(seq, b, prev)
		}
	}
	if c.ctx.Err() == nil && (seq != c.r.head || prev != c.r.digest) {
		c.found("I1", "the head is change %d, %v; the history ends with %d, %v", c.r.head, c.r.digest, seq, prev)
	}
	return nil
}

// entry checks one change and returns its digest.
func (c *checker) entry(seq hashindex.Seq, b block, prev hashindex.Digest) hashindex.Digest {
	raw, err := b.record(seq)
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
