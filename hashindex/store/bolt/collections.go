package bolt

import (
	"encoding/binary"
	"errors"
	"fmt"

	"touchstone/hashindex"
)

// Collections implements hashindex.Reader.
func (r *reader) Collections() ([]hashindex.Collection, error) {
	return guarded(func() ([]hashindex.Collection, error) {
		var all []hashindex.Collection
		err := r.open[names].ForEach(func(name, id []byte) error {
			c, err := r.collectionNamed(string(name), id)
			all = append(all, c)
			return err
		})
		return all, err
	})
}

// CollectionNamed implements hashindex.Reader.
func (r *reader) CollectionNamed(name string) (hashindex.Collection, error) {
	return guarded(func() (hashindex.Collection, error) {
		id := r.open[names].Get([]byte(name))
		if id == nil {
			return hashindex.Collection{}, notFound("collection", name)
		}
		return r.collectionNamed(name, id)
	})
}

func (r *reader) collectionNamed(name string, rawID []byte) (hashindex.Collection, error) {
	if len(rawID) != 4 {
		return hashindex.Collection{}, damaged("collection %q: %d bytes", name, len(rawID))
	}
	s, err := r.standing(hashindex.CollectionID(binary.BigEndian.Uint32(rawID)))
	if errors.Is(err, hashindex.ErrNotFound) || err == nil && s.Name != name {
		return hashindex.Collection{}, damaged("collection %q: number %x is not it", name, rawID)
	}
	if err != nil {
		return hashindex.Collection{}, err
	}
	return s.Collection, nil
}

// Collection is part of record.State.
func (r *reader) Collection(id hashindex.CollectionID) (hashindex.Collection, error) {
	return guarded(func() (hashindex.Collection, error) {
		s, err := r.standing(id)
		if err != nil {
			return hashindex.Collection{}, err
		}
		return s.Collection, nil
	})
}

// Count implements hashindex.Reader.
func (r *reader) Count(id hashindex.CollectionID) (int, error) {
	return guarded(func() (int, error) {
		s, err := r.standing(id)
		if err != nil {
			return 0, err
		}
		return s.count, nil
	})
}

// standing reads a collection once a transaction.
func (r *reader) standing(id hashindex.CollectionID) (*standing, error) {
	if s := r.standings[id]; s != nil {
		return s, nil
	}
	key := collectionKey(id)
	sealed := r.open[collections].Get(key)
	if sealed == nil {
		return nil, notFound("collection", id)
	}
	value, err := checked(collections, key, sealed)
	if err == nil && len(value) != 16 {
		err = damaged("collection %d: %d bytes", id, len(value))
	}
	if err != nil {
		return nil, err
	}
	s := &standing{
		seq:   hashindex.Seq(binary.BigEndian.Uint64(value)),
		count: int(binary.BigEndian.Uint64(value[8:])),
	}
	c, err := r.change(s.seq)
	if err == nil && (!c.Kind.OfCollection() || c.Collection.ID != id) {
		err = damaged("change %d is not about it", s.seq)
	}
	if err != nil {
		return nil, fmt.Errorf("collection %d: %w", id, err)
	}
	s.Collection = c.Collection
	r.standings[id] = s
	return s, nil
}

func (s *standing) value() []byte {
	return binary.BigEndian.AppendUint64(seqKey(s.seq), uint64(s.count))
}
