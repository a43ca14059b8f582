package bolt

import (
	"errors"
	"iter"

	"touchstone/hashindex"
	"touchstone/hashindex/store/record"
)

// Changes implements hashindex.Reader. It looks each one up by its number: a gap in the history is
// damage, not an end (I1).
func (r *reader) Changes(after hashindex.Seq) iter.Seq2[hashindex.Change, error] {
	return func(yield func(hashindex.Change, error) bool) {
		for seq := after + 1; seq <= r.head; seq++ {
			c, err := guarded(func() (hashindex.Change, error) { return r.digested(seq) })
			if !yield(c, err) || err != nil {
				return
			}
		}
	}
}

func (r *reader) digested(seq hashindex.Seq) (hashindex.Change, error) {
	c, err := r.change(seq)
	if err != nil {
		return c, err
	}
	raw, err := r.record(seq)
	c.Digest = hashindex.DigestOf(raw)
	return c, err
}

// References implements hashindex.Reader. It runs page by page: no cursor is open while the caller
// works, who may be changing the very pages.
func (r *reader) References(c hashindex.CollectionID, after hashindex.ReferenceID) iter.Seq2[hashindex.Reference, error] {
	return func(yield func(hashindex.Reference, error) bool) {
		if _, err := r.Collection(c); err != nil {
			yield(hashindex.Reference{}, err)
			return
		}
		for {
			page, err := guarded(func() ([]hashindex.ReferenceID, error) { return r.membersAfter(c, after) })
			if err != nil {
				yield(hashindex.Reference{}, err)
				return
			}
			if len(page) == 0 {
				return
			}
			for _, id := range page {
				found, err := r.Reference(id)
				if errors.Is(err, hashindex.ErrNotFound) || err == nil && found.Collection != c {
					err = damaged("reference %d is no member of collection %d", id, c)
				}
				if !yield(found, err) || err != nil {
					return
				}
			}
			after = page[len(page)-1]
		}
	}
}

var _ record.State = (*reader)(nil)
