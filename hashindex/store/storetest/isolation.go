package storetest

import (
	"fmt"
	"sync"
	"testing"

	"touchstone/hashindex"
)

func viewNeverChanges(t *testing.T, s Store) {
	a := newCollection(t, s, "a")
	r := add(t, s, Addition(a, "x", 1))
	view(t, s, func(reader hashindex.Reader) error {
		for i := range 20 { // another goroutine commits, between any two looks
			commit(t, s, Addition(a, fmt.Sprint("y", i), 2))
			changed := r
			changed.Note = fmt.Sprint(i)
			commit(t, s, Later(hashindex.ReferenceChanged, changed))
			if i == 10 {
				commit(t, s, CollectionChange(hashindex.CollectionChanged, a, "renamed"))
			}
			head, _ := reader.Head()
			wantEqual(t, "head", head, 2)
			wantEqual(t, "references", ids(t, reader, a, 0), []hashindex.ReferenceID{r.ID})
			got, err := reader.Reference(r.ID)
			wantEqual(t, "reference", got, r)
			wantError(t, "reference", err, nil)
			n, err := reader.Count(a)
			wantEqual(t, "count", n, 1)
			wantError(t, "count", err, nil)
			_, err = reader.ReferenceNamed(a, "y0")
			wantError(t, "a later name", err, hashindex.ErrNotFound)
			_, err = reader.CollectionNamed("a")
			wantError(t, "the old name", err, nil)
		}
		return nil
	})
}

func viewNeverWaits(t *testing.T, s Store) {
	a := newCollection(t, s, "a")
	err := s.Update(func(w hashindex.Writer) error {
		if _, err := w.Append(Addition(a, "x", 1)); err != nil {
			return err
		}
		return s.View(func(r hashindex.Reader) error { // would never return if it waited
			wantEqual(t, "references", len(ids(t, r, a, 0)), 0)
			return nil
		})
	})
	wantError(t, "update", err, nil)
}

func updatesRunOneAtATime(t *testing.T, s Store) {
	a := newCollection(t, s, "a")
	var wait sync.WaitGroup
	for i := range 8 {
		wait.Go(func() {
			for k := range 5 {
				commit(t, s, Addition(a, fmt.Sprint(i, "-", k), uint64(i)))
				if err := s.View(func(r hashindex.Reader) error { _, err := r.Count(a); return err }); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()
	view(t, s, func(r hashindex.Reader) error {
		head, _ := r.Head()
		wantEqual(t, "head", head, 41)
		n, err := r.Count(a)
		wantEqual(t, "count", n, 40)
		return err
	})
}
