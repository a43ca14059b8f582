package hashindex

import (
	"context"
	"fmt"
)

// CollectionInfo is a collection with what it holds.
type CollectionInfo struct {
	Collection
	References int
}

// CreateCollection adds a collection, in one step with what also writes; ErrExists when its name is taken.
func (ix *Index) CreateCollection(ctx context.Context, actor string, c Collection, also ...Also) (Collection, Seq, error) {
	if err := c.Validate(); err != nil {
		return Collection{}, 0, err
	}
	return ix.commitCollection(ctx, actor, func(r Reader) (Change, error) {
		if _, err := r.CollectionNamed(c.Name); err == nil {
			return Change{}, fmt.Errorf("collection %q: %w", c.Name, ErrExists)
		}
		return Change{Kind: CollectionCreated, Collection: c}, nil
	}, also...)
}

// ChangeCollection gives the collection what change makes of it, in one step with what also writes. Its name and
// number stay.
func (ix *Index) ChangeCollection(ctx context.Context, actor, name string, change func(*Collection), also ...Also) (Collection, Seq, error) {
	return ix.commitCollection(ctx, actor, func(r Reader) (Change, error) {
		was, err := r.CollectionNamed(name)
		if err != nil {
			return Change{}, err
		}
		is := was
		change(&is)
		is.ID, is.Name = was.ID, was.Name
		return Change{Kind: CollectionChanged, Collection: is}, is.Validate()
	}, also...)
}

// RemoveCollection removes an empty collection, in one step with what also writes; ErrNotEmpty when it holds
// references.
func (ix *Index) RemoveCollection(ctx context.Context, actor, name string, also ...Also) (Seq, error) {
	_, seq, err := ix.commitCollection(ctx, actor, func(r Reader) (Change, error) {
		c, err := r.CollectionNamed(name)
		if err != nil {
			return Change{}, err
		}
		if n, err := r.Count(c.ID); err != nil || n > 0 {
			return Change{}, fmt.Errorf("collection %q holds %d references: %w", name, n, orElse(err, ErrNotEmpty))
		}
		return Change{Kind: CollectionRemoved, Collection: c}, nil
	}, also...)
	return seq, err
}

func (ix *Index) commitCollection(ctx context.Context, actor string, plan func(Reader) (Change, error), also ...Also) (Collection, Seq, error) {
	changes, seq, err := ix.commitChanges(ctx, actor, func(r Reader) ([]Change, error) {
		change, err := plan(r)
		return []Change{change}, err
	}, also)
	if err != nil {
		return Collection{}, 0, err
	}
	return changes[0].Collection, seq, nil
}

func orElse(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}

// Collection is the collection of that name, with its count.
func (ix *Index) Collection(name string) (info CollectionInfo, err error) {
	err = ix.view(func(r Reader) error {
		c, err := r.CollectionNamed(name)
		if err != nil {
			return err
		}
		info, err = infoOf(r, c)
		return err
	})
	return info, err
}

// Collections lists every collection by name.
func (ix *Index) Collections() (infos []CollectionInfo, err error) {
	err = ix.view(func(r Reader) error {
		collections, err := r.Collections()
		for _, c := range collections {
			info, err := infoOf(r, c)
			if err != nil {
				return err
			}
			infos = append(infos, info)
		}
		return err
	})
	return infos, err
}

func infoOf(r Reader, c Collection) (CollectionInfo, error) {
	n, err := r.Count(c.ID)
	return CollectionInfo{c, n}, err
}
