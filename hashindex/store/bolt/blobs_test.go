package bolt_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"touchstone/hashindex"
	"touchstone/hashindex/store/storetest"
)

func TestDamagedBlobIsDamagedUntilPutAgain(t *testing.T) {
	folder := t.TempDir()
	s := openBolt(t, folder)
	defer s.Close()
	picture := []byte("a picture of a shoe")
	d := hashindex.DigestOf(picture)
	put := func() {
		t.Helper()
		if err := s.PutBlobs(t.Context(), [][]byte{picture}); err != nil {
			t.Fatal(err)
		}
	}
	put()
	name := d.String()
	path := filepath.Join(folder, "blobs", name[:2], name)
	for what, content := range map[string][]byte{
		"cut": picture[:5], "empty": {}, "longer": append(bytes.Clone(picture), 0),
	} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Blob(d); !errors.Is(err, hashindex.ErrDamaged) {
			t.Errorf("%s: error %v, want ErrDamaged", what, err)
		}
		put()
		if got, err := s.Blob(d); err != nil || !bytes.Equal(got, picture) {
			t.Errorf("%s: put again: %q, %v", what, got, err)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(folder, "blobs", "new-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestCheckFindsMissingAndDamagedBlobs(t *testing.T) {
	folder := t.TempDir()
	s := openBolt(t, folder)
	defer s.Close()
	c := createCollection(t, s)
	pictures := [][]byte{[]byte("missing"), []byte("damaged"), []byte("whole")}
	if err := s.PutBlobs(t.Context(), pictures); err != nil {
		t.Fatal(err)
	}
	var additions []hashindex.Change
	for _, picture := range pictures {
		addition := storetest.Addition(c, string(picture), 1)
		addition.Reference.Content = hashindex.DigestOf(picture)
		additions = append(additions, addition)
	}
	appendAll(t, s, additions)
	storetest.Clean(t, s)

	damaged := hashindex.DigestOf(pictures[1]).String()
	if err := os.WriteFile(filepath.Join(folder, "blobs", damaged[:2], damaged), []byte("DAMAGED"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.RemoveBlob(hashindex.DigestOf(pictures[0])); err != nil {
		t.Fatal(err)
	}
	var findings []hashindex.Finding
	if err := s.Check(t.Context(), func(f hashindex.Finding) { findings = append(findings, f) }); err != nil {
		t.Fatal(err)
	}
	if len(findings) != 2 {
		t.Errorf("findings %v, want the missing one and the damaged one", findings)
	}
}

func TestOrphansAreBlobsThatNoReferenceHas(t *testing.T) {
	folder := t.TempDir()
	s := openBolt(t, folder)
	defer s.Close()
	if orphans, err := s.Orphans(t.Context()); err != nil || len(orphans) != 0 {
		t.Errorf("of a new store: %v, %v", orphans, err)
	}
	c := createCollection(t, s)
	held, orphan := []byte("held"), []byte("orphan")
	if err := s.PutBlobs(t.Context(), [][]byte{held, orphan}); err != nil {
		t.Fatal(err)
	}
	addition := storetest.Addition(c, "x", 1)
	addition.Reference.Content = hashindex.DigestOf(held)
	appendAll(t, s, []hashindex.Change{addition})
	if err := os.WriteFile(filepath.Join(folder, "blobs", "notes.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	orphans, err := s.Orphans(t.Context())
	if err != nil || len(orphans) != 1 || orphans[0] != hashindex.DigestOf(orphan) {
		t.Errorf("%v, %v: want %v alone", orphans, err, hashindex.DigestOf(orphan))
	}
}
