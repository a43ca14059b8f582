package hashindex_test

import (
	"errors"
	"testing"
	"testing/synctest"

	"touchstone/hashindex"
	"touchstone/hashindex/store/memory"
)

// slowCommit is a store whose commits are there some time before its Update returns, as a disk's are.
type slowCommit struct {
	*memory.Store
	gate chan error // nil: Updates return at once
}

func (s *slowCommit) Update(write func(hashindex.Writer) error) error {
	if err := s.Store.Update(write); err != nil || s.gate == nil {
		return err
	}
	return <-s.gate
}

// TestWhoWasShownAChangeIsAnsweredByIt reads what is in the store and not yet in the searchers: the read returns
// no sooner than a search finds it (I1). The reference has the id 2: a collection came before.
func TestWhoWasShownAChangeIsAnsweredByIt(t *testing.T) {
	for name, read := range map[string]func(*fixture) bool{
		"Reference":      func(f *fixture) bool { _, _, err := f.Reference(2); return err == nil },
		"ReferenceNamed": func(f *fixture) bool { _, err := f.ReferenceNamed("brand", "x"); return err == nil },
		"References":     func(f *fixture) bool { all, _ := f.References(t.Context(), "brand", 0, 9); return len(all) > 0 },
		"Collection":     func(f *fixture) bool { c, _ := f.Collection("brand"); return c.References > 0 },
		"Collections":    func(f *fixture) bool { all, _ := f.Collections(); return all[0].References > 0 },
		"Changes":        func(f *fixture) bool { all, _ := f.Changes(t.Context(), 1, 9); return len(all) > 0 },
		"View": func(f *fixture) (shown bool) {
			f.View(t.Context(), func(r hashindex.Reader) error { _, err := r.Reference(2); shown = err == nil; return nil })
			return shown
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := &slowCommit{Store: memory.New()}
				f := openOn(t, store, recipe)
				f.collection("brand", hashindex.Brand)
				p := picture(seeded(t))
				store.gate = make(chan error)
				done := make(chan error)
				go func() {
					_, _, err := f.AddReferences(t.Context(), "", "brand", []hashindex.NewReference{{ExternalID: "x", Picture: p}})
					done <- err
				}()
				synctest.Wait() // until the change is in the store
				shown := make(chan bool)
				go func() { shown <- read(f) }()
				synctest.Wait()
				select {
				case <-shown:
					t.Error("the read returned before the change can be found")
				default:
				}
				close(store.gate)
				if !<-shown {
					t.Error("the read does not show the change")
				}
				if got := ids(f.match(p).Matches); len(got) != 1 {
					t.Errorf("found %v after the read, want the reference", got)
				}
				if err := <-done; err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// TestReadWaitsForNoCommitThatFailed: a disk may show what it then says it has not kept.
func TestReadWaitsForNoCommitThatFailed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &slowCommit{Store: memory.New()}
		f := openOn(t, store, recipe)
		f.collection("brand", hashindex.Brand)
		p := picture(seeded(t))
		store.gate = make(chan error)
		done, read := make(chan error), make(chan error)
		go func() {
			_, _, err := f.AddReferences(t.Context(), "", "brand", []hashindex.NewReference{{ExternalID: "x", Picture: p}})
			done <- err
		}()
		synctest.Wait()
		go func() {
			_, err := f.ReferenceNamed("brand", "x")
			read <- err
		}()
		synctest.Wait()
		store.gate <- errRefused
		if err := <-done; !errors.Is(err, errRefused) {
			t.Errorf("the write: %v", err)
		}
		if err := <-read; err != nil { // or the bubble is stuck
			t.Errorf("the read: %v", err)
		}
		if _, err := f.ReferenceNamed("brand", "x"); err != nil {
			t.Errorf("a later read: %v", err)
		}
		f.close() // what is in the store and not in the searchers is not to be checked
	})
}
