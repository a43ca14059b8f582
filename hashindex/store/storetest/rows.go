package storetest

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"touchstone/hashindex"
)

// Note is an entry of the history about a row.
func Note(topic, subject, body string) hashindex.Change {
	return hashindex.Change{
		Kind: hashindex.Noted, Time: Noon, Actor: "tester",
		Note: hashindex.Note{Topic: topic, Subject: subject, Body: []byte(body)},
	}
}

// put puts rows, each written as key=value.
func put(t testing.TB, s hashindex.Store, table string, rows ...string) {
	t.Helper()
	wantError(t, "put", s.Update(func(w hashindex.Writer) error { return putAll(w, table, rows...) }), nil)
}

func putAll(w hashindex.Writer, table string, rows ...string) error {
	for _, row := range rows {
		key, value, _ := strings.Cut(row, "=")
		if err := w.PutRow(table, key, []byte(value)); err != nil {
			return err
		}
	}
	return nil
}

// rowsOf lists rows as put takes them.
func rowsOf(t testing.TB, r hashindex.Reader, table, from string) []string {
	t.Helper()
	all := []string{}
	for row, err := range r.Rows(table, from) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, row.Key+"="+string(row.Value))
	}
	return all
}

func rowsInOrder(t *testing.T, s Store) {
	put(t, s, "b", "z=other table")
	put(t, s, "a", "m=1", "c=2", "x\x00y=3", "x=4", "\xff=5", "x\x00=6")
	view(t, s, func(r hashindex.Reader) error {
		all := []string{"c=2", "m=1", "x=4", "x\x00=6", "x\x00y=3", "\xff=5"}
		wantEqual(t, "all", rowsOf(t, r, "a", ""), all)
		wantEqual(t, "from a key", rowsOf(t, r, "a", "m"), all[1:])
		wantEqual(t, "from between", rowsOf(t, r, "a", "x\x00a"), all[4:])
		wantEqual(t, "from beyond", rowsOf(t, r, "a", "\xff\xff"), []string{})
		wantEqual(t, "no table", rowsOf(t, r, "none", ""), []string{})
		for row := range r.Rows("a", "n") {
			wantEqual(t, "the first only", row.Key, "x")
			break
		}
		return nil
	})
	var many []string
	for i := range 1000 { // of more than is read at a time
		many = append(many, fmt.Sprintf("%04d=%s", i, strings.Repeat("v", i*5)))
	}
	put(t, s, "many", many...)
	view(t, s, func(r hashindex.Reader) error {
		wantEqual(t, "many", rowsOf(t, r, "many", ""), many)
		return nil
	})
}

func rowIsReplaced(t *testing.T, s Store) {
	see := func(want ...string) {
		t.Helper()
		view(t, s, func(r hashindex.Reader) error {
			wantEqual(t, "rows", rowsOf(t, r, "t", ""), want)
			for _, row := range want {
				key, value, _ := strings.Cut(row, "=")
				got, err := r.Row("t", key)
				wantEqual(t, key, []any{string(got), err}, []any{value, nil})
			}
			_, err := r.Row("t", "never")
			wantError(t, "no such key", err, hashindex.ErrNotFound)
			_, err = r.Row("u", "a")
			wantError(t, "no such table", err, hashindex.ErrNotFound)
			return nil
		})
	}
	large := bytes.Repeat([]byte("large"), 200_000)
	put(t, s, "t", "a=1", "b=", "c=3")
	see("a=1", "b=", "c=3")
	put(t, s, "t", "a=", "b=2", "c="+string(large))
	see("a=", "b=2", "c="+string(large))
	remove := func(keys ...string) {
		t.Helper()
		wantError(t, "remove", s.Update(func(w hashindex.Writer) error {
			for _, key := range keys {
				if err := w.RemoveRow("t", key); err != nil {
					return err
				}
			}
			return nil
		}), nil)
	}
	remove("a", "never", "c")
	see("b=2")
	remove("b", "b")
	see()
	put(t, s, "t", "b=again")
	see("b=again")
}

func rowsAreAtomic(t *testing.T, s Store) {
	a := newCollection(t, s, "a")
	put(t, s, "t", "k=old", "gone=1")
	before := everything(t, s)
	write := func(w hashindex.Writer) {
		for _, c := range []hashindex.Change{Addition(a, "x", 1), Note("right", "7", `{"to":1}`)} {
			if _, err := w.Append(c); err != nil {
				t.Fatal(err)
			}
		}
		wantError(t, "put", putAll(w, "t", "k=new", "l=1"), nil)
		wantError(t, "put", putAll(w, "u", "first=1"), nil)
		wantError(t, "remove", w.RemoveRow("t", "gone"), nil)
		wantEqual(t, "in its own transaction", rowsOf(t, w, "t", ""), []string{"k=new", "l=1"})
	}
	err := s.Update(func(w hashindex.Writer) error { write(w); return errOnPurpose })
	wantError(t, "update", err, errOnPurpose)
	wantEqual(t, "after a failure", everything(t, s), before)
	view(t, s, func(r hashindex.Reader) error {
		wantEqual(t, "u", rowsOf(t, r, "u", ""), []string{})
		return nil
	})

	wantError(t, "update", s.Update(func(w hashindex.Writer) error { write(w); return nil }), nil)
	view(t, s, func(r hashindex.Reader) error {
		wantEqual(t, "t", rowsOf(t, r, "t", ""), []string{"k=new", "l=1"})
		wantEqual(t, "u", rowsOf(t, r, "u", ""), []string{"first=1"})
		head, digest := r.Head()
		wantEqual(t, "head", head, 3)
		for c, err := range r.Changes(2) {
			want := Note("right", "7", `{"to":1}`)
			want.Seq, want.Prev, want.Digest = 3, c.Prev, digest
			wantEqual(t, "noted", c, want)
			wantError(t, "noted", err, nil)
		}
		_, err := r.Reference(3)
		wantError(t, "a note is no reference", err, hashindex.ErrNotFound)
		return nil
	})
}

func rowsChangedWhileListed(t *testing.T, s Store) {
	var all []string
	for i := range 600 {
		all = append(all, fmt.Sprintf("%03d=%d", i, i))
	}
	put(t, s, "t", all...)
	err := s.Update(func(w hashindex.Writer) error {
		n := 0
		for row, err := range w.Rows("t", "") {
			if err != nil {
				return err
			}
			n++
			if err := w.RemoveRow("t", row.Key); err != nil {
				return err
			}
			if err := w.PutRow("u", row.Key, row.Value); err != nil {
				return err
			}
		}
		wantEqual(t, "listed", n, len(all))
		return nil
	})
	wantError(t, "update", err, nil)
	view(t, s, func(r hashindex.Reader) error {
		wantEqual(t, "t", rowsOf(t, r, "t", ""), []string{})
		wantEqual(t, "u", rowsOf(t, r, "u", ""), all)
		return nil
	})
}

func viewedRowsNeverChange(t *testing.T, s Store) {
	put(t, s, "t", "a=1", "b=2")
	view(t, s, func(r hashindex.Reader) error {
		for i := range 10 {
			put(t, s, "t", fmt.Sprint("a=", i), fmt.Sprint("c", i, "=3"))
			wantEqual(t, "rows", rowsOf(t, r, "t", ""), []string{"a=1", "b=2"})
			got, err := r.Row("t", "a")
			wantEqual(t, "row", []any{string(got), err}, []any{"1", nil})
			got[0] = 'x' // it belongs to the caller
		}
		return nil
	})
	value := []byte("mine")
	wantError(t, "update", s.Update(func(w hashindex.Writer) error {
		err := w.PutRow("t", "a", value)
		copy(value, "yours")
		return err
	}), nil)
	view(t, s, func(r hashindex.Reader) error {
		got, err := r.Row("t", "a")
		wantEqual(t, "row", []any{string(got), err}, []any{"mine", nil})
		return nil
	})
}

func rowLimits(t *testing.T, s Store) {
	text := func(n int) string { return strings.Repeat("x", n) }
	wantError(t, "update", s.Update(func(w hashindex.Writer) error {
		wantError(t, "the most", w.PutRow(text(hashindex.MaxTable), text(hashindex.MaxRowKey), nil), nil)
		wantError(t, "no table", w.PutRow("", "k", nil), hashindex.ErrInvalid)
		wantError(t, "no key", w.PutRow("t", "", nil), hashindex.ErrInvalid)
		wantError(t, "table", w.PutRow(text(hashindex.MaxTable+1), "k", nil), hashindex.ErrInvalid)
		wantError(t, "key", w.PutRow("t", text(hashindex.MaxRowKey+1), nil), hashindex.ErrInvalid)
		wantError(t, "value", w.PutRow("t", "k", make([]byte, hashindex.MaxRowValue+1)), hashindex.ErrInvalid)
		wantError(t, "removing no table", w.RemoveRow("", ""), nil)
		_, err := w.Row("", "")
		wantError(t, "reading no table", err, hashindex.ErrNotFound)
		return nil
	}), nil)
	view(t, s, func(r hashindex.Reader) error {
		wantEqual(t, "refused", rowsOf(t, r, "t", ""), []string{})
		return nil
	})
}

func noteLimits(t *testing.T, s Store) {
	text := func(n int) string { return strings.Repeat("x", n) }
	quoted := func(n int) string { return `"` + text(n-2) + `"` }
	commit(t, s, Note(text(hashindex.MaxNoteTopic), text(hashindex.MaxNoteSubject), quoted(hashindex.MaxNoteBody)))
	for _, refused := range []hashindex.Change{
		Note("", "1", "{}"), Note("t", "1", ""), Note("t", "1", "{"), Note(text(hashindex.MaxNoteTopic+1), "1", "{}"),
		Note("t", text(hashindex.MaxNoteSubject+1), "{}"), Note("t", "1", quoted(hashindex.MaxNoteBody+1)),
	} {
		_, err := tryCommit(s, refused)
		wantError(t, fmt.Sprintf("%.80v", refused.Note), err, hashindex.ErrInvalid)
	}
}
