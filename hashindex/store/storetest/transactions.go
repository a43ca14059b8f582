package storetest

import (
	"errors"
	"fmt"
	"testing"

	"touchstone/hashindex"
)

var errOnPurpose = errors.New("on purpose")

func refusedChange(t *testing.T, s Store) {
	a := newCollection(t, s, "a")
	err := s.Update(func(w hashindex.Writer) error {
		if _, err := w.Append(Addition(a, "x", 1)); err != nil {
			return err
		}
		before, digest := w.Head()
		bad := Addition(a, "y", 2)
		bad.Reference.Width = -1
		for _, refused := range []hashindex.Change{
			Addition(a, "x", 2), Addition(9, "y", 2), bad, {},
			CollectionChange(hashindex.CollectionRemoved, a, "a"),
		} {
			if _, err := w.Append(refused); err == nil {
				t.Errorf("%v of %q was not refused", refused.Kind, refused.Reference.ExternalID)
			}
		}
		after, same := w.Head()
		wantEqual(t, "head", after, before)
		wantEqual(t, "digest", same, digest)
		_, err := w.Append(Addition(a, "y", 2))
		return err
	})
	wantError(t, "update", err, nil)
	view(t, s, func(r hashindex.Reader) error {
		wantEqual(t, "references", len(ids(t, r, a, 0)), 2)
		return nil
	})
}

func changesFormAChain(t *testing.T, s Store) {
	a := newCollection(t, s, "a")
	var want []hashindex.Change
	for i := range 5 {
		r := Addition(a, fmt.Sprint(i), uint64(i))
		r.Actor = fmt.Sprint("key", i)
		want = append(want, commit(t, s, r, CollectionChange(hashindex.CollectionChanged, a, fmt.Sprint("name", i)))...)
	}
	view(t, s, func(r hashindex.Reader) error {
		var prev hashindex.Digest
		seq := hashindex.Seq(0)
		var got []hashindex.Change
		for c, err := range r.Changes(0) {
			if err != nil {
				return err
			}
			seq++
			wantEqual(t, "seq", c.Seq, seq)
			wantEqual(t, "prev", c.Prev, prev)
			prev = c.Digest
			if seq > 1 {
				got = append(got, c)
			}
		}
		wantEqual(t, "changes", got, want)
		head, digest := r.Head()
		wantEqual(t, "head", head, seq)
		wantEqual(t, "digest", digest, prev)
		for c, err := range r.Changes(4) {
			wantEqual(t, "first after 4", c.Seq, 5)
			return err
		}
		return errors.New("no change after 4")
	})
}

func listIsAppended(t *testing.T, s Store) {
	a := newCollection(t, s, "a")
	list := func(names ...string) (changes []hashindex.Change) {
		for i, name := range names {
			changes = append(changes, Addition(a, name, uint64(i)))
		}
		return changes
	}
	var many []string
	for i := range 200 { // enough to be looked for together
		many = append(many, fmt.Sprint("name ", i))
	}
	appendAll := func(w hashindex.Writer, want error, added int, names ...string) {
		t.Helper()
		before, _ := w.Head()
		changes := list(names...)
		wantError(t, fmt.Sprintf("%d names from %q on", len(names), names[0]), w.AppendAll(changes), want)
		after, digest := w.Head()
		wantEqual(t, "added", int(after-before), added)
		if want == nil {
			last := changes[len(changes)-1]
			wantEqual(t, "last", last.Reference.ID, hashindex.ReferenceID(after))
			wantEqual(t, "digest", last.Digest, digest)
		}
	}
	err := s.Update(func(w hashindex.Writer) error {
		appendAll(w, nil, 203, append([]string{"", "x", ""}, many...)...)
		appendAll(w, hashindex.ErrExists, 1, "u", "x", "never")
		appendAll(w, hashindex.ErrExists, 2, "v", "", "v")
		return nil
	})
	wantError(t, "update", err, nil)
	err = s.Update(func(w hashindex.Writer) error {
		for _, taken := range []string{"u", "v", "x", many[0], many[199]} {
			appendAll(w, hashindex.ErrExists, 0, taken)
		}
		appendAll(w, hashindex.ErrExists, 2, "w", "y", many[77], "never")
		appendAll(w, nil, 1, "never")
		return nil
	})
	wantError(t, "update", err, nil)
	view(t, s, func(r hashindex.Reader) error {
		wantEqual(t, "references", len(ids(t, r, a, 0)), 209)
		return nil
	})
}

func failedUpdate(t *testing.T, s Store) {
	leavesNothing(t, s, func(write func(hashindex.Writer)) {
		err := s.Update(func(w hashindex.Writer) error { write(w); return errOnPurpose })
		wantError(t, "update", err, errOnPurpose)
	})
}

func panickingUpdate(t *testing.T, s Store) {
	leavesNothing(t, s, func(write func(hashindex.Writer)) {
		defer func() { wantEqual(t, "panic", recover(), errOnPurpose) }()
		s.Update(func(w hashindex.Writer) error { write(w); panic(errOnPurpose) })
	})
}

func leavesNothing(t *testing.T, s Store, fail func(write func(hashindex.Writer))) {
	a := newCollection(t, s, "a")
	r := add(t, s, Addition(a, "x", 1))
	put(t, s, "t", "k=old")
	before := everything(t, s)
	for range 2 {
		fail(func(w hashindex.Writer) {
			changed := r
			changed.Note = "new"
			for _, c := range []hashindex.Change{
				CollectionChange(hashindex.CollectionCreated, 0, "b"),
				CollectionChange(hashindex.CollectionChanged, a, "c"),
				Addition(a, "y", 2), Later(hashindex.ReferenceChanged, changed), Later(hashindex.ReferenceRemoved, changed),
				Note("t", "k", "{}"),
			} {
				if _, err := w.Append(c); err != nil {
					t.Fatal(err)
				}
			}
			wantError(t, "put", putAll(w, "t", "k=new", "l=new"), nil)
		})
		wantEqual(t, "store", everything(t, s), before)
	}
	wantEqual(t, "next collection", newCollection(t, s, "b"), 2)
	wantEqual(t, "next reference", add(t, s, Addition(a, "y", 2)).ID, 4)
}

// everything is all that a Reader tells of a store.
func everything(t testing.TB, s Store) (all []any) {
	t.Helper()
	view(t, s, func(r hashindex.Reader) error {
		head, digest := r.Head()
		all = append(all, head, digest)
		collections, err := r.Collections()
		for _, c := range collections {
			n, _ := r.Count(c.ID)
			all = append(all, c, n)
			for found, err := range r.References(c.ID, 0) {
				all = append(all, found, err)
			}
		}
		for c, err := range r.Changes(0) {
			all = append(all, c, err)
		}
		all = append(all, rowsOf(t, r, "t", ""))
		return err
	})
	return all
}

func writerSeesItsAdditions(t *testing.T, s Store) {
	a := newCollection(t, s, "a")
	old := add(t, s, Addition(a, "old", 1))
	err := s.Update(func(w hashindex.Writer) error {
		c, err := w.Append(Addition(a, "x", 2))
		wantError(t, "append", err, nil)
		got, err := w.ReferenceNamed(a, "x")
		wantEqual(t, "by name", got, c.Reference)
		wantError(t, "by name", err, nil)
		_, err = w.Append(Later(hashindex.ReferenceRemoved, old))
		wantError(t, "remove", err, nil)
		_, err = w.ReferenceNamed(a, "old")
		wantError(t, "the removed one", err, hashindex.ErrNotFound)
		again, err := w.Append(Addition(a, "old", 3))
		wantError(t, "its name again", err, nil)
		n, err := w.Count(a)
		wantEqual(t, "count", n, 2)
		wantError(t, "count", err, nil)
		wantEqual(t, "references", ids(t, w, a, 0), []hashindex.ReferenceID{c.Reference.ID, again.Reference.ID})
		head, digest := w.Head()
		wantEqual(t, "head", []any{head, digest}, []any{again.Seq, again.Digest})
		b, err := w.Append(CollectionChange(hashindex.CollectionCreated, 0, "b"))
		wantError(t, "create", err, nil)
		found, err := w.CollectionNamed("b")
		wantEqual(t, "collection", found, b.Collection)
		wantError(t, "collection", err, nil)
		_, err = w.Append(CollectionChange(hashindex.CollectionRemoved, b.Collection.ID, "b"))
		wantError(t, "remove collection", err, nil)
		return nil
	})
	wantError(t, "update", err, nil)
}

func returnedBelongsToCaller(t *testing.T, s Store) {
	a := newCollection(t, s, "a")
	addition := Addition(a, "x", 1)
	addition.Reference.Meta = map[string]string{"k": "v"}
	stored := add(t, s, addition)
	want := fmt.Sprintf("%+v", stored)
	scribble := func(r hashindex.Reference) {
		r.Meta["k"] = "scribbled"
		r.Frames[0].Quality = 3
	}
	scribble(addition.Reference)
	var first hashindex.Reference
	for range 2 {
		view(t, s, func(r hashindex.Reader) (err error) {
			first, err = r.Reference(stored.ID)
			return err
		})
		wantEqual(t, "reference", fmt.Sprintf("%+v", first), want)
		scribble(first)
	}
}

func closedStoreSaysSo(t *testing.T, s Store) {
	a := newCollection(t, s, "a")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	wantError(t, "view", s.View(func(hashindex.Reader) error { return nil }), hashindex.ErrClosed)
	_, err := tryCommit(s, Addition(a, "x", 1))
	wantError(t, "update", err, hashindex.ErrClosed)
	wantError(t, "closing again", s.Close(), nil)
}
