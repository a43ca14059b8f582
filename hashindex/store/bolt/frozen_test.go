package bolt_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"touchstone/hashindex"
	"touchstone/hashindex/store/bolt"
	"touchstone/hashindex/store/storetest"
)

var update = flag.Bool("update", false, "write the golden text anew, and the frozen database if there is none")

const frozen = "../../../fixtures/databases/format-1.db"

// TestFrozenDatabaseOpens opens a file that this format's first binary wrote and compares all of it.
// A change that breaks this test breaks every store in use: it needs a new format number.
func TestFrozenDatabaseOpens(t *testing.T) {
	if _, err := os.Stat(frozen); *update && err != nil {
		writeFrozen(t)
	}
	file, err := os.ReadFile(frozen)
	if err != nil {
		t.Fatal(err)
	}
	s := openBolt(t, folderWith(t, file))
	defer s.Close()
	storetest.Clean(t, s)
	info, err := s.Info()
	if err != nil || info.Format != 1 || !info.Created.Equal(storetest.Noon) {
		t.Errorf("%+v, %v", info, err)
	}
	text, err := everything(s)
	if err != nil {
		t.Fatal(err)
	}
	golden := filepath.Join("testdata", "format-1.txt")
	if *update {
		if err := os.WriteFile(golden, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if text != string(want) {
		t.Errorf("got\n%s\nwant\n%s", text, want)
	}
}

func writeFrozen(t *testing.T) {
	t.Helper()
	folder := t.TempDir()
	s, err := bolt.Open(folder, bolt.Options{Now: func() time.Time { return storetest.Noon }})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Update(freeze); err != nil {
		t.Fatal(err)
	}
	if err := s.Update(thaw); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"first", "second"} {
		if err := s.SaveSnapshot(name, 5, []byte("state of "+name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(frozen), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(frozen, compacted(t, filepath.Join(folder, "touchstone.db")), 0o644); err != nil {
		t.Fatal(err)
	}
}

// freeze writes one of everything that a record can hold.
func freeze(w hashindex.Writer) error {
	full := storetest.Addition(1, "shoe-1", 1)
	r := &full.Reference
	r.Note, r.Meta = "a note", map[string]string{"colour": "red", "sku": "42"}
	r.DisabledUntil = storetest.Noon.Add(24 * time.Hour)
	r.Format, r.Width, r.Height = "jpeg", 640, 480
	r.Frames[0].Quality = 99
	for _, a := range []hashindex.Algorithm{hashindex.PHash, hashindex.DHash, hashindex.AHash} {
		r.Frames[0].Hashes[a] = hashindex.Hash64(0x0123456789abcdef << a)
	}
	r.Frames = append(r.Frames, r.Frames[0])
	r.Frames[1].At, r.Frames[1].Recipe = time.Second, "test/2"
	for _, c := range []hashindex.Change{
		storetest.CollectionChange(hashindex.CollectionCreated, 0, "brand"),
		storetest.CollectionChange(hashindex.CollectionCreated, 0, "gone"),
		storetest.CollectionChange(hashindex.CollectionCreated, 0, "works"),
		full,
		storetest.Addition(1, "bag-2", 2),
		storetest.Addition(3, "film-3", 3),
		storetest.Addition(3, "song-4", 4),
	} {
		if _, err := w.Append(c); err != nil {
			return err
		}
	}
	return nil
}

// thaw changes some of it and takes some away.
func thaw(w hashindex.Writer) error {
	changed, err := w.ReferenceNamed(1, "bag-2")
	if err != nil {
		return err
	}
	changed.Note = "changed"
	removed, err := w.ReferenceNamed(3, "film-3")
	if err != nil {
		return err
	}
	for _, c := range []hashindex.Change{
		storetest.Later(hashindex.ReferenceChanged, changed),
		storetest.Later(hashindex.ReferenceRemoved, removed),
		storetest.CollectionChange(hashindex.CollectionRemoved, 2, "gone"),
		storetest.CollectionChange(hashindex.CollectionChanged, 3, "copyrighted"),
	} {
		if _, err := w.Append(c); err != nil {
			return err
		}
	}
	return nil
}
