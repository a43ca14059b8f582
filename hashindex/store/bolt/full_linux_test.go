package bolt_test

import (
	"os/signal"
	"syscall"
	"testing"

	"touchstone/hashindex"
	"touchstone/hashindex/store/bolt"
	"touchstone/hashindex/store/storetest"
)

// TestFullDiskFailsTheUpdateOnly lets no file grow for a while, as a full disk would.
func TestFullDiskFailsTheUpdateOnly(t *testing.T) {
	s := openBolt(t, t.TempDir())
	defer s.Close()
	c := createCollection(t, s)
	info, err := s.Info()
	if err != nil {
		t.Fatal(err)
	}

	release := limitFiles(t, uint64(info.FileBytes))
	err = tryMany(s, c)
	if err == nil {
		t.Error("an update of 10,000 references found room in a file that cannot grow")
	}
	if n, err := count(s, c); n != 0 || err != nil {
		t.Errorf("after the failure: %d references, %v", n, err)
	}
	release()

	if err := tryMany(s, c); err != nil {
		t.Errorf("with room again: %v", err)
	}
	if n, err := count(s, c); n != batch || err != nil {
		t.Errorf("with room again: %d references, %v", n, err)
	}
	storetest.Clean(t, s)
}

func tryMany(s *bolt.Store, c hashindex.CollectionID) error {
	additions := additionsFrom(c, 0, func(int) string { return "" })
	return s.Update(func(w hashindex.Writer) error {
		for _, addition := range additions {
			if _, err := w.Append(addition); err != nil {
				return err
			}
		}
		return nil
	})
}

func limitFiles(t *testing.T, size uint64) (release func()) {
	t.Helper()
	signal.Ignore(syscall.SIGXFSZ) // so that writing gives an error
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
		t.Fatal(err)
	}
	release = func() {
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: size, Max: before.Max}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(release)
	return release
}
