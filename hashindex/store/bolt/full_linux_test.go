package bolt_test

import (
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"testing"

	"touchstone/hashindex"
	"touchstone/hashindex/store/bolt"
	"touchstone/hashindex/store/storetest"
)

const fullDisk = "TOUCHSTONE_FULL_DISK" // set in the child whose files may not grow

// TestFullDiskFailsTheUpdateOnly runs in a child, for the limit that plays the full disk is the
// process's.
func TestFullDiskFailsTheUpdateOnly(t *testing.T) {
	if os.Getenv(fullDisk) == "" {
		child := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
		child.Env = append(os.Environ(), fullDisk+"=1")
		if out, err := child.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	s := openBolt(t, t.TempDir())
	defer s.Close()
	c := createCollection(t, s)
	info, err := s.Info()
	if err != nil {
		t.Fatal(err)
	}

	release := limitFiles(t, uint64(info.FileBytes))
	if err := tryMany(s, c); err == nil {
		t.Error("an update of 10,000 references found room in a file that cannot grow")
	}
	wantCount(t, s, c, 0)
	release()

	if err := tryMany(s, c); err != nil {
		t.Errorf("with room again: %v", err)
	}
	wantCount(t, s, c, batch)
	storetest.Clean(t, s)
}

func wantCount(t *testing.T, s *bolt.Store, c hashindex.CollectionID, want int) {
	t.Helper()
	if n, err := count(s, c); n != want || err != nil {
		t.Errorf("%d references, %v, want %d", n, err, want)
	}
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
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: size, Max: before.Max}); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
			t.Fatal(err)
		}
	}
}
