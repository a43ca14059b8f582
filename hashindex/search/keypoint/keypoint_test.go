package keypoint_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"reflect"
	"slices"
	"sync"
	"testing"

	"touchstone/hashindex"
	"touchstone/hashindex/search/keypoint"
)

// corners are made at random: n of them, all over a picture.
func corners(rng *rand.Rand, n int) hashindex.Features {
	f := hashindex.Features{Width: 640, Height: 480}
	for range n {
		f.Keypoints = append(f.Keypoints, hashindex.Keypoint{
			X: uint16(rng.IntN(640 * 64)), Y: uint16(rng.IntN(480 * 64)), Scale: int8(3 * rng.IntN(8)), Angle: uint8(rng.IntN(256)),
			Descriptor: hashindex.Descriptor{rng.Uint64(), rng.Uint64(), rng.Uint64(), rng.Uint64()},
			Doubts:     [2][8]uint8{{0, 1, 2, 3, 4, 5, 6, 7}, {0, 1, 2, 3, 4, 5, 6, 7}},
		})
	}
	return f
}

// seen is f as a query that shows a part of it, each corner with some bits turned.
func seen(rng *rand.Rand, f hashindex.Features, mirrored bool) hashindex.Features {
	out := corners(rng, 100)
	for _, k := range f.Keypoints[:len(f.Keypoints)/3] {
		for range 12 {
			bit := 20 + rng.IntN(44) + 64*rng.IntN(4)
			k.Descriptor[bit/64] ^= 1 << (bit % 64)
		}
		k.Descriptor[0] ^= uint64(rng.IntN(8))
		k.X, k.Y, k.Scale = k.X/2, k.Y/2+3000, k.Scale-min(k.Scale, 8)
		if mirrored {
			k.X, k.Angle, k.Descriptor = uint16(640*64)-1-k.X, 128-k.Angle, k.Descriptor.Mirrored()
		}
		out.Keypoints = append(out.Keypoints, k)
	}
	return out
}

func everywhere() (scope hashindex.Scope) {
	for c := range 4 {
		scope.Allow(hashindex.CollectionID(c), 0)
	}
	return scope
}

func propose(t *testing.T, ix *keypoint.Index, query hashindex.Features, scope hashindex.Scope, limit int) []hashindex.Proposal {
	t.Helper()
	proposals, err := ix.Propose(t.Context(), query, scope, limit)
	if err != nil {
		t.Fatal(err)
	}
	return proposals
}

// filled is an index of n frames, every fifth removed again, with what it should hold.
func filled(rng *rand.Rand, n int) (*keypoint.Index, map[hashindex.FrameID]hashindex.Features) {
	ix, want := keypoint.New(), map[hashindex.FrameID]hashindex.Features{}
	for i := range n {
		e := hashindex.FeatureEdit{Frame: hashindex.FrameID(7 * (i + 1)), Collection: hashindex.CollectionID(i % 4), Features: corners(rng, 20+rng.IntN(300))}
		ix.Apply([]hashindex.FeatureEdit{e})
		want[e.Frame] = e.Features
		if i%5 == 4 {
			gone := hashindex.FrameID(7 * (i - 1))
			ix.Apply([]hashindex.FeatureEdit{{Frame: gone, Removed: true}})
			delete(want, gone)
		}
	}
	return ix, want
}

func TestFrameIsProposedFirstAsSoonAsItIsAddedAndNeverOnceRemoved(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	ix, want := filled(rng, 900) // recent postings become a level meanwhile
	for frame, f := range want {
		if uint64(frame)%11 != 0 {
			continue
		}
		for _, mirrored := range []bool{false, true} {
			query := seen(rng, f, mirrored)
			got := propose(t, ix, query, everywhere(), 5)
			if len(got) == 0 || got[0].Frame != frame || got[0].Mirrored != mirrored {
				t.Fatalf("frame %d of %d corners, mirrored %v: got %+v", frame, len(f.Keypoints), mirrored, got)
			}
			ix.Apply([]hashindex.FeatureEdit{{Frame: frame, Removed: true}})
			for _, p := range propose(t, ix, query, everywhere(), 50) {
				if p.Frame == frame {
					t.Fatalf("frame %d is proposed after its removal", frame)
				}
			}
			ix.Apply([]hashindex.FeatureEdit{{Frame: frame, Collection: 1, Features: f}})
		}
	}
}

func TestScopeKeepsOtherCollectionsOut(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	ix, want := filled(rng, 40)
	var scope hashindex.Scope
	scope.Allow(2, 0)
	for frame, f := range want {
		in := (int(frame)/7-1)%4 == 2
		got := propose(t, ix, seen(rng, f, false), scope, 10)
		if found := len(got) > 0 && got[0].Frame == frame; found != in {
			t.Errorf("frame %d: proposed %v, its collection is asked: %v", frame, found, in)
		}
	}
	if got := propose(t, ix, corners(rng, 100), hashindex.Scope{}, 10); len(got) != 0 {
		t.Errorf("an empty scope got %+v", got)
	}
}

func TestEntriesAreWhatWasAddedAndNotRemoved(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 2))
	ix, want := filled(rng, 700)
	check := func(when string) {
		t.Helper()
		n := 0
		for e := range ix.Entries {
			f, ok := want[e.Frame]
			if !ok || e.Sum != f.Sum() || int(e.Collection) != (int(e.Frame)/7-1)%4 {
				t.Fatalf("%s: entry %+v", when, e)
			}
			n++
		}
		if n != len(want) || ix.Stats().Entries != n {
			t.Errorf("%s: %d entries, stats say %d, want %d", when, n, ix.Stats().Entries, len(want))
		}
	}
	check("filled")
	state := ix.AppendState([]byte("before"))
	if string(state[:6]) != "before" {
		t.Error("AppendState changed what was there")
	}
	check("saved")
	ix = keypoint.New()
	if err := ix.LoadState(state[6:]); err != nil {
		t.Fatal(err)
	}
	check("loaded")
}

func TestLoadedIndexProposesTheSame(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 2))
	ix, want := filled(rng, 600)
	var queries []hashindex.Features
	var before [][]hashindex.Proposal
	for _, f := range want {
		queries = append(queries, seen(rng, f, len(queries)%2 == 0))
		before = append(before, propose(t, ix, queries[len(queries)-1], everywhere(), 20))
		if len(queries) == 30 {
			break
		}
	}
	other := keypoint.New()
	if err := other.LoadState(ix.AppendState(nil)); err != nil {
		t.Fatal(err)
	}
	for i, q := range queries {
		if got := propose(t, other, q, everywhere(), 20); !reflect.DeepEqual(got, before[i]) {
			t.Fatalf("query %d: got %+v, want %+v", i, got, before[i])
		}
	}
	if !bytes.Equal(other.AppendState(nil), ix.AppendState(nil)) {
		t.Error("the states differ")
	}
}

func TestDamagedStateIsRefusedAndChangesNothing(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 2))
	ix, want := filled(rng, 20)
	state := ix.AppendState(nil)
	for n := range 300 {
		bad := slices.Clone(state)
		bad[rng.IntN(len(bad))] ^= 1 << rng.IntN(8)
		if n%3 == 0 {
			bad = state[:rng.IntN(len(state))]
		}
		if err := ix.LoadState(bad); !errors.Is(err, hashindex.ErrDamaged) {
			t.Fatalf("state %d of %d bytes: %v", n, len(bad), err)
		}
	}
	if ix.Stats().Entries != len(want) {
		t.Error("entries changed")
	}
}

func TestOddFeaturesAreBounded(t *testing.T) {
	ix := keypoint.New()
	same := hashindex.Features{Width: 1, Height: 640}
	for i := range hashindex.MaxKeypoints {
		same.Keypoints = append(same.Keypoints, hashindex.Keypoint{Y: uint16(i * 27), Scale: int8(i), Angle: uint8(i)})
	}
	for i := range 3000 { // as many frames with nothing but one and the same corner
		f := same
		if i%2 == 0 {
			f.Keypoints = nil
		}
		ix.Apply([]hashindex.FeatureEdit{{Frame: hashindex.FrameID(i), Features: f}})
	}
	if got := propose(t, ix, same, everywhere(), 10); len(got) > 10 {
		t.Errorf("%d proposals", len(got))
	}
	if got := propose(t, ix, hashindex.Features{}, everywhere(), 10); len(got) != 0 {
		t.Errorf("no features got %+v", got)
	}
	// Broken promises change nothing.
	ix.Apply([]hashindex.FeatureEdit{{Frame: 1, Features: same}, {Frame: 99999, Removed: true}})
	if n := ix.Stats().Entries; n != 3000 {
		t.Errorf("%d entries, want 3000", n)
	}
}

func TestSearchesGoOnBesideEdits(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 2))
	ix, want := filled(rng, 200)
	var searching sync.WaitGroup
	for frame, f := range want {
		query := seen(rng, f, false)
		searching.Go(func() {
			if got := propose(t, ix, query, everywhere(), 3); len(got) == 0 || got[0].Frame != frame {
				t.Errorf("frame %d: got %+v", frame, got)
			}
		})
	}
	for i := range 300 {
		ix.Apply([]hashindex.FeatureEdit{{Frame: hashindex.FrameID(1e6 + i), Features: corners(rng, 300)}})
	}
	for i := range 300 {
		ix.Apply([]hashindex.FeatureEdit{{Frame: hashindex.FrameID(1e6 + i), Removed: true}})
	}
	searching.Wait()
}

func FuzzLoadState(f *testing.F) {
	rng := rand.New(rand.NewPCG(7, 2))
	ix := keypoint.New()
	f.Add([]byte(nil))
	f.Add([]byte("tskeypt1"))
	ix.Apply([]hashindex.FeatureEdit{{Frame: 3, Features: corners(rng, 3)}})
	f.Add(ix.AppendState(nil)[:64])
	f.Fuzz(func(t *testing.T, state []byte) {
		if err := keypoint.New().LoadState(state); err != nil && !errors.Is(err, hashindex.ErrDamaged) {
			t.Fatal(err)
		}
	})
}
