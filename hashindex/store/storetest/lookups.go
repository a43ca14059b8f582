package storetest

import (
	"testing"

	"touchstone/hashindex"
)

func newStoreIsEmpty(t *testing.T, s Store) {
	view(t, s, func(r hashindex.Reader) error {
		seq, digest := r.Head()
		wantEqual(t, "head", seq, 0)
		wantEqual(t, "digest", digest, hashindex.Digest{})
		all, err := r.Collections()
		wantEqual(t, "collections", len(all), 0)
		return err
	})
}

func appendAssignsNumbers(t *testing.T, s Store) {
	stored := commit(t, s,
		CollectionChange(hashindex.CollectionCreated, 99, "a"),
		CollectionChange(hashindex.CollectionCreated, 0, "b"),
		Addition(2, "x", 1), Addition(1, "y", 2))
	for i, c := range stored {
		wantEqual(t, "seq", c.Seq, i+1)
	}
	wantEqual(t, "first collection", stored[0].Collection.ID, 1)
	wantEqual(t, "second collection", stored[1].Collection.ID, 2)
	wantEqual(t, "first reference", stored[2].Reference.ID, 3)
	wantEqual(t, "second reference", stored[3].Reference.ID, 4)
}

func externalIDIsUnique(t *testing.T, s Store) {
	a, b := newCollection(t, s, "a"), newCollection(t, s, "b")
	inA, inB := add(t, s, Addition(a, "x", 1)), add(t, s, Addition(b, "x", 2))
	_, err := tryCommit(s, Addition(a, "x", 3))
	wantError(t, "a second x in a", err, hashindex.ErrExists)
	_, err = tryCommit(s, Addition(a, "y", 3), Addition(a, "y", 4))
	wantError(t, "y twice in one update", err, hashindex.ErrExists)
	commit(t, s, Addition(a, "", 5), Addition(a, "", 6)) // nameless ones are not alike
	view(t, s, func(r hashindex.Reader) error {
		got, err := r.ReferenceNamed(a, "x")
		wantEqual(t, "x in a", got.ID, inA.ID)
		wantError(t, "x in a", err, nil)
		got, err = r.ReferenceNamed(b, "x")
		wantEqual(t, "x in b", got.ID, inB.ID)
		wantError(t, "x in b", err, nil)
		_, err = r.ReferenceNamed(a, "")
		wantError(t, "the empty name", err, hashindex.ErrNotFound)
		return nil
	})
}

func holdsFollowsRemovals(t *testing.T, s Store) {
	c := newCollection(t, s, "a")
	content := []byte("a picture")
	if err := s.PutBlobs(t.Context(), [][]byte{content}); err != nil {
		t.Fatal(err)
	}
	holds := func(want bool) {
		t.Helper()
		view(t, s, func(r hashindex.Reader) error {
			got, err := r.Holds(hashindex.DigestOf(content))
			wantEqual(t, "holds", got, want)
			return err
		})
	}
	holds(false)
	picture := Addition(c, "", 1)
	picture.Reference.Content = hashindex.DigestOf(content)
	first, second := add(t, s, picture), add(t, s, picture)
	holds(true)
	commit(t, s, Later(hashindex.ReferenceRemoved, first))
	holds(true)
	commit(t, s, Later(hashindex.ReferenceRemoved, second))
	holds(false)
}
