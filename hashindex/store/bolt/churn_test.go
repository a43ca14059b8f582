package bolt_test

import (
	"fmt"
	"testing"

	"touchstone/hashindex"
	"touchstone/hashindex/store/bolt"
	"touchstone/hashindex/store/storetest"
)

// An external id that comes and goes must neither be lost in a merge nor fill the file.
func TestNameThatComesAndGoesLeavesFewHints(t *testing.T) {
	s := openBolt(t, t.TempDir())
	defer s.Close()
	c := createCollection(t, s)
	appendAll(t, s, []hashindex.Change{storetest.Addition(c, "stays", 1)})
	for range 300 {
		err := s.Update(func(w hashindex.Writer) error {
			added, err := w.Append(storetest.Addition(c, "comes and goes", 1))
			if err != nil {
				return err
			}
			_, err = w.Append(storetest.Later(hashindex.ReferenceRemoved, added.Reference))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if n := bolt.HintCount(t, s); n > 20 {
		t.Errorf("%d hints for two names", n)
	}
	if _, err := named(s, c, "stays"); err != nil {
		t.Error(err)
	}
	storetest.Clean(t, s)
}

func TestManySmallCommitsMakeFewRuns(t *testing.T) {
	s := openBolt(t, t.TempDir())
	defer s.Close()
	c := createCollection(t, s)
	for i := range 500 {
		appendAll(t, s, []hashindex.Change{storetest.Addition(c, fmt.Sprint("x", i), 1)})
	}
	if n := bolt.RunCount(t, s); n > 10 {
		t.Errorf("%d runs, want about the logarithm of 500", n)
	}
	for i := range 500 {
		name := fmt.Sprint("x", i)
		if r, err := named(s, c, name); err != nil || r.ExternalID != name {
			t.Fatalf("%s: %v, %v", name, r, err)
		}
	}
	storetest.Clean(t, s)
}

func named(s *bolt.Store, c hashindex.CollectionID, name string) (found hashindex.Reference, err error) {
	err = s.View(func(r hashindex.Reader) error {
		found, err = r.ReferenceNamed(c, name)
		return err
	})
	return found, err
}
