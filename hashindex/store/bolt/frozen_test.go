package bolt_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"touchstone/hashindex"
	"touchstone/hashindex/store/bolt"
	"touchstone/hashindex/store/storetest"
)

var update = flag.Bool("update", false, "write the golden text anew, and the frozen database if there is none")

func frozen(format int) string {
	return fmt.Sprintf("../../../fixtures/databases/format-%d.db", format)
}

// TestFrozenDatabaseOpens opens files that each format's first binary wrote and compares all of them:
// read as they are, and brought up to date. A change that breaks this test breaks every store in use:
// it needs a new format number.
func TestFrozenDatabaseOpens(t *testing.T) {
	if _, err := os.Stat(frozen(bolt.Format)); *update && err != nil {
		writeFrozen(t, frozen(bolt.Format))
	}
	for format := 1; format <= bolt.Format; format++ {
		file, err := os.ReadFile(frozen(format))
		if err != nil {
			t.Fatal(err)
		}
		folder := folderWith(t, file)
		compareFrozen(t, folder, format, bolt.Options{ReadOnly: true}, format)
		compareFrozen(t, folder, format, bolt.Options{}, bolt.Format)
	}
}

func compareFrozen(t *testing.T, folder string, format int, options bolt.Options, becomes int) {
	t.Helper()
	s, err := bolt.Open(folder, options)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	storetest.Clean(t, s)
	info, err := s.Info()
	if err != nil || info.Format != becomes || !info.Created.Equal(storetest.Noon) {
		t.Errorf("%+v, %v", info, err)
	}
	text, err := everything(s)
	if err != nil {
		t.Fatal(err)
	}
	golden := filepath.Join("testdata", fmt.Sprintf("format-%d.txt", format))
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
		t.Errorf("format %d: got\n%s\nwant\n%s", format, text, want)
	}
}

// TestOlderStoreTakesRows writes rows and a note into stores that were made before there were any.
func TestOlderStoreTakesRows(t *testing.T) {
	for format := range 2 {
		file, err := os.ReadFile(frozen(format + 1))
		if err != nil {
			t.Fatal(err)
		}
		folder := folderWith(t, file)
		old, err := bolt.Open(folder, bolt.Options{ReadOnly: true})
		if err != nil {
			t.Fatal(err)
		}
		wantRow(t, old, "", hashindex.ErrNotFound)
		old.Close()
		s := openBolt(t, folder)
		defer s.Close()
		err = s.Update(func(w hashindex.Writer) error {
			_, err := w.Append(storetest.Note("row", "key", "{}"))
			return errors.Join(err, w.PutRow("table", "key", []byte("value")))
		})
		if err != nil {
			t.Fatal(err)
		}
		wantRow(t, s, "value", nil)
		storetest.Clean(t, s)
	}
}

func wantRow(t *testing.T, s *bolt.Store, want string, wantErr error) {
	t.Helper()
	err := s.View(func(r hashindex.Reader) error {
		got, err := r.Row("table", "key")
		if string(got) != want || !errors.Is(err, wantErr) {
			t.Errorf("row %q, %v, want %q, %v", got, err, want, wantErr)
		}
		for row, err := range r.Rows("table", "") {
			if row.Key != "key" || string(row.Value) != want || err != nil {
				t.Errorf("row %+v, %v", row, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// TestStoreOfFormat1TakesFeatures adds to a store that was made before there were any.
func TestStoreOfFormat1TakesFeatures(t *testing.T) {
	file, err := os.ReadFile(frozen(1))
	if err != nil {
		t.Fatal(err)
	}
	s := openBolt(t, folderWith(t, file))
	defer s.Close()
	var added hashindex.Change
	err = s.Update(func(w hashindex.Writer) (err error) {
		added, err = w.Append(storetest.Featured(storetest.Addition(1, "with", 9), "corners"))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	storetest.Clean(t, s)
	err = s.View(func(r hashindex.Reader) error {
		got, err := r.Features(hashindex.FrameOf(added.Reference.ID, 0))
		if string(got) != "corners" {
			t.Errorf("got %q", got)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func writeFrozen(t *testing.T, path string) {
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
		for _, upTo := range []hashindex.Seq{5, 11} {
			if err := s.SaveRun(name, upTo/11*5, upTo, somePages(upTo)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, compacted(t, filepath.Join(folder, "touchstone.db")), 0o644); err != nil {
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
		storetest.Featured(storetest.Addition(3, "print-5", 5), "features of print-5"),
		storetest.Featured(storetest.Addition(3, "print-6", 6), "features of print-6"),
	} {
		if _, err := w.Append(c); err != nil {
			return err
		}
	}
	return errors.Join(
		w.PutRow("first", "kept", []byte("a value")), w.PutRow("first", "changed", nil), w.PutRow("first", "removed", nil),
		w.PutRow("second", "only", []byte("another")),
	)
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
	featured, err := w.ReferenceNamed(3, "print-5")
	if err != nil {
		return err
	}
	renamed := storetest.CollectionChange(hashindex.CollectionChanged, 3, "copyrighted")
	renamed.Collection.Policy.Partial = hashindex.PartialPolicy{MinCoverage: 0.25}
	for _, c := range []hashindex.Change{
		storetest.Later(hashindex.ReferenceChanged, changed),
		storetest.Later(hashindex.ReferenceRemoved, removed),
		storetest.CollectionChange(hashindex.CollectionRemoved, 2, "gone"),
		storetest.Later(hashindex.ReferenceRemoved, featured),
		renamed,
		storetest.Note("row", "changed", `{"from":"","to":"more"}`),
	} {
		if _, err := w.Append(c); err != nil {
			return err
		}
	}
	return errors.Join(w.PutRow("first", "changed", []byte("more")), w.RemoveRow("first", "removed"))
}
