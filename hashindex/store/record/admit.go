package record

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"touchstone/hashindex"
)

// State is what Admit asks of the store that the change is to be carried out on.
type State interface {
	Collection(hashindex.CollectionID) (hashindex.Collection, error)
	CollectionNamed(name string) (hashindex.Collection, error)
	Count(hashindex.CollectionID) (int, error)
	Reference(hashindex.ReferenceID) (hashindex.Reference, error)

	// Taken reports whether a reference of the collection has the external id.
	Taken(c hashindex.CollectionID, externalID string) (bool, error)
}

// Admit reports why the change cannot be carried out on the state, or nil: ErrNotFound for
// something it refers to, ErrExists for a name that is taken, ErrNotEmpty, ErrInvalid.
// It is the same for every store, so that none accepts a history that another refuses.
func Admit(s State, c *hashindex.Change) error {
	switch c.Kind {
	case hashindex.CollectionCreated:
		return freeName(s, hashindex.Collection{Name: c.Collection.Name})
	case hashindex.CollectionChanged:
		return admitCollectionChange(s, c.Collection)
	case hashindex.CollectionRemoved:
		return admitCollectionRemoval(s, c.Collection)
	case hashindex.ReferenceAdded:
		return admitReference(s, &c.Reference, c.Features)
	case hashindex.ReferenceChanged, hashindex.ReferenceRemoved:
		return admitReferenceChange(s, &c.Reference)
	case hashindex.Noted:
		return admitNote(c.Note)
	}
	return unwritable("kind", uint8(c.Kind))
}

// freeName lets a collection keep its own name.
func freeName(s State, c hashindex.Collection) error {
	other, err := s.CollectionNamed(c.Name)
	if errors.Is(err, hashindex.ErrNotFound) || err == nil && other.ID == c.ID {
		return nil
	}
	if err != nil {
		return err
	}
	return fmt.Errorf("collection %q: %w", c.Name, hashindex.ErrExists)
}

func admitCollectionChange(s State, c hashindex.Collection) error {
	if _, err := s.Collection(c.ID); err != nil {
		return err
	}
	return freeName(s, c)
}

func admitCollectionRemoval(s State, c hashindex.Collection) error {
	count, err := s.Count(c.ID)
	if err != nil {
		return err
	}
	if count > 0 {
		return fmt.Errorf("collection %q with %d references: %w", c.Name, count, hashindex.ErrNotEmpty)
	}
	return nil
}

func admitReference(s State, r *hashindex.Reference, features [][]byte) error {
	if err := admitFeatures(r, features); err != nil {
		return err
	}
	if _, err := s.Collection(r.Collection); err != nil {
		return err
	}
	if r.ExternalID == "" {
		return nil
	}
	taken, err := s.Taken(r.Collection, r.ExternalID)
	if err != nil {
		return err
	}
	if taken {
		return fmt.Errorf("external id %q: %w", r.ExternalID, hashindex.ErrExists)
	}
	return nil
}

// admitFeatures wants bytes behind every digest: Seal makes the one from the other.
func admitFeatures(r *hashindex.Reference, features [][]byte) error {
	if n := len(features); n != 0 && n != len(r.Frames) {
		return unwritable("features", fmt.Sprintf("%d for %d frames", n, len(r.Frames)))
	}
	for i := range r.Frames {
		if hasFeatures(&r.Frames[i]) {
			return unwritable("features", "a digest without its bytes")
		}
		if len(features) > 0 && len(features[i]) > hashindex.MaxFeatures {
			return within("features_bytes", len(features[i]), hashindex.MaxFeatures)
		}
	}
	return nil
}

// admitReferenceChange holds fast what the store's look-ups are keyed by.
func admitReferenceChange(s State, r *hashindex.Reference) error {
	before, err := s.Reference(r.ID)
	if err != nil {
		return err
	}
	if r.Collection != before.Collection || r.ExternalID != before.ExternalID || r.Content != before.Content || !slices.EqualFunc(r.Frames, before.Frames, sameFeatures) {
		return &hashindex.InputError{
			Field:  "reference",
			Reason: fmt.Sprintf("%d: collection, external id, content and features cannot change", r.ID),
		}
	}
	return nil
}

func sameFeatures(a, b hashindex.StoredFrame) bool { return a.Features == b.Features }

func admitNote(n hashindex.Note) error {
	if n.Topic == "" {
		return unwritable("topic", "an empty text")
	}
	if !json.Valid(n.Body) {
		return unwritable("body", "what is not JSON")
	}
	return cmp.Or(
		within("topic_bytes", len(n.Topic), hashindex.MaxNoteTopic),
		within("subject_bytes", len(n.Subject), hashindex.MaxNoteSubject),
		within("body_bytes", len(n.Body), hashindex.MaxNoteBody),
	)
}

// AdmitRow reports why the row cannot be put, or nil. Like Admit it is the same for every store.
func AdmitRow(table, key string, value []byte) error {
	if table == "" || key == "" {
		return unwritable("row", "an empty name or key")
	}
	return cmp.Or(
		within("table_bytes", len(table), hashindex.MaxTable),
		within("row_key_bytes", len(key), hashindex.MaxRowKey),
		within("row_value_bytes", len(value), hashindex.MaxRowValue),
	)
}

func within(limit string, got, most int) error {
	if got > most {
		return &hashindex.LimitError{Limit: limit, Max: int64(most), Got: int64(got)}
	}
	return nil
}
