package bolt

import (
	"encoding/binary"

	"touchstone/hashindex"
)

// span is references of one collection with ids in a row, first and last included. Imports make
// long ones: a million references in a few keys.
type span struct {
	collection  hashindex.CollectionID
	first, last hashindex.ReferenceID
}

func (s span) empty() bool { return s.last == 0 }

func (s span) holds(c hashindex.CollectionID, id hashindex.ReferenceID) bool {
	return c == s.collection && id >= s.first && id <= s.last
}

func (s span) count() int { return int(s.last-s.first) + 1 }

// parseSpan reads a key, which has the last id so that seeking an id finds its span, and a value.
func parseSpan(key, value []byte) (span, error) {
	if len(key) != 12 || len(value) != 8 {
		return span{}, damaged("members %x: %x", key, value)
	}
	s := span{
		collection: hashindex.CollectionID(binary.BigEndian.Uint32(key)),
		first:      hashindex.ReferenceID(binary.BigEndian.Uint64(value)),
		last:       hashindex.ReferenceID(binary.BigEndian.Uint64(key[4:])),
	}
	if s.first == 0 || s.first > s.last {
		return span{}, damaged("members %x: %x", key, value)
	}
	return s, nil
}

// spanAt is the first span of the collection that ends at the id or later; empty when there is none.
func (r *reader) spanAt(c hashindex.CollectionID, id hashindex.ReferenceID) (span, error) {
	key, value := r.open[members].Cursor().Seek(memberKey(c, id))
	if key == nil {
		return r.newest.of(c, id), nil
	}
	s, err := parseSpan(key, value)
	if err == nil && s.collection != c {
		return r.newest.of(c, id), nil
	}
	return s, err
}

// of is the span if it may answer for the id, else empty.
func (s span) of(c hashindex.CollectionID, id hashindex.ReferenceID) span {
	if s.collection != c || id > s.last {
		return span{}
	}
	return s
}

func (r *reader) isMember(c hashindex.CollectionID, id hashindex.ReferenceID) (bool, error) {
	if r.around.holds(c, id) {
		return true, nil
	}
	s, err := r.spanAt(c, id)
	if !r.tx.Writable() { // whose spans change
		r.around = s
	}
	return s.holds(c, id), err
}

// membersAfter lists the next ids: one only in a writer, whose caller may remove what comes next.
func (r *reader) membersAfter(c hashindex.CollectionID, after hashindex.ReferenceID) ([]hashindex.ReferenceID, error) {
	size := membersPage
	if r.tx.Writable() {
		size = 1
	}
	ids := make([]hashindex.ReferenceID, 0, size)
	for len(ids) < size {
		s, err := r.spanAt(c, after+1)
		if err != nil || s.empty() {
			return ids, err
		}
		for after = max(after+1, s.first); after <= s.last && len(ids) < size; after++ {
			ids = append(ids, after)
		}
		after--
	}
	return ids, nil
}

const membersPage = 256

// join adds a new reference, whose id is higher than all others, to the span under way.
func (w *writer) join(c hashindex.CollectionID, id hashindex.ReferenceID) error {
	if w.newest.collection == c && w.newest.last+1 == id {
		w.newest.last = id
		return nil
	}
	if err := w.putNewest(); err != nil {
		return err
	}
	w.newest = span{c, id, id}
	return nil
}

// putNewest writes the span under way, as one with the span before if they meet.
func (w *writer) putNewest() error {
	s := w.newest
	w.newest = span{}
	if s.empty() {
		return nil
	}
	before, err := w.spanAt(s.collection, s.first-1)
	if err != nil {
		return err
	}
	if before.last == s.first-1 && !before.empty() {
		if err := w.open[members].Delete(memberKey(s.collection, before.last)); err != nil {
			return err
		}
		s.first = before.first
	}
	return w.putSpan(s)
}

func (w *writer) putSpan(s span) error {
	return w.open[members].Put(memberKey(s.collection, s.last), binary.BigEndian.AppendUint64(nil, uint64(s.first)))
}

// leave takes a reference out of its span, of which up to two are left.
func (w *writer) leave(c hashindex.CollectionID, id hashindex.ReferenceID) error {
	if err := w.putNewest(); err != nil {
		return err
	}
	s, err := w.spanAt(c, id)
	if err != nil {
		return err
	}
	if !s.holds(c, id) {
		return damaged("reference %d is no member of collection %d", id, c)
	}
	left, right := span{c, s.first, id - 1}, span{c, id + 1, s.last}
	if right.first > right.last {
		if err := w.open[members].Delete(memberKey(c, s.last)); err != nil {
			return err
		}
	} else if err := w.putSpan(right); err != nil { // under the key of the whole
		return err
	}
	if left.first > left.last {
		return nil
	}
	return w.putSpan(left)
}
