package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"touchstone/hashindex"
)

func TestFileThatIsNotWrittenWholeLeavesWhatWasThere(t *testing.T) {
	folder := t.TempDir()
	path, full := filepath.Join(folder, "hit-1.zip"), errors.New("no space left")
	half := func(to io.Writer) error { to.Write([]byte("half")); return full }
	whole := func(to io.Writer) error { _, err := to.Write([]byte("whole")); return err }
	want := func(content string, files int) {
		t.Helper()
		got, _ := os.ReadFile(path)
		if list, err := os.ReadDir(folder); err != nil || len(list) != files || string(got) != content {
			t.Errorf("%d files, %q, %v: want %d and %q", len(list), got, err, files, content)
		}
	}
	for _, write := range []func(string, func(io.Writer) error) error{writeWhole, replaceWhole} {
		if err := write(path, half); !errors.Is(err, full) {
			t.Errorf("got %v", err)
		}
		want("", 0)
	}
	if err := writeWhole(path, whole); err != nil {
		t.Error(err)
	}
	if err := writeWhole(path, whole); !errors.Is(err, hashindex.ErrExists) {
		t.Errorf("got %v", err)
	}
	if err := replaceWhole(path, half); !errors.Is(err, full) {
		t.Errorf("got %v", err)
	}
	want("whole", 1)

	other := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(path, other); err != nil {
		t.Fatal(err)
	}
	if err := replaceWhole(other, func(to io.Writer) error { _, err := to.Write([]byte("through a link")); return err }); err != nil {
		t.Error(err)
	}
	want("through a link", 1)
}
