package multiindex

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"touchstone/hashindex"
	"touchstone/hashindex/search/linear"
	"touchstone/hashindex/search/searchtest"
)

// churn adds one entry at a time to a large level until merges have begun and ended, removing old
// ones and new ones and adding some of them again. after is called with the number of edits so far.
func churn(ix *Index, applied func(hashindex.Edit), codes []hashindex.Hash, after func(int)) {
	rng := rand.New(rand.NewPCG(6, 6))
	edits := additions(codes)
	large := edits[:len(edits)/2]
	ix.Apply(large)
	for _, e := range large {
		applied(e)
	}
	for i, e := range edits[len(large):] {
		old := edits[rng.IntN(len(large)+i)]
		old.Removed = i%3 != 0
		for _, e := range []hashindex.Edit{e, old} {
			ix.Apply([]hashindex.Edit{e})
			applied(e)
		}
		after(i)
	}
}

func TestEditsDuringMergesEqualTheScan(t *testing.T) {
	for _, bits := range []int{64, 256} {
		codes := searchtest.Codes(7, bits, 2*instant)
		ix, scan := New(bits), linear.New(bits)
		merges, merging := 0, false
		churn(ix, func(e hashindex.Edit) { scan.Apply([]hashindex.Edit{e}) }, codes, func(i int) {
			if merging != (ix.merge != nil) {
				merging = !merging
				merges++
			}
			if i%1000 == 0 || i == instant-1 {
				probes := codes[i:][:8]
				if got, want := answers(t, ix, probes, bits/8), answers(t, scan, probes, bits/8); !slices.Equal(got, want) {
					t.Fatalf("%d bits, after %d edits: %d found, want %d", bits, i, len(got), len(want))
				}
			}
		})
		if merges == 0 || len(ix.levels) > 8 {
			t.Errorf("%d bits: %d beginnings and ends of merges, %d levels; want some, at most 8", bits, merges, len(ix.levels))
		}
		if got, want := ix.Stats().Entries, scan.Stats().Entries; got != want {
			t.Errorf("%d bits: %d entries, want %d", bits, got, want)
		}
		checkLoaded(t, ix, bits)
	}
}

// checkLoaded loads what ix holds, whatever it is doing, and compares the entries.
func checkLoaded(t *testing.T, ix *Index, bits int) {
	t.Helper()
	loaded := New(bits)
	loaded.Load(ix.Stats().Entries, ix.Entries)
	if got, want := slices.Collect(loaded.Entries), slices.Collect(ix.Entries); !slices.Equal(got, want) {
		t.Errorf("%d bits: %d entries loaded, want the %d held", bits, len(got), len(want))
	}
}

// TestSearchesDuringMergesMissNothing is for the race detector too.
func TestSearchesDuringMergesMissNothing(t *testing.T) {
	const bits = 64
	codes := searchtest.Codes(8, bits, 2*instant)
	stay := random(rand.New(rand.NewPCG(9, 9)), bits)
	ix := New(bits)
	ix.Apply([]hashindex.Edit{{Entry: hashindex.Entry{Frame: 1, Collection: 1, Hash: stay}}})
	var done atomic.Bool
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			for !done.Load() && !t.Failed() {
				found, err := ix.Search(context.Background(), []hashindex.Hash{codes[0], stay}, scopeOf(0), nil)
				if err != nil || !slices.ContainsFunc(found, func(f hashindex.Found) bool { return f.Entry.Frame == 1 }) {
					t.Errorf("found %v, error %v; want frame 1 in it", found, err)
				}
				ix.Stats()
				for range ix.Entries {
				}
			}
		})
	}
	churn(ix, func(hashindex.Edit) {}, codes, func(int) {})
	done.Store(true)
	readers.Wait()
}

func TestRemovedEntriesAreGivenBack(t *testing.T) {
	const n = 3 * instant
	edits := additions(searchtest.Codes(10, 256, n))
	ix := New(256)
	ix.Apply(edits)
	full := ix.Stats().Bytes
	for i := range edits {
		edits[i].Removed = true
	}
	ix.Apply(edits[:n*3/4])
	for range 1000 { // edits that change nothing pay for merging too
		ix.Apply(edits[:1])
	}
	if got := ix.Stats(); got.Entries != n/4 || got.Bytes > full/2 {
		t.Errorf("%d entries in %d bytes, want %d in at most half of %d", got.Entries, got.Bytes, n/4, full)
	}
}
