package record

import (
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
func Admit(s State, c hashindex.Change) error {
	switch c.Kind {
	case hashindex.CollectionCreated:
		return freeName(s, hashindex.Collection{Name: c.Collection.Name})
	case hashindex.CollectionChanged:
		return admitCollectionChange(s, c.Collection)
	case hashindex.CollectionRemoved:
		return admitCollectionRemoval(s, c.Collection)
	case hashindex.ReferenceAdded:
		return admitReference(s, c.Reference, c.Features)
	case hashindex.ReferenceChanged, hashindex.ReferenceRemoved:
		return admitReferenceChange(s, c.Reference)
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

func admitReference(s State, r hashindex.Reference, features [][]byte) error {
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
func admitFeatures(r hashindex.Reference, features [][]byte) error {
	if n := len(features); n != 0 && n != len(r.Frames) {
		return unwritable("features", fmt.Sprintf("%d for %d frames", n, len(r.Frames)))
	}
	for i, f := range r.Frames {
		if hasFeatures(f) {
			return unwritable("features", "a digest without its bytes")
		}
		if len(features) > 0 && len(features[i]) > hashindex.MaxFeatures {
			return &hashindex.LimitError{Limit: "features_bytes", Max: hashindex.MaxFeatures, Got: int64(len(features[i]))}
		}
	}
	return nil
}

// admitReferenceChange holds fast what the store's look-ups are keyed by.
func admitReferenceChange(s State, r hashindex.Reference) error {
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
