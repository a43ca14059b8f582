package bolt_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"touchstone/hashindex"
	"touchstone/hashindex/store/archive"
	"touchstone/hashindex/store/bolt"
	"touchstone/hashindex/store/storetest"
)

// backedUp is a small store with pictures, rows and notes, and its backup.
func backedUp(t *testing.T) (s *bolt.Store, raw []byte) {
	t.Helper()
	s = openBolt(t, t.TempDir())
	t.Cleanup(func() { s.Close() })
	fill(t, s)
	c := collectionToWrite(t, s)
	for i := range 5 {
		addPicture(t, s, c, fmt.Sprintf("picture %d %s", i, strings.Repeat("pixels", i*2000)))
	}
	addPicture(t, s, c, "picture 0 ") // a second reference with a picture that is there
	return s, backUp(t, s)
}

func addPicture(t testing.TB, s *bolt.Store, c hashindex.CollectionID, content string) hashindex.Reference {
	t.Helper()
	if err := s.PutBlobs(context.Background(), [][]byte{[]byte(content)}); err != nil {
		t.Fatal(err)
	}
	addition := storetest.Addition(c, "", uint64(len(content)))
	addition.Reference.Content = hashindex.DigestOf([]byte(content))
	var added hashindex.Change
	err := s.Update(func(w hashindex.Writer) (err error) {
		head, _ := w.Head()
		addition.Reference.ExternalID = fmt.Sprint("picture after ", head)
		added, err = w.Append(addition)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return added.Reference
}

func backUp(t testing.TB, s *bolt.Store) []byte {
	t.Helper()
	var out bytes.Buffer
	if _, err := s.Backup(context.Background(), &out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestRestoredStoreIsTheSame(t *testing.T) {
	s, raw := backedUp(t)
	want, err := everything(s)
	if err != nil {
		t.Fatal(err)
	}
	for _, made := range []bool{false, true} {
		folder := filepath.Join(t.TempDir(), "restored")
		if made {
			if err := os.Mkdir(folder, 0o700); err != nil {
				t.Fatal(err)
			}
		}
		summary, err := bolt.Restore(t.Context(), folder, bytes.NewReader(raw))
		if err != nil || summary.Files != 1+5 {
			t.Fatalf("%+v, %v: want the file and 5 pictures", summary, err)
		}
		if got := contents(t, folder); got != want {
			t.Errorf("restored\n%s\nwant\n%s", got, want)
		}
		restored := openBolt(t, folder)
		defer restored.Close()
		addPicture(t, restored, collectionToWrite(t, restored), "it goes on")
		storetest.Clean(t, restored)
		if _, err := bolt.Restore(t.Context(), folder, bytes.NewReader(raw)); !errors.Is(err, hashindex.ErrExists) {
			t.Errorf("over a store that is there: %v", err)
		}
		onlyFolder(t, folder)
	}
}

// onlyFolder fails the test when a restore has left anything beside the folder.
func onlyFolder(t *testing.T, folder string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(folder))
	for _, e := range entries {
		if e.Name() != filepath.Base(folder) {
			t.Errorf("left behind: %s", e.Name())
		}
	}
	if err != nil {
		t.Error(err)
	}
}

// TestDamagedBackupIsNeverRestored changes one byte of each 4 KiB in turn, and cuts the archive off in each.
func TestDamagedBackupIsNeverRestored(t *testing.T) {
	_, raw := backedUp(t)
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 0))
	folder := filepath.Join(t.TempDir(), "restored")
	refused := func(what string, damaged []byte) {
		t.Helper()
		_, err := bolt.Restore(t.Context(), folder, bytes.NewReader(damaged))
		if !errors.Is(err, hashindex.ErrDamaged) && !errors.Is(err, hashindex.ErrNotOurs) && !errors.Is(err, hashindex.ErrNewer) {
			t.Errorf("seed %d: %s: %v", seed, what, err)
		}
		if _, err := os.Stat(folder); !errors.Is(err, os.ErrNotExist) {
			t.Fatalf("seed %d: %s: there is a folder: %v", seed, what, err)
		}
	}
	const block = 4 << 10
	for from := 0; from < len(raw); from += block {
		at := from + random.IntN(min(block, len(raw)-from))
		damaged := bytes.Clone(raw)
		damaged[at] ^= byte(1 + random.IntN(255))
		refused(fmt.Sprint("byte ", at), damaged)
		refused(fmt.Sprint("cut to ", at), raw[:at])
	}
	refused("one byte less", raw[:len(raw)-1])
	onlyFolder(t, folder)
}

// TestStoreDamagedBeforeItsBackupIsNotServed: every seal of such an archive is right.
func TestStoreDamagedBeforeItsBackupIsNotServed(t *testing.T) {
	t.Run("a page", func(t *testing.T) {
		raw := smallFile(t)
		at := bytes.Index(raw, []byte("item-3-20"))
		raw[at] ^= 1
		s, err := bolt.Open(folderWith(t, raw), bolt.Options{ReadOnly: true})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		var out bytes.Buffer
		if _, err := s.Backup(t.Context(), &out); err != nil {
			if !errors.Is(err, hashindex.ErrDamaged) {
				t.Error(err)
			}
			return // seen even before
		}
		_, err = bolt.Restore(t.Context(), filepath.Join(t.TempDir(), "restored"), &out)
		if !errors.Is(err, hashindex.ErrDamaged) {
			t.Errorf("restored: %v", err)
		}
	})
	for name, spoil := range map[string]func(path string) error{
		"a picture is missing": os.Remove,
		"a picture is another": func(path string) error { return os.WriteFile(path, []byte("another"), 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			s := openBolt(t, folder)
			defer s.Close()
			name := addPicture(t, s, createCollection(t, s), "picture").Content.String()
			if err := spoil(filepath.Join(folder, "blobs", name[:2], name)); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Backup(t.Context(), io.Discard); !errors.Is(err, hashindex.ErrDamaged) {
				t.Errorf("backed up: %v", err)
			}
		})
	}
}

// TestBackupUnderLoadIsOfOneMoment: while pictures are added and removed, the backup holds what was there at its
// beginning, and afterwards nothing is left of what was removed meanwhile.
func TestBackupUnderLoadIsOfOneMoment(t *testing.T) {
	folder := t.TempDir()
	s := openBolt(t, folder)
	defer s.Close()
	c := createCollection(t, s)
	var first []hashindex.Reference
	for i := range 20 {
		first = append(first, addPicture(t, s, c, fmt.Sprintf("picture %d %s", i, strings.Repeat("pixels", 5000))))
	}
	var before string
	var err error
	if before, err = everything(s); err != nil {
		t.Fatal(err)
	}
	var load sync.WaitGroup
	out := &meanwhile{act: func() {
		load.Go(func() {
			for i, reference := range first { // one is put back, the others are gone
				remove(t, s, reference)
				if i == 3 {
					addPicture(t, s, c, fmt.Sprintf("picture %d %s", i, strings.Repeat("pixels", 5000)))
				}
				addPicture(t, s, c, fmt.Sprint("later ", i))
			}
		})
		load.Wait()
	}}
	if _, err := s.Backup(t.Context(), out); err != nil {
		t.Fatal(err)
	}
	storetest.Clean(t, s)
	if orphans, err := s.Orphans(t.Context()); err != nil || len(orphans) > 0 {
		t.Errorf("orphans %v, %v", orphans, err)
	}
	restored := filepath.Join(t.TempDir(), "restored")
	if _, err := bolt.Restore(t.Context(), restored, &out.all); err != nil {
		t.Fatal(err)
	}
	if got := contents(t, restored); got != before {
		t.Errorf("restored\n%s\nwant\n%s", got, before)
	}
}

// meanwhile acts once some of the archive is written.
type meanwhile struct {
	all bytes.Buffer
	act func()
}

func (m *meanwhile) Write(p []byte) (int, error) {
	if m.act != nil && m.all.Len() > 10_000 {
		m.act()
		m.act = nil
	}
	return m.all.Write(p)
}

// remove does as the index does: the reference first, then its picture.
func remove(t *testing.T, s *bolt.Store, reference hashindex.Reference) {
	err := s.Update(func(w hashindex.Writer) error {
		_, err := w.Append(storetest.Later(hashindex.ReferenceRemoved, reference))
		return err
	})
	if err = errors.Join(err, s.RemoveBlob(reference.Content)); err != nil {
		t.Error(err)
	}
}

func TestBackupAndRestoreStopWhenAsked(t *testing.T) {
	s, raw := backedUp(t)
	stopped, stop := context.WithCancel(t.Context())
	stop()
	if _, err := s.Backup(stopped, io.Discard); !errors.Is(err, context.Canceled) {
		t.Errorf("backup: %v", err)
	}
	folder := filepath.Join(t.TempDir(), "restored")
	if _, err := bolt.Restore(stopped, folder, bytes.NewReader(raw)); !errors.Is(err, context.Canceled) {
		t.Errorf("restore: %v", err)
	}
	if _, err := os.Stat(folder); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("there is a folder: %v", err)
	}
}

// TestForeignFilesOfAnArchiveAreRefused: whoever made it, only what belongs in a data folder gets there.
func TestForeignFilesOfAnArchiveAreRefused(t *testing.T) {
	for _, path := range []string{"evil", "blobs/ab", "blobs/ab/abcd", "blobs/" + strings.Repeat("ab", 32), "touchstone.db/x"} {
		folder := filepath.Join(t.TempDir(), "restored")
		_, err := bolt.Restore(t.Context(), folder, bytes.NewReader(archiveOf(t, path, "content")))
		if !errors.Is(err, hashindex.ErrDamaged) {
			t.Errorf("%s: %v", path, err)
		}
		onlyFolder(t, folder)
	}
	picture := hashindex.DigestOf([]byte("content")).String()
	path := "blobs/" + picture[:2] + "/" + picture
	for _, content := range []string{"content", "another"} {
		_, err := bolt.Restore(t.Context(), filepath.Join(t.TempDir(), "restored"), bytes.NewReader(archiveOf(t, path, content)))
		if content == "content" && !errors.Is(err, hashindex.ErrNotFound) || content == "another" && !errors.Is(err, hashindex.ErrDamaged) {
			t.Errorf("a picture alone, of the content %q: %v", content, err)
		}
	}
}

func archiveOf(t *testing.T, path, content string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := archive.NewWriter(&out)
	err := w.File(path, int64(len(content)), strings.NewReader(content))
	if err == nil {
		_, err = w.End()
	}
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
