package hashindex_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"touchstone/hashindex"
	"touchstone/hashindex/store/bolt"
)

var errRefused = errors.New("refused by the plan")

// TestPlanThatFailsUndoesOnlyItsOwnWrites: plans that share a commit, of which every other one writes rows and
// notes before it refuses.
func TestPlanThatFailsUndoesOnlyItsOwnWrites(t *testing.T) {
	store, err := bolt.Open(t.TempDir(), bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	f := openOn(t, store, recipe)
	f.collection("brand", hashindex.Brand)
	r := seeded(t)
	const writers = 20
	var all sync.WaitGroup
	for i := range writers {
		key := fmt.Sprint("row-", i)
		write := func(w hashindex.Writer) error {
			if _, err := w.Append(noted(key)); err != nil {
				return err
			}
			return w.PutRow("t", key, []byte("value"))
		}
		news := []hashindex.NewReference{{ExternalID: key, Picture: picture(r)}}
		all.Go(func() {
			_, err := f.Transact(t.Context(), "", func(w hashindex.Writer) error { return errors.Join(write(w), errRefused) })
			if !errors.Is(err, errRefused) {
				t.Errorf("a plan that refuses: %v", err)
			}
		})
		all.Go(func() {
			_, _, err := f.AddReferences(t.Context(), "", "brand", news, func(w hashindex.Writer, _ []hashindex.Change) error {
				return errors.Join(write(w), errRefused)
			})
			if !errors.Is(err, errRefused) {
				t.Errorf("an addition whose rest refuses: %v", err)
			}
		})
		all.Go(func() {
			if _, err := f.Transact(t.Context(), "", write); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	rows := 0
	err = f.View(t.Context(), func(r hashindex.Reader) error {
		for _, err := range r.Rows("t", "") {
			if err != nil {
				return err
			}
			rows++
		}
		return nil
	})
	info, countErr := f.Collection("brand")
	if rows != writers || info.References != 0 || f.Seq() != 1+writers || errors.Join(err, countErr) != nil {
		t.Errorf("%d rows, %d references, seq %d, %v %v; want %d, none, %d", rows, info.References, f.Seq(), err, countErr, writers, 1+writers)
	}
}

func noted(subject string) hashindex.Change {
	return hashindex.Change{Kind: hashindex.Noted, Note: hashindex.Note{Topic: "row", Subject: subject, Body: []byte(`{"to":"value"}`)}}
}

// TestAlsoIsWrittenWithItsChanges: of every kind of write, with what was appended and the last Seq.
func TestAlsoIsWrittenWithItsChanges(t *testing.T) {
	f := open(t)
	ctx, p := t.Context(), picture(seeded(t))
	also := func(want int, kind hashindex.ChangeKind) hashindex.Also {
		return func(w hashindex.Writer, appended []hashindex.Change) error {
			if len(appended) != want || want > 0 && (appended[0].Kind != kind || appended[0].Actor != "me") {
				t.Errorf("%v: appended %+v", kind, appended)
			}
			c, err := w.Append(noted(kind.String()))
			if c.Actor != "me" || !c.Time.Equal(f.clock) {
				t.Errorf("the note is by %q at %v", c.Actor, c.Time)
			}
			return errors.Join(err, w.PutRow("also", kind.String(), nil))
		}
	}
	wantSeq := func(got, want hashindex.Seq, err error) {
		t.Helper()
		if got != want || err != nil || f.Seq() != want {
			t.Errorf("seq %d, index at %d, %v; want %d", got, f.Seq(), err, want)
		}
	}
	c := hashindex.Collection{Name: "brand", Purpose: hashindex.Brand, Policy: hashindex.DefaultPolicy()}
	_, seq, err := f.CreateCollection(ctx, "me", c, also(1, hashindex.CollectionCreated))
	wantSeq(seq, 2, err)
	_, seq, err = f.ChangeCollection(ctx, "me", "brand", func(c *hashindex.Collection) { c.Policy.Radius = 20 }, also(1, hashindex.CollectionChanged))
	wantSeq(seq, 4, err)
	added, seq, err := f.AddReferences(ctx, "me", "brand", []hashindex.NewReference{{Picture: p}, {Picture: p}}, also(2, hashindex.ReferenceAdded))
	wantSeq(seq, 7, err)
	if len(added) != 2 || added[1].ID != 6 {
		t.Fatalf("added %+v", added)
	}
	_, seq, err = f.ChangeReference(ctx, "me", added[0].ID, hashindex.ReferencePatch{}, also(1, hashindex.ReferenceChanged))
	wantSeq(seq, 9, err)
	for i, reference := range added {
		seq, err = f.RemoveReference(ctx, "me", reference.ID, also(1, hashindex.ReferenceRemoved))
		wantSeq(seq, hashindex.Seq(11+2*i), err)
	}
	seq, err = f.RemoveCollection(ctx, "me", "brand", also(1, hashindex.CollectionRemoved))
	wantSeq(seq, 15, err)
	seq, err = f.Transact(ctx, "me", func(w hashindex.Writer) error { return w.RemoveRow("also", "reference_added") })
	wantSeq(seq, 15, err)
	var rows []string
	err = f.View(ctx, func(r hashindex.Reader) error {
		for row, err := range r.Rows("also", "") {
			if err != nil {
				return err
			}
			rows = append(rows, row.Key)
		}
		return nil
	})
	want := "[collection_changed collection_created collection_removed reference_changed reference_removed]"
	if fmt.Sprint(rows) != want || err != nil {
		t.Errorf("rows %v, %v, want %s", rows, err, want)
	}
}

func TestViewAndTransactHeedTheirContext(t *testing.T) {
	f := open(t)
	stopped, stop := context.WithCancel(t.Context())
	stop()
	never := func() error { t.Error("it ran"); return nil }
	err := f.View(stopped, func(hashindex.Reader) error { return never() })
	_, err2 := f.Transact(stopped, "", func(hashindex.Writer) error { return never() })
	if !errors.Is(err, context.Canceled) || !errors.Is(err2, context.Canceled) {
		t.Errorf("%v, %v", err, err2)
	}
}
