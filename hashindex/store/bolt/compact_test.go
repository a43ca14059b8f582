package bolt_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"touchstone/hashindex"
	"touchstone/hashindex/store/bolt"
	"touchstone/hashindex/store/storetest"
)

// wasteful is a folder whose file is free for the most part, and what is in it.
func wasteful(t *testing.T, freed int) (folder, want string) {
	t.Helper()
	folder = t.TempDir()
	s := openBolt(t, folder)
	defer s.Close()
	fill(t, s)
	for _, size := range []int{freed, 100} {
		if err := s.SaveSnapshot("first", 3, make([]byte, size)); err != nil {
			t.Fatal(err)
		}
	}
	want, err := everything(s)
	if err != nil {
		t.Fatal(err)
	}
	return folder, want
}

func fileSize(t *testing.T, folder string) int64 {
	t.Helper()
	info, err := os.Stat(filepath.Join(folder, "touchstone.db"))
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

func TestCompactedStoreIsTheSameAndSmall(t *testing.T) {
	folder, want := wasteful(t, 8<<20)
	size := fileSize(t, folder)
	before, after, err := bolt.Compact(folder, bolt.Options{})
	if err != nil || before != size || after != fileSize(t, folder) || after > before/4 {
		t.Fatalf("from %d to %d, %v; the file had %d and has %d bytes", before, after, err, size, fileSize(t, folder))
	}
	if got := contents(t, folder); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	onlyStore(t, folder)
	s := openBolt(t, folder)
	defer s.Close()
	err = s.Update(func(w hashindex.Writer) error { return w.PutRow("first", "after", []byte("value")) })
	if err != nil {
		t.Error(err)
	}
	storetest.Clean(t, s)
	info, err := s.Info()
	if err != nil || !info.Created.Before(time.Now()) || info.Format != bolt.Format {
		t.Errorf("%+v, %v", info, err)
	}
}

func onlyStore(t *testing.T, folder string) {
	t.Helper()
	left, err := filepath.Glob(filepath.Join(folder, "touchstone.db.*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// TestWastefulFileIsCompactedWhenOpened for writing, and only then.
func TestWastefulFileIsCompactedWhenOpened(t *testing.T) {
	folder, want := wasteful(t, 40<<20)
	size := fileSize(t, folder)
	s, err := bolt.Open(folder, bolt.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	if got := fileSize(t, folder); got != size {
		t.Errorf("opened read-only, it went from %d to %d bytes", size, got)
	}
	s = openBolt(t, folder)
	if got := fileSize(t, folder); got > size/4 {
		t.Errorf("%d of %d bytes are left", got, size)
	}
	storetest.Clean(t, s)
	if got, err := everything(s); got != want || err != nil {
		t.Errorf("%v: got\n%s\nwant\n%s", err, got, want)
	}
	if _, _, err := bolt.Compact(folder, bolt.Options{LockTimeout: time.Millisecond}); !errors.Is(err, hashindex.ErrLocked) {
		t.Errorf("compacted while it is open: %v", err)
	}
	s.Close()
	onlyStore(t, folder)
}

// TestNobodyWritesToAFileThatWasReplaced: whoever waits for the lock during a compaction gets the new file.
func TestNobodyWritesToAFileThatWasReplaced(t *testing.T) {
	folder, _ := wasteful(t, 8<<20)
	s := openBolt(t, folder)
	done := make(chan error)
	const writers = 4
	for i := range writers {
		go func() {
			if i%2 == 0 {
				_, _, err := bolt.Compact(folder, bolt.Options{LockTimeout: time.Minute})
				done <- err
				return
			}
			s, err := bolt.Open(folder, bolt.Options{LockTimeout: time.Minute})
			if err == nil {
				err = s.Update(func(w hashindex.Writer) error { return w.PutRow("waited", fmt.Sprint(i), nil) })
				err = errors.Join(err, s.Close())
			}
			done <- err
		}()
	}
	s.Close()
	for range writers {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	s = openBolt(t, folder)
	defer s.Close()
	rows := 0
	err := s.View(func(r hashindex.Reader) error {
		for range r.Rows("waited", "") {
			rows++
		}
		return nil
	})
	if rows != writers/2 || err != nil {
		t.Errorf("%d rows are left of %d, %v", rows, writers/2, err)
	}
	storetest.Clean(t, s)
}

func TestDamagedFileIsNotCompacted(t *testing.T) {
	raw := smallFile(t)
	for page := 2; page < len(raw)/4096; page++ {
		raw[page*4096] ^= 0x40 // every page says that it is another
	}
	folder := folderWith(t, raw)
	if _, _, err := bolt.Compact(folder, bolt.Options{}); !errors.Is(err, hashindex.ErrDamaged) {
		t.Errorf("%v", err)
	}
	now, err := os.ReadFile(filepath.Join(folder, "touchstone.db"))
	if err != nil || string(now) != string(raw) {
		t.Errorf("the file is another now, %v", err)
	}
	onlyStore(t, folder)
	for name, want := range map[string]error{"none": hashindex.ErrNotFound, "text": hashindex.ErrNotOurs} {
		folder := t.TempDir()
		if name == "text" {
			folder = folderWith(t, []byte("some text"))
		}
		if _, _, err := bolt.Compact(folder, bolt.Options{}); !errors.Is(err, want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
