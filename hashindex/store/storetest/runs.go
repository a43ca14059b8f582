package storetest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"iter"
	"slices"
	"testing"
	"unsafe"

	"touchstone/hashindex"
)

// pagesOf yields pages of these sizes in one and the same slice, as a caller may; each says of what run
// and which number it is.
func pagesOf(run int, sizes ...int) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		room := make([]byte, slices.Max(append(sizes, 0)))
		for n, size := range sizes {
			if !yield(fillPage(room[:size], run, n)) {
				return
			}
		}
	}
}

func fillPage(page []byte, run, n int) []byte {
	for i := 0; i+8 <= len(page); i += 8 {
		binary.LittleEndian.PutUint32(page[i:], uint32(run))
		binary.LittleEndian.PutUint32(page[i+4:], uint32(n<<16+i))
	}
	return page
}

func wantRun(t *testing.T, r hashindex.Run, after, upTo hashindex.Seq, run int, sizes ...int) {
	t.Helper()
	if r.After != after || r.UpTo != upTo || r.Pages != len(sizes) {
		t.Fatalf("run of %d pages, changes after %d up to %d; want %d, after %d up to %d", r.Pages, r.After, r.UpTo, len(sizes), after, upTo)
	}
	for n, size := range sizes {
		page, err := r.Page(n)
		if err != nil || !bytes.Equal(page, fillPage(make([]byte, size), run, n)) {
			t.Fatalf("page %d of run %d: %d bytes that are not those saved, error %v", n, run, len(page), err)
		}
		if len(page) > 0 && uintptr(unsafe.Pointer(&page[0]))%8 != 0 {
			t.Errorf("page %d of run %d lies at %p", n, run, &page[0])
		}
	}
}

func save(t *testing.T, s Store, name string, after, upTo hashindex.Seq, pages iter.Seq[[]byte]) {
	t.Helper()
	if err := s.SaveRun(name, after, upTo, pages); err != nil {
		t.Fatal(err)
	}
}

func runsFollow(t *testing.T, s Store) {
	large := []int{48, 64 << 10, 64 << 10, 8, 32 << 10, 200 << 10, 16}
	var many []int
	for range 300 {
		many = append(many, 64<<10) // more than one transaction takes
	}
	save(t, s, "other", 0, 7, pagesOf(9, 8))
	save(t, s, "tree", 0, 10, pagesOf(1, large...))
	save(t, s, "tree", 10, 10, pagesOf(2))
	save(t, s, "tree", 10, 15, pagesOf(3, 8, 16)) // in place of the empty one
	save(t, s, "tree", 15, 20, pagesOf(4, many...))
	wantError(t, "a gap", s.SaveRun("tree", 21, 30, pagesOf(5, 8)), hashindex.ErrInvalid)
	wantError(t, "an overlap", s.SaveRun("tree", 12, 30, pagesOf(5, 8)), hashindex.ErrInvalid)
	wantError(t, "a gap at the start", s.SaveRun("new", 1, 30, pagesOf(5, 8)), hashindex.ErrInvalid)
	var ids []uint64
	see := func(name string, check func([]hashindex.Run)) {
		t.Helper()
		wantError(t, "view", s.ViewRuns(name, func(runs []hashindex.Run) error {
			check(runs)
			for _, r := range runs {
				ids = append(ids, r.ID)
			}
			return nil
		}), nil)
	}
	see("tree", func(runs []hashindex.Run) {
		wantEqual(t, "runs", len(runs), 3)
		wantRun(t, runs[0], 0, 10, 1, large...)
		wantRun(t, runs[1], 10, 15, 3, 8, 16)
		wantRun(t, runs[2], 15, 20, 4, many...)
	})
	save(t, s, "tree", 10, 30, pagesOf(6, 24))
	before := len(ids)
	see("tree", func(runs []hashindex.Run) {
		wantEqual(t, "runs", len(runs), 2)
		wantRun(t, runs[0], 0, 10, 1, large...)
		wantRun(t, runs[1], 10, 30, 6, 24)
	})
	wantEqual(t, "the first run keeps its id", ids[before], ids[0])
	wantEqual(t, "the second has one of its own", slices.Contains(ids[:before], ids[before+1]), false)
	see("other", func(runs []hashindex.Run) {
		wantEqual(t, "runs", len(runs), 1)
		wantRun(t, runs[0], 0, 7, 9, 8)
	})
	see("none", func(runs []hashindex.Run) { wantEqual(t, "runs", len(runs), 0) })
	mine := fmt.Errorf("mine")
	wantError(t, "the reader's error", s.ViewRuns("tree", func([]hashindex.Run) error { return mine }), mine)
}

// viewedRunsNeverChange replaces runs twice while they are read.
func viewedRunsNeverChange(t *testing.T, s Store) {
	save(t, s, "tree", 0, 10, pagesOf(1, 64<<10, 64<<10))
	wantError(t, "view", s.ViewRuns("tree", func(runs []hashindex.Run) error {
		for i := range 3 {
			done := make(chan error)
			go func() { done <- s.SaveRun("tree", 0, hashindex.Seq(20+i), pagesOf(i+2, 64<<10, 64<<10, 64<<10)) }()
			if err := <-done; err != nil {
				return err
			}
			wantRun(t, runs[0], 0, 10, 1, 64<<10, 64<<10)
		}
		return nil
	}), nil)
}
