package hashindex

import (
	"context"
	"errors"
	"fmt"
)

// view is a View of the store that returns once searches see what read saw: nobody who was shown a change is
// answered by a search as if it had not happened. The store holds a change a moment before the searchers do,
// so what is waited for is memory; no disk is, unless a write has failed while it synced.
func (ix *Index) view(read func(Reader) error) error {
	var head Seq
	err := ix.store.View(func(r Reader) error {
		head, _ = r.Head()
		return read(r)
	})
	ix.follow(head)
	return err
}

// follow returns once searches see the changes up to head, or the commit under way has ended otherwise.
func (ix *Index) follow(head Seq) {
	// The channel comes before the looks: whatever ends the commit after them closes it.
	moved := *ix.moved.Load()
	if ix.Seq() < head && ix.commits.underway.Load() {
		<-moved
	}
}

// Reference is the reference with its collection.
func (ix *Index) Reference(id ReferenceID) (reference Reference, collection Collection, err error) {
	err = ix.view(func(r Reader) error {
		if reference, err = r.Reference(id); err != nil {
			return err
		}
		collection, err = collectionOf(r, reference)
		return err
	})
	return reference, collection, err
}

func collectionOf(r Reader, reference Reference) (Collection, error) {
	collections, err := r.Collections()
	if err != nil {
		return Collection{}, err
	}
	for _, c := range collections {
		if c.ID == reference.Collection {
			return c, nil
		}
	}
	return Collection{}, fmt.Errorf("collection %d of reference %d: %w", reference.Collection, reference.ID, ErrDamaged)
}

// ReferenceNamed is the reference of that external id; ErrNotFound without one.
func (ix *Index) ReferenceNamed(collection, externalID string) (reference Reference, err error) {
	err = ix.view(func(r Reader) error {
		c, err := r.CollectionNamed(collection)
		if err != nil {
			return err
		}
		reference, err = r.ReferenceNamed(c.ID, externalID)
		return err
	})
	return reference, err
}

// References lists at most limit references of the collection after that one, ascending.
func (ix *Index) References(ctx context.Context, collection string, after ReferenceID, limit int) (list []Reference, err error) {
	err = ix.view(func(r Reader) error {
		c, err := r.CollectionNamed(collection)
		if err != nil {
			return err
		}
		for reference, err := range r.References(c.ID, after) {
			if err = orElse(err, ctx.Err()); err != nil {
				return err
			}
			if list = append(list, reference); len(list) >= limit {
				return nil
			}
		}
		return nil
	})
	return list, err
}

// Image is the encoded picture of the reference; ErrNotFound for one known by its hashes only.
func (ix *Index) Image(id ReferenceID) ([]byte, Reference, error) {
	reference, _, err := ix.Reference(id)
	if err != nil {
		return nil, Reference{}, err
	}
	if reference.Content.IsZero() {
		return nil, Reference{}, fmt.Errorf("image of reference %d: %w", id, ErrNotFound)
	}
	encoded, err := ix.store.Blob(reference.Content)
	if errors.Is(err, ErrNotFound) {
		err = fmt.Errorf("image of reference %d is gone: %w", id, ErrDamaged)
	}
	return encoded, reference, err
}

// Changes lists at most limit changes after that one, in order.
func (ix *Index) Changes(ctx context.Context, after Seq, limit int) (list []Change, err error) {
	err = ix.view(func(r Reader) error {
		for change, err := range r.Changes(after) {
			if err = orElse(err, ctx.Err()); err != nil {
				return err
			}
			if list = append(list, change); len(list) >= limit {
				return nil
			}
		}
		return nil
	})
	return list, err
}
