package storetest

import (
	"bytes"
	"context"
	"testing"

	"touchstone/hashindex"
)

func snapshotIsReplaced(t *testing.T, s Store) {
	_, _, err := s.LoadSnapshot("tree")
	wantError(t, "none yet", err, hashindex.ErrNotFound)
	if err := s.SaveSnapshot("other", 1, []byte("other")); err != nil {
		t.Fatal(err)
	}
	for i, size := range []int{10, 0, 5<<20 + 3, 1 << 20, 1} {
		state := bytes.Repeat([]byte{byte(i), 1, 2, 3, 5}, size/5+1)[:size]
		if err := s.SaveSnapshot("tree", hashindex.Seq(i), state); err != nil {
			t.Fatal(err)
		}
		seq, got, err := s.LoadSnapshot("tree")
		wantError(t, "load", err, nil)
		wantEqual(t, "seq", seq, i)
		if !bytes.Equal(got, state) {
			t.Errorf("snapshot of %d bytes came back as %d others", size, len(got))
		}
	}
	seq, got, err := s.LoadSnapshot("other")
	wantEqual(t, "other", []any{seq, string(got), err}, []any{1, "other", nil})
}

func blobComesBack(t *testing.T, s Store) {
	contents := [][]byte{[]byte("one"), {}, []byte("one"), bytes.Repeat([]byte("three"), 100_000)}
	for range 2 {
		if err := s.PutBlobs(t.Context(), contents); err != nil {
			t.Fatal(err)
		}
		for _, want := range contents {
			got, err := s.Blob(hashindex.DigestOf(want))
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("blob of %d bytes: %d bytes, error %v", len(want), len(got), err)
			}
		}
	}
	one := hashindex.DigestOf(contents[0])
	for range 2 {
		wantError(t, "remove", s.RemoveBlob(one), nil)
	}
	_, err := s.Blob(one)
	wantError(t, "removed", err, hashindex.ErrNotFound)
	wantError(t, "none", s.PutBlobs(t.Context(), nil), nil)

	stopped, stop := context.WithCancel(t.Context())
	stop()
	wantError(t, "stopped", s.PutBlobs(stopped, contents), context.Canceled)
}
