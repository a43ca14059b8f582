package storetest

import (
	"fmt"
	"testing"

	"touchstone/hashindex"
)

func featuresFollowReference(t *testing.T, s Store) {
	a := newCollection(t, s, "a")
	film := Featured(Addition(a, "film", 1), "first", "", "third")
	for range 2 {
		film.Reference.Frames = append(film.Reference.Frames, film.Reference.Frames[0])
	}
	stored := commit(t, s, film, Addition(a, "plain", 2))
	r, plain := stored[0].Reference, stored[1].Reference
	want := []string{"first", "-", "third"}
	view(t, s, func(old hashindex.Reader) error {
		wantEqual(t, "features", featuresOf(t, old, r), want)
		wantEqual(t, "of a reference without", featuresOf(t, old, plain), []string{"-"})
		changed := r
		changed.Note = "changed"
		commit(t, s, Later(hashindex.ReferenceChanged, changed))
		view(t, s, func(now hashindex.Reader) error {
			wantEqual(t, "after a change", featuresOf(t, now, r), want)
			return nil
		})
		commit(t, s, Later(hashindex.ReferenceRemoved, changed))
		wantEqual(t, "in a view from before the removal", featuresOf(t, old, r), want)
		return nil
	})
	view(t, s, func(now hashindex.Reader) error {
		wantEqual(t, "after the removal", featuresOf(t, now, r), []string{"-", "-", "-"})
		_, err := now.Features(hashindex.FrameOf(99, 0))
		wantError(t, "of no reference", err, hashindex.ErrNotFound)
		return nil
	})
	err := s.Update(func(w hashindex.Writer) error {
		added, err := w.Append(Featured(Addition(a, "x", 3), "of x"))
		wantError(t, "append", err, nil)
		wantEqual(t, "in its own transaction", featuresOf(t, w, added.Reference), []string{"of x"})
		_, err = w.Append(Later(hashindex.ReferenceRemoved, added.Reference))
		wantError(t, "remove", err, nil)
		wantEqual(t, "removed in the same", featuresOf(t, w, added.Reference), []string{"-"})
		return nil
	})
	wantError(t, "update", err, nil)
}

// featuresOf reads the features of the reference's frames, "-" where there are none.
func featuresOf(t testing.TB, r hashindex.Reader, of hashindex.Reference) (all []string) {
	t.Helper()
	for n, frame := range of.Frames {
		encoded, err := r.Features(hashindex.FrameOf(of.ID, n))
		if err != nil {
			wantError(t, fmt.Sprint("features of frame ", n), err, hashindex.ErrNotFound)
			encoded = []byte("-")
		} else if hashindex.DigestOf(encoded) != frame.Features {
			t.Errorf("frame %d: features %q are not those of %v", n, encoded, frame.Features)
		}
		all = append(all, string(encoded))
	}
	return all
}

func featuresUnderDigest(t *testing.T, s Store) {
	a := newCollection(t, s, "a")
	given := Featured(Addition(a, "x", 1), "features")
	stored := commit(t, s, given)[0]
	wantEqual(t, "digest", stored.Reference.Frames[0].Features, hashindex.DigestOf([]byte("features")))
	wantEqual(t, "handed back", string(stored.Features[0]), "features")
	wantEqual(t, "the caller's frame", given.Reference.Frames[0].Features, hashindex.Digest{})
	view(t, s, func(r hashindex.Reader) error {
		for c, err := range r.Changes(1) {
			wantEqual(t, "in the history", []any{c.Digest, len(c.Features), err}, []any{stored.Digest, 0, nil})
		}
		return nil
	})

	claim := Addition(a, "y", 1)
	claim.Reference.Frames[0].Features = hashindex.DigestOf(nil)
	_, err := tryCommit(s, claim)
	wantError(t, "a digest without bytes", err, hashindex.ErrInvalid)
	_, err = tryCommit(s, Featured(Addition(a, "y", 1), "one", "two"))
	wantError(t, "more features than frames", err, hashindex.ErrInvalid)
	_, err = tryCommit(s, Featured(Addition(a, "y", 1), string(make([]byte, hashindex.MaxFeatures+1))))
	wantError(t, "too long", err, hashindex.ErrInvalid)
	commit(t, s, Featured(Addition(a, "y", 1), string(make([]byte, hashindex.MaxFeatures))))

	changed := stored.Reference
	changed.Frames = append(changed.Frames[:0:0], changed.Frames...)
	changed.Frames[0].Features = hashindex.DigestOf([]byte("others"))
	_, err = tryCommit(s, Later(hashindex.ReferenceChanged, changed))
	wantError(t, "a change of features", err, hashindex.ErrInvalid)
}
