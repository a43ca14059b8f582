package bolt

import (
	"encoding/binary"
	"errors"
	"fmt"

	"go.etcd.io/bbolt"

	"touchstone/hashindex"
)

// reader implements hashindex.Reader on one transaction. Every method that touches the file is
// guarded, and nothing that it returns points into the file.
type reader struct {
	tx     *bbolt.Tx
	open   [bucketCount]*bbolt.Bucket
	head   hashindex.Seq
	digest hashindex.Digest

	standings map[hashindex.CollectionID]*standing // read so far; a writer's are ahead of the file
	runs      []run                                // of hints, once read
	recent    block                                // the last one read
	around    span                                 // the last one read by isMember
	history   *bbolt.Cursor                        // over changes; made when first used

	// What a writer has yet to put.
	block   builder
	newest  span
	pending pending
}

// standing is what a collection is at the moment.
type standing struct {
	hashindex.Collection
	seq   hashindex.Seq // of the change that says so
	count int
}

func newReader(tx *bbolt.Tx, format uint32) (*reader, error) {
	return guarded(func() (*reader, error) {
		r := &reader{tx: tx, standings: map[hashindex.CollectionID]*standing{}}
		for i, name := range bucketNames {
			r.open[i] = tx.Bucket([]byte(name))
		}
		for i, b := range r.open {
			if b == nil && since[i] <= format {
				return nil, damaged("bucket %s is missing", bucket(i))
			}
		}
		var err error
		r.head, r.digest, err = loadHead(r.open[meta])
		return r, err
	})
}

var headKey = []byte("head")

func loadHead(b *bbolt.Bucket) (hashindex.Seq, hashindex.Digest, error) {
	var digest hashindex.Digest
	value, err := checked(meta, headKey, b.Get(headKey))
	if err == nil && len(value) != 8+len(digest) {
		err = damaged("head: %d bytes", len(value))
	}
	if err != nil {
		return 0, digest, err
	}
	copy(digest[:], value[8:])
	return hashindex.Seq(binary.BigEndian.Uint64(value)), digest, nil
}

func putHead(b *bbolt.Bucket, head hashindex.Seq, digest hashindex.Digest) error {
	return b.Put(headKey, appendChecksum(headKey, append(seqKey(head), digest[:]...)))
}

// Head implements hashindex.Reader.
func (r *reader) Head() (hashindex.Seq, hashindex.Digest) { return r.head, r.digest }

// Reference implements hashindex.Reader.
func (r *reader) Reference(id hashindex.ReferenceID) (hashindex.Reference, error) {
	return guarded(func() (hashindex.Reference, error) { return r.reference(id) })
}

// reference finds the collection in the change that added the reference, whose Seq is the
// reference's id, and there how it stands now.
func (r *reader) reference(id hashindex.ReferenceID) (hashindex.Reference, error) {
	if id == 0 || hashindex.Seq(id) > r.head {
		return hashindex.Reference{}, notFound("reference", id)
	}
	added, err := r.change(hashindex.Seq(id))
	if err != nil {
		return hashindex.Reference{}, err
	}
	if added.Kind != hashindex.ReferenceAdded {
		return hashindex.Reference{}, notFound("reference", id)
	}
	now := added.Reference
	member, err := r.isMember(now.Collection, id)
	if err == nil && !member {
		err = notFound("reference", id)
	}
	if err != nil {
		return hashindex.Reference{}, err
	}
	if raw := r.open[changed].Get(idKey(id)); raw != nil {
		return r.described(now, raw)
	}
	return now, nil
}

// described is the reference after the last change to it.
func (r *reader) described(before hashindex.Reference, rawSeq []byte) (hashindex.Reference, error) {
	seq, err := describedAt(before.ID, rawSeq)
	if err != nil {
		return hashindex.Reference{}, err
	}
	c, err := r.change(seq)
	if err != nil {
		return hashindex.Reference{}, err
	}
	now := c.Reference
	if c.Kind != hashindex.ReferenceChanged || now.ID != before.ID || now.Collection != before.Collection {
		return hashindex.Reference{}, damaged("reference %d: change %d is not about it", before.ID, seq)
	}
	return now, nil
}

func describedAt(id hashindex.ReferenceID, raw []byte) (hashindex.Seq, error) {
	if len(raw) != 8 {
		return 0, damaged("reference %d: changed by %x", id, raw)
	}
	return hashindex.Seq(binary.BigEndian.Uint64(raw)), nil
}

// ReferenceNamed implements hashindex.Reader.
func (r *reader) ReferenceNamed(c hashindex.CollectionID, externalID string) (hashindex.Reference, error) {
	return guarded(func() (hashindex.Reference, error) {
		found, err := r.named(c, externalID)
		if err == nil && found.ID == 0 {
			err = notFound("external id", externalID)
		}
		return found, err
	})
}

// Taken is part of record.State.
func (r *reader) Taken(c hashindex.CollectionID, externalID string) (bool, error) {
	return guarded(func() (bool, error) {
		found, err := r.named(c, externalID)
		return found.ID != 0, err
	})
}

// named is the reference with this external id, or the zero Reference.
func (r *reader) named(c hashindex.CollectionID, externalID string) (hashindex.Reference, error) {
	if externalID == "" {
		return hashindex.Reference{}, nil
	}
	return r.confirmed(nameDigest(c, externalID), func(found hashindex.Reference) bool {
		return found.Collection == c && found.ExternalID == externalID
	})
}

// Holds implements hashindex.Reader.
func (r *reader) Holds(d hashindex.Digest) (bool, error) {
	if d.IsZero() {
		return false, nil
	}
	return guarded(func() (bool, error) {
		found, err := r.confirmed(contentDigest(d), func(found hashindex.Reference) bool { return found.Content == d })
		return found.ID != 0, err
	})
}

// confirmed is the first reference that the hints propose and that is what is wanted, or the zero
// Reference.
func (r *reader) confirmed(digest uint64, wanted func(hashindex.Reference) bool) (found hashindex.Reference, err error) {
	err = r.candidates(digest, func(id hashindex.ReferenceID) (bool, error) {
		candidate, err := r.reference(id)
		if errors.Is(err, hashindex.ErrNotFound) {
			return false, nil
		}
		if err != nil || !wanted(candidate) {
			return false, err
		}
		found = candidate
		return true, nil
	})
	return found, err
}

func notFound(what string, name any) error {
	if text, ok := name.(string); ok {
		return fmt.Errorf("%s %q: %w", what, text, hashindex.ErrNotFound)
	}
	return fmt.Errorf("%s %d: %w", what, name, hashindex.ErrNotFound)
}
