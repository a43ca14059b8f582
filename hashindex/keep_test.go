package hashindex_test

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"

	"touchstone/hashindex"
	"touchstone/hashindex/search/linear"
	"touchstone/hashindex/store/memory"
)

// answering is the name of the searcher that answers for the space.
func (f *fixture) answering(space string) string {
	f.t.Helper()
	stats, err := f.Stats()
	if err != nil {
		f.t.Fatal(err)
	}
	for _, s := range stats.Searchers {
		if s.Space == space && s.Answers {
			return s.Name
		}
	}
	return ""
}

// openConfig opens the store with more than openOn gives it. It does not wait for anything.
func openConfig(t *testing.T, store hashindex.Storage, newSearcher func(hashindex.Algorithm) hashindex.Searcher, lazy bool) *fixture {
	t.Helper()
	f := &fixture{t: t, store: store}
	index, err := hashindex.Open(hashindex.Config{Store: store, Recipe: recipe, NewKept: newTree, NewSearcher: newSearcher, Lazy: lazy})
	if err != nil {
		t.Fatal(err)
	}
	f.Index = index
	t.Cleanup(f.checkAndClose)
	return f
}

func newScan(a hashindex.Algorithm) hashindex.Searcher { return linear.New(a.Bits()) }

// filled is a store with pictures, all of them in the kept searchers.
func filled(t *testing.T, n int) (*memory.Store, []hashindex.Picture, []hashindex.Reference) {
	t.Helper()
	store := memory.New()
	f := openOn(t, store, recipe)
	f.collection("brand", hashindex.Brand)
	r := seeded(t)
	var pictures []hashindex.Picture
	for range n {
		pictures = append(pictures, picture(r))
	}
	added := f.add("brand", pictures...)
	if err := f.SaveNow(); err != nil {
		t.Fatal(err)
	}
	f.close()
	return store, pictures, added
}

// slow is a searcher whose edits wait until the gate opens.
type slow struct {
	hashindex.Searcher
	gate chan struct{}
}

func (s slow) Apply(edits []hashindex.Edit) { <-s.gate; s.Searcher.Apply(edits) }

func TestKeptSearcherAnswersUntilTheOneInMemoryIsLoaded(t *testing.T) {
	store, pictures, added := filled(t, 300)
	gate := make(chan struct{})
	f := openConfig(t, store, func(a hashindex.Algorithm) hashindex.Searcher { return slow{newScan(a), gate} }, false)
	if err := f.WaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	ask := func(by string) {
		t.Helper()
		for i, p := range pictures[:20] {
			if got := ids(f.match(altered(p, 9)).Matches); !slices.Equal(got, []hashindex.ReferenceID{added[i].ID}) {
				t.Fatalf("picture %d: got %v, want %d", i, got, added[i].ID)
			}
		}
		if got := f.answering("pdq"); got != by {
			t.Errorf("answered by %q, want %q", got, by)
		}
	}
	ask("bktree")
	if _, err := f.RemoveReference(t.Context(), "", added[200].ID); err != nil { // while the other one loads
		t.Fatal(err)
	}
	close(gate)
	if err := f.WaitLoaded(t.Context()); err != nil {
		t.Fatal(err)
	}
	ask("linear")
	if got := f.match(pictures[200]).Status; got != hashindex.NotMatched {
		t.Errorf("removed picture: %v", got)
	}
}

func TestLazyIndexLoadsOnceSearchingHasCostAsMuch(t *testing.T) {
	store, pictures, _ := filled(t, 300)
	f := openConfig(t, store, newScan, true)
	if err := f.WaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := f.answering("pdq"); got != "bktree" {
		t.Errorf("answered by %q before the first question", got)
	}
	loaded := make(chan error, 1)
	go func() { loaded <- f.WaitLoaded(t.Context()) }()
	for asked := 0; ; asked++ {
		f.match(pictures[asked%len(pictures)])
		select {
		case err := <-loaded:
			if err != nil {
				t.Fatal(err)
			}
			if got := f.answering("pdq"); got != "linear" {
				t.Errorf("answered by %q after it was loaded", got)
			}
			return
		default:
		}
	}
}

// failing is a store whose pages cannot be read any more, but for the first of each run, once told so.
type failing struct {
	hashindex.Storage
	fails atomic.Bool
}

func (s *failing) ViewRuns(name string, read func([]hashindex.Run) error) error {
	return s.Storage.ViewRuns(name, func(runs []hashindex.Run) error {
		broken := slices.Clone(runs)
		for i, run := range runs {
			broken[i].Page = func(n int) ([]byte, error) {
				if n > 0 && s.fails.Load() {
					return nil, fmt.Errorf("page %d: %w", n, hashindex.ErrDamaged)
				}
				return run.Page(n)
			}
		}
		return read(broken)
	})
}

// TestDamagedPagesCostNoAnswer lets the pages fail before the index is opened, after, while the
// searcher in memory is loaded from them, and before a removal that has to find what it removes.
func TestDamagedPagesCostNoAnswer(t *testing.T) {
	for _, when := range []string{"before", "after", "loading", "removing"} {
		t.Run(when, func(t *testing.T) {
			memory, pictures, added := filled(t, 3000)
			store := &failing{Storage: memory}
			store.fails.Store(when == "before" || when == "loading")
			var newSearcher func(hashindex.Algorithm) hashindex.Searcher
			if when == "loading" {
				newSearcher = newScan
			}
			f := openConfig(t, store, newSearcher, false)
			if err := f.WaitReady(t.Context()); err != nil {
				t.Fatal(err)
			}
			store.fails.Store(true)
			if when == "removing" {
				if _, err := f.RemoveReference(t.Context(), "", added[0].ID); err != nil {
					t.Fatal(err)
				}
				if got := f.match(pictures[0]).Status; got != hashindex.NotMatched {
					t.Errorf("removed picture: %v", got)
				}
			}
			for i := 1; i < len(pictures); i += 100 {
				if got := ids(f.match(altered(pictures[i], 9)).Matches); !slices.Equal(got, []hashindex.ReferenceID{added[i].ID}) {
					t.Fatalf("picture %d: got %v, want %d", i, got, added[i].ID)
				}
			}
			if when == "loading" {
				if err := f.WaitLoaded(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			f.match(pictures[1])
			store.fails.Store(false)
			if err := f.SaveNow(); err != nil {
				t.Fatal(err)
			}
			if report, err := f.Check(context.Background()); err != nil || len(report.Findings) > 0 {
				t.Errorf("check after saving: %v %v", report.Findings, err)
			}
		})
	}
}
