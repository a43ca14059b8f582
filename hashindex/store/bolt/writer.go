package bolt

import (
	"errors"

	"go.etcd.io/bbolt"

	"touchstone/hashindex"
	"touchstone/hashindex/store/record"
)

// writer implements hashindex.Writer. It keeps back what goes better in one piece, and its reader
// looks there first: records until they fill a block, members in a row, hints, counts.
type writer struct {
	*reader
	dirty map[hashindex.CollectionID]bool
	next  sought // of the change that is being appended

	// broken is the first error of carrying out a change. What is half done must not be committed,
	// even by a caller that goes on after it.
	broken error
}

var errUnfinished = errors.New("an earlier change of this transaction was not carried out")

func newWriter(tx *bbolt.Tx, format uint32) (*writer, error) {
	r, err := newReader(tx, format)
	if err != nil {
		return nil, err
	}
	for i, b := range r.open {
		if appendOnly[i] {
			b.FillPercent = 1
		}
	}
	return &writer{reader: r, dirty: map[hashindex.CollectionID]bool{}}, nil
}

// Append implements hashindex.Writer.
func (w *writer) Append(c hashindex.Change) (hashindex.Change, error) {
	one := []hashindex.Change{c}
	if err := w.AppendAll(one); err != nil {
		return hashindex.Change{}, err
	}
	return one[0], nil
}

// AppendAll implements hashindex.Writer. A refused change leaves no trace, and the transaction can go
// on; after an error of the disk it cannot.
func (w *writer) AppendAll(changes []hashindex.Change) error {
	if w.broken != nil {
		return w.broken
	}
	_, err := guarded(func() (any, error) { return nil, w.appendAll(changes) })
	return err
}

func (w *writer) appendAll(changes []hashindex.Change) error {
	names, err := w.seek(changes)
	if err != nil {
		return err
	}
	for i := range changes {
		w.next = names[i]
		if err := record.Admit(w, &changes[i]); err != nil {
			return err
		}
		if err := w.append(&changes[i]); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) append(c *hashindex.Change) error {
	if c.Kind == hashindex.CollectionCreated {
		c.Collection.ID = hashindex.CollectionID(w.open[collections].Sequence() + 1)
	}
	raw, err := record.Seal(w.block.raw, c, w.head+1, w.digest)
	if err != nil {
		return err
	}
	w.broken = errUnfinished // until it is carried out: a panic leaves it so
	w.block.add(c.Seq, raw)
	w.head, w.digest = c.Seq, c.Digest
	w.broken = w.carryOut(c)
	return w.broken
}

func (w *writer) carryOut(c *hashindex.Change) error {
	if len(w.block.raw) >= blockSize {
		if err := w.putBlock(); err != nil {
			return err
		}
	}
	switch c.Kind {
	case hashindex.CollectionCreated:
		return w.createCollection(c)
	case hashindex.CollectionChanged:
		return w.changeCollection(c)
	case hashindex.CollectionRemoved:
		return w.removeCollection(c.Collection.ID)
	case hashindex.ReferenceAdded:
		return w.addReference(&c.Reference, c.Features)
	case hashindex.ReferenceChanged:
		return w.open[changed].Put(idKey(c.Reference.ID), seqKey(c.Seq))
	case hashindex.ReferenceRemoved:
		return w.removeReference(&c.Reference)
	default:
		return nil // a note changes nothing
	}
}

func (w *writer) createCollection(c *hashindex.Change) error {
	id := c.Collection.ID
	if err := w.open[collections].SetSequence(uint64(id)); err != nil {
		return err
	}
	w.standings[id] = &standing{Collection: c.Collection, seq: c.Seq}
	if err := w.putStanding(id); err != nil {
		return err
	}
	return w.open[names].Put([]byte(c.Collection.Name), collectionKey(id))
}

func (w *writer) changeCollection(c *hashindex.Change) error {
	s, err := w.standing(c.Collection.ID)
	if err != nil {
		return err
	}
	if err := w.open[names].Delete([]byte(s.Name)); err != nil {
		return err
	}
	s.Collection, s.seq = c.Collection, c.Seq
	w.dirty[s.ID] = true
	return w.open[names].Put([]byte(s.Name), collectionKey(s.ID))
}

func (w *writer) removeCollection(id hashindex.CollectionID) error {
	s, err := w.standing(id)
	if err != nil {
		return err
	}
	delete(w.standings, id)
	delete(w.dirty, id)
	if err := w.open[names].Delete([]byte(s.Name)); err != nil {
		return err
	}
	return w.open[collections].Delete(collectionKey(id))
}

func (w *writer) addReference(r *hashindex.Reference, features [][]byte) error {
	if err := w.putFeatures(r.ID, features); err != nil {
		return err
	}
	if err := w.join(r.Collection, r.ID); err != nil {
		return err
	}
	if r.ExternalID != "" {
		w.pending.add(w.next.digest, r.ID)
	}
	if !r.Content.IsZero() {
		w.pending.add(contentDigest(r.Content), r.ID)
	}
	return w.count(r.Collection, 1)
}

func (w *writer) removeReference(r *hashindex.Reference) error {
	if err := w.leave(r.Collection, r.ID); err != nil {
		return err
	}
	if err := w.open[changed].Delete(idKey(r.ID)); err != nil {
		return err
	}
	if err := w.removeFeatures(r); err != nil {
		return err
	}
	return w.count(r.Collection, -1)
}

func (w *writer) count(id hashindex.CollectionID, more int) error {
	s, err := w.standing(id)
	if err != nil {
		return err
	}
	s.count += more
	w.dirty[id] = true
	return nil
}

// finish puts what was kept back: the last thing before the commit.
func (w *writer) finish() error {
	if w.broken != nil {
		return w.broken
	}
	for id := range w.dirty {
		if err := w.putStanding(id); err != nil {
			return err
		}
	}
	for _, put := range []func() error{w.putBlock, w.putNewest, w.putHints} {
		if err := put(); err != nil {
			return err
		}
	}
	return putHead(w.open[meta], w.head, w.digest)
}

func (w *writer) putStanding(id hashindex.CollectionID) error {
	key := collectionKey(id)
	return w.open[collections].Put(key, appendChecksum(key, w.standings[id].value()))
}
