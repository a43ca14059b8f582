package storetest

import (
	"fmt"
	"slices"
	"testing"

	"touchstone/hashindex"
)

func collectionsByName(t *testing.T, s Store) {
	for _, name := range []string{"m", "a", "z"} {
		newCollection(t, s, name)
	}
	view(t, s, func(r hashindex.Reader) error {
		all, err := r.Collections()
		wantEqual(t, "names", namesOf(all), []string{"a", "m", "z"})
		wantError(t, "collections", err, nil)
		z, err := r.CollectionNamed("z")
		wantEqual(t, "z", z, CollectionChange(0, 3, "z").Collection)
		return err
	})
	_, err := tryCommit(s, CollectionChange(hashindex.CollectionCreated, 0, "m"))
	wantError(t, "a second m", err, hashindex.ErrExists)
	_, err = tryCommit(s, CollectionChange(hashindex.CollectionCreated, 1, "m"))
	wantError(t, "a second m that claims to be the first", err, hashindex.ErrExists)
}

func collectionCanBeRenamed(t *testing.T, s Store) {
	a := newCollection(t, s, "a")
	newCollection(t, s, "b")
	r := add(t, s, Addition(a, "x", 1))
	_, err := tryCommit(s, CollectionChange(hashindex.CollectionChanged, a, "b"))
	wantError(t, "to a name that is taken", err, hashindex.ErrExists)

	renamed := CollectionChange(hashindex.CollectionChanged, a, "c")
	renamed.Collection.Policy.Radius = 12
	commit(t, s, renamed)
	view(t, s, func(reader hashindex.Reader) error {
		_, err := reader.CollectionNamed("a")
		wantError(t, "the old name", err, hashindex.ErrNotFound)
		c, err := reader.CollectionNamed("c")
		wantEqual(t, "renamed", c, renamed.Collection)
		wantError(t, "renamed", err, nil)
		wantEqual(t, "members", ids(t, reader, a, 0), []hashindex.ReferenceID{r.ID})
		n, err := reader.Count(a)
		wantEqual(t, "count", n, 1)
		return err
	})
	newCollection(t, s, "a") // the old name is free
}

func collectionRemoval(t *testing.T, s Store) {
	a := newCollection(t, s, "a")
	r := add(t, s, Addition(a, "x", 1))
	_, err := tryCommit(s, CollectionChange(hashindex.CollectionRemoved, a, "a"))
	wantError(t, "with a reference", err, hashindex.ErrNotEmpty)
	commit(t, s, Later(hashindex.ReferenceRemoved, r))
	commit(t, s, CollectionChange(hashindex.CollectionRemoved, a, "a"))
	_, err = tryCommit(s, CollectionChange(hashindex.CollectionRemoved, a, "a"))
	wantError(t, "again", err, hashindex.ErrNotFound)
	_, err = tryCommit(s, Addition(a, "y", 1))
	wantError(t, "adding to it", err, hashindex.ErrNotFound)
	view(t, s, func(r hashindex.Reader) error {
		all, err := r.Collections()
		wantEqual(t, "collections", len(all), 0)
		return err
	})
}

func unknownThings(t *testing.T, s Store) {
	a := newCollection(t, s, "a")
	view(t, s, func(r hashindex.Reader) error {
		_, err := r.CollectionNamed("b")
		wantError(t, "collection", err, hashindex.ErrNotFound)
		_, err = r.CollectionNamed("")
		wantError(t, "collection without a name", err, hashindex.ErrNotFound)
		_, err = r.Count(a + 1)
		wantError(t, "count", err, hashindex.ErrNotFound)
		for _, id := range []hashindex.ReferenceID{0, 1, 2, 1 << 63} {
			_, err = r.Reference(id)
			wantError(t, fmt.Sprint("reference ", id), err, hashindex.ErrNotFound)
		}
		for _, err := range r.References(a+1, 0) {
			wantError(t, "references", err, hashindex.ErrNotFound)
		}
		held, err := r.Holds(hashindex.Digest{})
		wantEqual(t, "holds nothing", held, false)
		return err
	})
	_, err := tryCommit(s, CollectionChange(hashindex.CollectionChanged, 9, "a"))
	wantError(t, "changing", err, hashindex.ErrNotFound)
	_, err = tryCommit(s, Addition(9, "x", 1))
	wantError(t, "adding", err, hashindex.ErrNotFound)
	_, err = tryCommit(s, hashindex.Change{Kind: 77})
	wantError(t, "a kind", err, hashindex.ErrInvalid)
}

func countsFollow(t *testing.T, s Store) {
	a, b := newCollection(t, s, "a"), newCollection(t, s, "b")
	stored := commit(t, s, Addition(a, "1", 1), Addition(b, "2", 2), Addition(a, "3", 3))
	counts := func(wantA, wantB int) {
		t.Helper()
		view(t, s, func(r hashindex.Reader) error {
			inA, errA := r.Count(a)
			inB, errB := r.Count(b)
			wantEqual(t, "counts", []any{inA, inB, errA, errB}, []any{wantA, wantB, nil, nil})
			return nil
		})
	}
	counts(2, 1)
	changed := stored[0].Reference
	changed.Note = "n"
	commit(t, s, Later(hashindex.ReferenceChanged, changed))
	counts(2, 1)
	commit(t, s, Later(hashindex.ReferenceRemoved, stored[2].Reference))
	counts(1, 1)
}

func namesOf(all []hashindex.Collection) []string {
	names := slices.Collect(func(yield func(string) bool) {
		for _, c := range all {
			if !yield(c.Name) {
				return
			}
		}
	})
	return names
}
