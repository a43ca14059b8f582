package storetest

import (
	"fmt"
	"testing"
	"time"

	"touchstone/hashindex"
)

func referenceComesBack(t *testing.T, s Store) {
	c := newCollection(t, s, "a")
	full := Addition(c, "shoe-1", 5)
	r := &full.Reference
	r.Note, r.Meta = "a note", map[string]string{"b": "2", "a": "1", "": "odd"}
	r.Content, r.Format, r.Width, r.Height = hashindex.DigestOf([]byte("shoe")), "jpeg", 640, 480
	r.DisabledUntil = Noon.Add(time.Minute + 999) // nanoseconds are cut
	r.Frames = append(r.Frames, hashindex.StoredFrame{At: time.Second, Recipe: "other/2", Quality: 77})
	r.Frames[1].Hashes[hashindex.AHash] = hashindex.Hash64(0)
	if err := s.PutBlobs(t.Context(), [][]byte{[]byte("shoe")}); err != nil {
		t.Fatal(err)
	}
	stored := add(t, s, full)
	bare := add(t, s, Addition(c, "", 6))

	want := *r
	want.ID, want.DisabledUntil = stored.ID, Noon.Add(time.Minute)
	wantEqual(t, "stored", stored, want)
	view(t, s, func(r hashindex.Reader) error {
		got, err := r.Reference(stored.ID)
		wantEqual(t, "by id", got, want)
		wantError(t, "by id", err, nil)
		got, err = r.ReferenceNamed(c, "shoe-1")
		wantEqual(t, "by name", got, want)
		wantError(t, "by name", err, nil)
		got, err = r.Reference(bare.ID)
		wantEqual(t, "bare", got, bare)
		wantEqual(t, "bare meta is nil", got.Meta == nil, true)
		return err
	})
}

func changedReference(t *testing.T, s Store) {
	c := newCollection(t, s, "a")
	r := add(t, s, Addition(c, "x", 1))
	for i := range 3 {
		r.Note = fmt.Sprintf("note %d", i)
		r.Frames[0].Hashes[hashindex.DHash] = hashindex.Hash64(uint64(i))
		changed := commit(t, s, Later(hashindex.ReferenceChanged, r))[0]
		wantEqual(t, "stored", changed.Reference, r)
		view(t, s, func(reader hashindex.Reader) error {
			got, err := reader.Reference(r.ID)
			wantEqual(t, "by id", got, r)
			wantError(t, "by id", err, nil)
			got, err = reader.ReferenceNamed(c, "x")
			wantEqual(t, "by name", got, r)
			wantError(t, "by name", err, nil)
			label, err := reader.Label(hashindex.FrameOf(r.ID, 0), hashindex.DHash)
			wantEqual(t, "label", label, hashindex.Label{Collection: c, ExternalID: "x", Hash: hashindex.Hash64(uint64(i))})
			return err
		})
	}
}

func removedReferenceIsGone(t *testing.T, s Store) {
	c := newCollection(t, s, "a")
	kept, gone := add(t, s, Addition(c, "kept", 1)), add(t, s, Addition(c, "gone", 2))
	gone.Note = "changed before"
	commit(t, s, Later(hashindex.ReferenceChanged, gone))
	commit(t, s, Later(hashindex.ReferenceRemoved, gone))
	view(t, s, func(r hashindex.Reader) error {
		_, err := r.Reference(gone.ID)
		wantError(t, "by id", err, hashindex.ErrNotFound)
		_, err = r.Label(hashindex.FrameOf(gone.ID, 0), hashindex.PDQ)
		wantError(t, "label", err, hashindex.ErrNotFound)
		_, err = r.ReferenceNamed(c, "gone")
		wantError(t, "by name", err, hashindex.ErrNotFound)
		wantEqual(t, "left", ids(t, r, c, 0), []hashindex.ReferenceID{kept.ID})
		return nil
	})
	_, err := tryCommit(s, Later(hashindex.ReferenceRemoved, gone))
	wantError(t, "removing again", err, hashindex.ErrNotFound)
	_, err = tryCommit(s, Later(hashindex.ReferenceChanged, gone))
	wantError(t, "changing", err, hashindex.ErrNotFound)
}

func idsAreNeverReused(t *testing.T, s Store) {
	c := newCollection(t, s, "a")
	first := add(t, s, Addition(c, "x", 1))
	commit(t, s, Later(hashindex.ReferenceRemoved, first))
	again := add(t, s, Addition(c, "x", 1))
	wantEqual(t, "a later id", again.ID > first.ID, true)
	commit(t, s, Later(hashindex.ReferenceRemoved, again), CollectionChange(hashindex.CollectionRemoved, c, "a"))
	wantEqual(t, "collection", newCollection(t, s, "a"), c+1)
	view(t, s, func(r hashindex.Reader) error {
		wantEqual(t, "members of the new collection", len(ids(t, r, c+1, 0)), 0)
		return nil
	})
}

func referenceKeepsItsKeys(t *testing.T, s Store) {
	a, b := newCollection(t, s, "a"), newCollection(t, s, "b")
	r := add(t, s, Addition(a, "x", 1))
	for field, change := range map[string]func(*hashindex.Reference){
		"collection":  func(r *hashindex.Reference) { r.Collection = b },
		"external id": func(r *hashindex.Reference) { r.ExternalID = "y" },
		"content":     func(r *hashindex.Reference) { r.Content = hashindex.DigestOf(nil) },
	} {
		changed := r
		change(&changed)
		_, err := tryCommit(s, Later(hashindex.ReferenceChanged, changed))
		wantError(t, field, err, hashindex.ErrInvalid)
		_, err = tryCommit(s, Later(hashindex.ReferenceRemoved, changed))
		wantError(t, field+" in a removal", err, hashindex.ErrInvalid)
	}
}

func referencesInOrder(t *testing.T, s Store) {
	a, b := newCollection(t, s, "a"), newCollection(t, s, "b")
	var additions []hashindex.Change
	for i := range 600 { // more than a page of any store
		of := []hashindex.CollectionID{a, a, b}[i%3]
		additions = append(additions, Addition(of, fmt.Sprint("x", i), uint64(i)))
	}
	var want []hashindex.ReferenceID
	for _, stored := range commit(t, s, additions...) {
		if stored.Reference.Collection == a {
			want = append(want, stored.Reference.ID)
		}
	}
	view(t, s, func(r hashindex.Reader) error {
		for _, after := range []int{0, 1, 7, 299, 399} {
			wantEqual(t, fmt.Sprint("after ", want[after]), ids(t, r, a, want[after]), want[after+1:])
		}
		wantEqual(t, "from the start", ids(t, r, a, 0), want)
		wantEqual(t, "from another's", ids(t, r, a, want[1]+1), want[2:])
		return nil
	})
}

func removalWhileListing(t *testing.T, s Store) {
	c := newCollection(t, s, "a")
	var additions []hashindex.Change
	for i := range 50 {
		additions = append(additions, Addition(c, fmt.Sprint("x", i), uint64(i)))
	}
	commit(t, s, additions...)
	seen := 0
	err := s.Update(func(w hashindex.Writer) error {
		for r, err := range w.References(c, 0) {
			if err != nil {
				return err
			}
			seen++
			for _, id := range []hashindex.ReferenceID{r.ID, r.ID + 1} { // and the next, unseen
				next, err := w.Reference(id)
				if err != nil {
					return err
				}
				if _, err := w.Append(Later(hashindex.ReferenceRemoved, next)); err != nil {
					return err
				}
			}
		}
		return nil
	})
	wantError(t, "update", err, nil)
	wantEqual(t, "seen", seen, 25)
	view(t, s, func(r hashindex.Reader) error {
		wantEqual(t, "left", len(ids(t, r, c, 0)), 0)
		return nil
	})
}

func ids(t testing.TB, r hashindex.Reader, c hashindex.CollectionID, after hashindex.ReferenceID) []hashindex.ReferenceID {
	t.Helper()
	all := []hashindex.ReferenceID{}
	for found, err := range r.References(c, after) {
		if err != nil {
			t.Fatalf("references of %d after %d: %v", c, after, err)
		}
		all = append(all, found.ID)
	}
	return all
}
