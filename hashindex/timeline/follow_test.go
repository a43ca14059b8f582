package timeline

import (
	"testing"
	"time"

	"touchstone/hashindex"
	"touchstone/hashindex/search/linear"
	"touchstone/hashindex/store/memory"
)

const recipe = hashindex.Recipe("test")

// indexed is an index that holds the world's films.
func (w *world) indexed() *hashindex.Index {
	w.t.Helper()
	index, err := hashindex.Open(hashindex.Config{
		Store: memory.New(), Recipe: recipe,
		NewSearcher: func(a hashindex.Algorithm) hashindex.Searcher { return linear.New(a.Bits()) },
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { index.Close() })
	ctx := w.t.Context()
	if err := index.WaitReady(ctx); err != nil {
		w.t.Fatal(err)
	}
	if _, _, err := index.CreateCollection(ctx, "test", hashindex.Collection{Name: "films", Purpose: hashindex.Work, Policy: hashindex.DefaultPolicy()}); err != nil {
		w.t.Fatal(err)
	}
	for i, film := range w.films {
		var p hashindex.Picture
		for _, f := range film.Frames {
			p.Frames = append(p.Frames, hashindex.Frame{At: f.At, Fingerprint: hashindex.Fingerprint{Recipe: recipe, Quality: f.Quality, Hashes: f.Hashes}})
		}
		added, _, err := index.AddReferences(ctx, "test", "films", []hashindex.NewReference{{Picture: p}})
		if err != nil {
			w.t.Fatal(err)
		}
		w.films[i].ID = added[0].ID
	}
	return index
}

// asFrame is the frame as the fingerprint of a video has it.
func asFrame(f Frame) hashindex.Frame {
	frame := hashindex.Frame{At: f.At, Shot: f.Shot, Mark: f.Mark}
	frame.Recipe, frame.Quality, frame.Dihedral = recipe, f.Quality, f.Dihedral
	frame.Hashes[hashindex.PDQ] = f.Dihedral[hashindex.Upright]
	return frame
}

func (w *world) follow(index *hashindex.Index, frames []Frame, now func() time.Time) *Follower {
	w.t.Helper()
	f := Follow(index, hashindex.Query{Radius: hashindex.PolicyRadius, Effort: hashindex.FastEffort}, Rules{}, now)
	for _, frame := range frames {
		if err := f.Add(w.t.Context(), hashindex.Look{Frame: asFrame(frame)}); err != nil {
			w.t.Fatal(err)
		}
	}
	return f
}

func TestFollowerFindsWhatTheIndexHolds(t *testing.T) {
	w := newWorld(t, 20)
	wanted, other := newFilm(w.rng, 90, moving), newFilm(w.rng, 90, moving)
	w.add(newFilm(w.rng, 60, moving))
	w.add(wanted)
	index := w.indexed()
	p := part{film: wanted, from: 12, to: 30, speed: 1}
	frames, end := w.query(6, 1, part{film: other, to: 14.2, speed: 1}, p, part{film: other, from: 40, to: 60, speed: 1})
	found, err := w.follow(index, frames, time.Now).Finish(t.Context(), end)
	if err != nil || len(found) != 1 {
		t.Fatalf("%+v, %v, want one segment", found, err)
	}
	w.check(found[0], w.films[1].ID, seconds(14.2), seconds(32.2), p)
}

// A reference that is disabled while a stream shows it is answered no further.
func TestFollowerForgetsAReferenceThatIsDisabled(t *testing.T) {
	w := newWorld(t, 21)
	wanted := newFilm(w.rng, 90, moving)
	w.add(wanted)
	index := w.indexed()
	frames, _ := w.query(6, 1, part{film: wanted, from: 5, to: 65, speed: 1})
	now := time.Now()
	follower := w.follow(index, frames[:20], func() time.Time { return now })
	if _, open, err := follower.Segments(t.Context()); err != nil || len(open) != 1 {
		t.Fatalf("%d open segments, %v, want 1", len(open), err)
	}
	until := now.Add(time.Hour)
	if _, _, err := index.ChangeReference(t.Context(), "test", w.films[0].ID, hashindex.ReferencePatch{DisabledUntil: &until}); err != nil {
		t.Fatal(err)
	}
	now = now.Add(knownLife + time.Second)
	for _, f := range frames[20:40] {
		if err := follower.Add(t.Context(), hashindex.Look{Frame: asFrame(f)}); err != nil {
			t.Fatal(err)
		}
	}
	closed, open, err := follower.Segments(t.Context())
	if err != nil || len(closed) != 1 || len(open) != 0 || closed[0].To > frames[20].At {
		t.Errorf("closed %+v, open %+v, %v, want one that ended before %v", closed, open, err, frames[20].At)
	}
}

// What stands still is asked about once.
func TestUnchangedFramesAreNotSearchedAgain(t *testing.T) {
	w := newWorld(t, 22)
	still := film{length: 60, scenes: []scene{{base: random(w.rng)}}}
	w.add(still)
	index := w.indexed()
	frames, _ := w.query(0, 1, part{film: still, to: 60, speed: 1})
	w.follow(index, frames, time.Now)
	stats, err := index.Stats()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range stats.Searchers {
		if s.Space == "pdq" && s.Lookups > hashindex.TransformCount {
			t.Errorf("%d look-ups for a picture that stands still", s.Lookups)
		}
	}
}
