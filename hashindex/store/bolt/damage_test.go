package bolt_test

import (
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"touchstone/hashindex"
	"touchstone/hashindex/store/bolt"
	"touchstone/hashindex/store/storetest"
)

// TestDamageIsDetectedOrHarmless flips bits all over a small file. Each flip must make Open, Check
// or a read say so, or change nothing that can be read; and nothing may panic, fault or hang.
// TOUCHSTONE_LONG=1 flips one bit of every byte.
func TestDamageIsDetectedOrHarmless(t *testing.T) {
	whole := smallFile(t)
	want := contents(t, folderWith(t, whole))
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 0))
	step := 160
	if os.Getenv("TOUCHSTONE_LONG") != "" {
		step = 1
	}
	verdicts := map[string]int{}
	for at := 0; at < len(whole); at += 1 + random.IntN(2*step-1) {
		flipped := append([]byte(nil), whole...)
		flipped[at] ^= 1 << random.IntN(8)
		verdict := examine(t, flipped, want)
		verdicts[verdict]++
		if verdict == "unseen" {
			t.Errorf("seed %d: byte %d from %#x to %#x was not seen", seed, at, whole[at], flipped[at])
		}
	}
	t.Log(verdicts)
}

func examine(t *testing.T, file []byte, want string) string {
	t.Helper()
	folder, err := os.MkdirTemp(t.TempDir(), "flipped")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(folder)
	if err := os.WriteFile(filepath.Join(folder, "touchstone.db"), file, 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := bolt.Open(folder, bolt.Options{ReadOnly: true, MapBytes: 1 << 20})
	if err != nil {
		return refusal(t, err)
	}
	defer s.Close()
	findings := 0
	if err := s.Check(t.Context(), func(hashindex.Finding) { findings++ }); err != nil {
		return refusal(t, err)
	}
	if findings > 0 {
		return "found"
	}
	got, err := everything(s)
	if err != nil {
		return refusal(t, err)
	}
	if got != want {
		return "unseen"
	}
	return "harmless"
}

func refusal(t *testing.T, err error) string {
	t.Helper()
	if !errors.Is(err, hashindex.ErrDamaged) && !errors.Is(err, hashindex.ErrNotOurs) {
		t.Errorf("refused for another reason: %v", err)
	}
	return "refused"
}

// TestCircleOfPagesIsFound makes a branch page its own child: bbolt would go round for ever.
func TestCircleOfPagesIsFound(t *testing.T) {
	whole := smallFile(t)
	const branch = 0x01
	circles := 0
	for page := 2; page < len(whole)/4096; page++ {
		if whole[page*4096+8] != branch {
			continue
		}
		circle := append([]byte(nil), whole...)
		circle[page*4096+16+8] = byte(page) // the first element's page
		if verdict := examine(t, circle, ""); verdict == "found" {
			circles++
		}
	}
	if circles == 0 {
		t.Error("no circle was made and found")
	}
}

// smallFile is a store with branch pages, several collections, changed and removed references, runs
// of hints and snapshots, compacted so that few pages are free.
func smallFile(t testing.TB) []byte {
	t.Helper()
	folder := t.TempDir()
	s := openBolt(t, folder)
	fill(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return compacted(t, filepath.Join(folder, "touchstone.db"))
}

func fill(t testing.TB, s *bolt.Store) {
	t.Helper()
	c := createCollection(t, s)
	for round := range 4 {
		err := s.Update(func(w hashindex.Writer) error { return fillRound(w, c, round) })
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"first", "second"} {
		if err := s.SaveSnapshot(name, 3, []byte("the state of the searcher "+name)); err != nil {
			t.Fatal(err)
		}
		for after := range hashindex.Seq(2) {
			if err := s.SaveRun(name, after, after+1, somePages(after)); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// somePages are three: one of them small, one of more than a page of the file, one empty.
func somePages(seed hashindex.Seq) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for n, size := range []int{48, 6000, 0} {
			page := make([]byte, size)
			for i := range page {
				page[i] = byte(int(seed)*31 + n*7 + i/3)
			}
			if !yield(page) {
				return
			}
		}
	}
}

func fillRound(w hashindex.Writer, c hashindex.CollectionID, round int) error {
	if err := fillRows(w, round); err != nil {
		return err
	}
	for i := range 40 {
		addition := storetest.Addition(c, fmt.Sprintf("item-%d-%d", round, i), uint64(i))
		if i%6 == 0 { // and with them of some that are removed
			addition = storetest.Featured(addition, strings.Repeat(addition.Reference.ExternalID, 20))
		}
		added, err := w.Append(addition)
		if err != nil {
			return err
		}
		if i%5 == 0 {
			_, err = w.Append(storetest.Later(hashindex.ReferenceChanged, added.Reference))
		} else if i%7 == 0 {
			_, err = w.Append(storetest.Later(hashindex.ReferenceRemoved, added.Reference))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// fillRows writes rows of two tables, one of which fits in its parent's page, and a note.
func fillRows(w hashindex.Writer, round int) error {
	for i := range 40 {
		if err := w.PutRow("first", fmt.Sprintf("%d-%d", i, round/2), []byte(strings.Repeat("row", i*round))); err != nil {
			return err
		}
	}
	if err := w.PutRow("second", "only", fmt.Append(nil, "in round ", round)); err != nil {
		return err
	}
	_, err := w.Append(storetest.Note("round", fmt.Sprint(round), `{"to":{"rows":40}}`))
	return err
}

// compacted is the file's content without free pages and without the slack at its end.
func compacted(t testing.TB, path string) []byte {
	t.Helper()
	from, err := bbolt.Open(path, 0o600, &bbolt.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	small := filepath.Join(t.TempDir(), "small.db")
	to, err := bbolt.Open(small, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(bbolt.Compact(to, from, 0), to.Close()); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(small)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func contents(t testing.TB, folder string) string {
	t.Helper()
	s := openBolt(t, folder)
	defer s.Close()
	storetest.Clean(t, s)
	all, err := everything(s)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// everything is all that can be read from a store, as text.
func everything(s *bolt.Store) (string, error) {
	var all strings.Builder
	note := func(values ...any) { fmt.Fprintln(&all, values...) }
	for _, name := range []string{"first", "second"} {
		seq, state, err := s.LoadSnapshot(name)
		if err != nil && !errors.Is(err, hashindex.ErrNotFound) {
			return "", err
		}
		note(seq, string(state))
		if err := s.ViewRuns(name, func(runs []hashindex.Run) error { return notePages(runs, note) }); err != nil {
			return "", err
		}
	}
	err := s.View(func(r hashindex.Reader) error {
		note(r.Head())
		collections, err := r.Collections()
		if err != nil {
			return err
		}
		for _, c := range collections {
			n, err := r.Count(c.ID)
			if err != nil {
				return err
			}
			note(c, n)
			for found, err := range r.References(c.ID, 0) {
				if err != nil {
					return err
				}
				named, err := r.ReferenceNamed(c.ID, found.ExternalID)
				if err != nil {
					return err
				}
				note(found, named.ID)
				for n, frame := range found.Frames {
					if frame.Features.IsZero() {
						continue
					}
					encoded, err := r.Features(hashindex.FrameOf(found.ID, n))
					if err != nil {
						return err
					}
					note(string(encoded))
				}
			}
		}
		for change, err := range r.Changes(0) {
			if err != nil {
				return err
			}
			note(change)
		}
		for _, table := range []string{"first", "second"} {
			for row, err := range r.Rows(table, "") {
				if err != nil {
					return err
				}
				note(table, row.Key, hashindex.DigestOf(row.Value))
			}
		}
		return nil
	})
	return all.String(), err
}

func notePages(runs []hashindex.Run, note func(...any)) error {
	for _, run := range runs {
		note("run", run.ID, run.After, run.UpTo)
		for n := range run.Pages {
			page, err := run.Page(n)
			if err != nil {
				return err
			}
			note(len(page), hashindex.DigestOf(page))
		}
	}
	return nil
}
