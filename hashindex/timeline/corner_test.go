package timeline

import (
	"image"
	"testing"
	"time"

	"golang.org/x/image/draw"

	"touchstone/fixtures"
	"touchstone/hashindex"
	"touchstone/hashindex/align"
	"touchstone/hashindex/fingerprint"
	"touchstone/hashindex/search/keypoint"
	"touchstone/hashindex/search/linear"
	"touchstone/hashindex/store/memory"
)

// slides is a film of so many pictures, one a second.
func slides(first, count int) (film []*image.Gray) {
	for n := range count {
		film = append(film, image.NewGray(image.Rect(0, 0, 480, 360)))
		draw.ApproxBiLinear.Scale(film[n], film[n].Rect, fixtures.Photo(first+n), fixtures.Photo(first+n).Bounds(), draw.Src, nil)
	}
	return film
}

// A film that plays in a corner of another one is found although that one, which is registered too, explains
// each frame.
func TestAFilmInACornerOfAnotherIsFoundBesideIt(t *testing.T) {
	maker, ctx := fingerprint.New(fingerprint.Limits{}), t.Context()
	index, err := hashindex.Open(hashindex.Config{
		Store: memory.New(), Recipe: fingerprint.Recipe,
		NewSearcher:        func(a hashindex.Algorithm) hashindex.Searcher { return linear.New(a.Bits()) },
		NewPartialSearcher: func() hashindex.PartialSearcher { return keypoint.New() },
		NewAligner:         align.New,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { index.Close() })
	if err := index.WaitReady(ctx); err != nil {
		t.Fatal(err)
	}
	if _, _, err := index.CreateCollection(ctx, "test", hashindex.Collection{Name: "films", Purpose: hashindex.Work, Policy: hashindex.DefaultPolicy()}); err != nil {
		t.Fatal(err)
	}
	host, guest := slides(0, 9), slides(100, 5)
	add := func(film []*image.Gray) hashindex.ReferenceID {
		var p hashindex.Picture
		for n, picture := range film {
			f := hashindex.Frame{At: time.Duration(n) * time.Second, Fingerprint: maker.Grey(picture)}
			f.Features = maker.Features(picture).Stored()
			p.Frames = append(p.Frames, f)
		}
		added, _, err := index.AddReferences(ctx, "test", "films", []hashindex.NewReference{{Picture: p}})
		if err != nil {
			t.Fatal(err)
		}
		return added[0].ID
	}
	hostID, guestID := add(host), add(guest)

	const begins = 3
	follower := Follow(index, hashindex.Query{Radius: hashindex.PolicyRadius, Effort: hashindex.FullEffort}, Rules{}, time.Now)
	for n, picture := range host {
		if shown := n - begins; shown >= 0 && shown < len(guest) {
			draw.ApproxBiLinear.Scale(picture, image.Rect(200, 150, 470, 352), guest[shown], guest[shown].Rect, draw.Src, nil)
		}
		look := hashindex.Look{Frame: hashindex.Frame{At: time.Duration(n) * time.Second, Fingerprint: maker.Grey(picture)}}
		look.Features = func() hashindex.Features { return maker.Features(picture) }
		if err := follower.Add(ctx, look); err != nil {
			t.Fatal(err)
		}
	}
	found, err := follower.Finish(ctx, 9*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[hashindex.ReferenceID]Segment{}
	for _, s := range found {
		seen[s.Reference] = s
	}
	h, g := seen[hostID], seen[guestID]
	if len(found) != 2 || h.From != 0 || h.To < 8*time.Second || (g.From-begins*time.Second).Abs() > time.Second || (g.To-(begins+5)*time.Second).Abs() > time.Second {
		t.Errorf("found %+v, want all of %v, and %v from second %d to %d", found, hostID, guestID, begins, begins+5)
	}
}
