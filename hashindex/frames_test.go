package hashindex_test

import (
	"slices"
	"testing"
	"time"

	"touchstone/hashindex"
)

// video is a picture of so many frames, a second apart, all of one look but for a few bits.
func video(p hashindex.Picture, frames int) hashindex.Picture {
	first := p.Frames[0]
	p.Frames = nil
	for i := range frames {
		f := altered(hashindex.Picture{Frames: []hashindex.Frame{first}}, i).Frames[0]
		f.At = time.Duration(i) * time.Second
		p.Frames = append(p.Frames, f)
	}
	return p
}

func (f *fixture) matchFrames(p hashindex.Picture) [][]hashindex.FrameMatch {
	f.t.Helper()
	matches, err := f.MatchFrames(f.t.Context(), hashindex.Query{Picture: p, Radius: hashindex.PolicyRadius, Effort: hashindex.FastEffort})
	if err != nil {
		f.t.Fatal(err)
	}
	return matches
}

func TestEveryFrameIsAnsweredByAllFramesThatItShows(t *testing.T) {
	r, f := seeded(t), open(t)
	f.collection("films", hashindex.Work)
	film, other := picture(r), picture(r)
	added := f.add("films", video(film, 12), other)
	query := video(film, 3)
	query.Frames[1].Quality = hashindex.PoorQuality - 1
	query.Frames = append(query.Frames, other.Frames[0], picture(r).Frames[0])
	got := f.matchFrames(query)
	if len(got) != 5 || len(got[0]) != 12 || len(got[1]) != 0 || len(got[2]) != 12 || len(got[3]) != 1 || len(got[4]) != 0 {
		t.Fatalf("answers %v", got)
	}
	if best := got[2][0]; best.Frame != hashindex.FrameOf(added[0].ID, 2) || best.Kind != hashindex.Copy || best.Score != 1 {
		t.Errorf("the third frame's best is %+v, want the film's third", best)
	}
	if !slices.IsSortedFunc(got[0], func(a, b hashindex.FrameMatch) int {
		if a.Score > b.Score || a.Score == b.Score && a.Frame < b.Frame {
			return -1
		}
		return 1
	}) {
		t.Errorf("not best first: %+v", got[0])
	}
}

func TestFrameOfABenignReferenceVotesForNothingElse(t *testing.T) {
	r, f := seeded(t), open(t)
	f.collection("films", hashindex.Work)
	f.collection("cards", hashindex.Benign)
	card := picture(r)
	f.add("films", video(card, 5), altered(card, 9))
	f.add("cards", card)
	if got := f.matchFrames(card); len(got[0]) != 0 {
		t.Errorf("a benign frame: %+v", got[0])
	}
	// Nine bits from the card, and from the film's first frame, which is the card; nearer to all others.
	if got := f.matchFrames(altered(card, 9)); len(got[0]) != 5 || got[0][0].Score != 1 {
		t.Errorf("a frame that other references show better: %+v", got[0])
	}
}

func TestRemovedVideoAnswersNoFrame(t *testing.T) {
	r, f := seeded(t), open(t)
	f.collection("films", hashindex.Work)
	film := video(picture(r), 5)
	added := f.add("films", film)
	if _, err := f.RemoveReference(t.Context(), "test", added[0].ID); err != nil {
		t.Fatal(err)
	}
	for i, matches := range f.matchFrames(film) {
		if len(matches) != 0 {
			t.Errorf("frame %d: %+v", i, matches)
		}
	}
}
