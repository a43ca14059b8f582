package hashindex_test

import (
	"errors"
	"testing"

	"touchstone/hashindex"
	"touchstone/hashindex/store/bolt"
)

func TestRowsOfJSONAreReadAsTheyWereSavedOrAreDamaged(t *testing.T) {
	store, err := bolt.Open(t.TempDir(), bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	index := openOn(t, store, recipe)
	type thing struct {
		Name string `json:"name"`
	}
	var first, second uint64
	_, err = index.Transact(t.Context(), "", func(w hashindex.Writer) (err error) {
		if first, err = hashindex.NextNumber(w, "counters", "thing"); err != nil {
			return err
		}
		if second, err = hashindex.NextNumber(w, "counters", "thing"); err != nil {
			return err
		}
		if err := hashindex.SaveRow(w, "things", "a", thing{"one"}); err != nil {
			return err
		}
		return w.PutRow("things", "b", []byte(`{"name":1}`))
	})
	if err != nil || first != 1 || second != 2 {
		t.Fatalf("numbers %d and %d, %v; want 1 and 2", first, second, err)
	}
	err = index.View(t.Context(), func(r hashindex.Reader) error {
		if got, err := hashindex.LoadRow[thing](r, "things", "a"); err != nil || got.Name != "one" {
			t.Errorf("loaded %+v, %v", got, err)
		}
		if _, err := hashindex.LoadRow[thing](r, "things", "b"); !errors.Is(err, hashindex.ErrDamaged) {
			t.Errorf("another type's JSON: %v, want ErrDamaged", err)
		}
		if _, err := hashindex.LoadRow[thing](r, "things", "c"); !errors.Is(err, hashindex.ErrNotFound) {
			t.Errorf("no row: %v, want ErrNotFound", err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
