package api_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"touchstone/api/wire"
)

// film registers a made-up film of so many seconds, known by the hashes of its frames.
func (h *house) film(seconds int) {
	h.t.Helper()
	h.collection("films", "work")
	h.json("POST", "/v1/collections/films/references", wire.HashReference{ExternalID: "film", Frames: hashedFrames(0, seconds)}).want(201)
}

// clip asks about the film from one second to another, between frames of nothing.
func (h *house) clip(subject string, from, to int) wire.Segment {
	h.t.Helper()
	frames := append(hashedFrames(5000, 5004), hashedFrames(from, to)...)
	for i := range frames {
		frames[i].Time = float64(i)
	}
	answer := into[wire.MatchAnswer](h.json("POST", "/v1/match", wire.MatchURL{Frames: frames, Seconds: float64(len(frames)), Subject: subject}).want(200))
	if len(answer.Results[0].Segments) != 1 {
		h.t.Fatalf("%d to %d: %+v, want one segment", from, to, answer.Results[0])
	}
	return answer.Results[0].Segments[0]
}

func (h *house) hits(query string) []wire.Hit {
	h.t.Helper()
	return into[wire.Hits](h.get("/v1/hits?" + query).want(200)).Hits
}

func (h *house) reject(id string) {
	h.t.Helper()
	h.json("POST", "/v1/hits/"+id, wire.Order{Action: "reject", Reason: "fair_use"}).want(200)
}

func TestEachSegmentOfAVideoIsOneHitHoweverOftenItComes(t *testing.T) {
	h := open(t).ready()
	h.film(100)
	first := h.clip("L-1", 10, 30)
	again := h.clip("L-1", 11, 30)
	other := h.clip("L-1", 60, 80)
	elsewhere := h.clip("L-2", 10, 30)
	if first.Standing != "hit" || first.HitID == "" || again.HitID != first.HitID || other.HitID == first.HitID || elsewhere.HitID == first.HitID {
		t.Fatalf("%+v\n%+v\n%+v\n%+v", first, again, other, elsewhere)
	}
	list := h.hits("")
	if len(list) != 3 || list[0].ID != first.HitID || list[0].Count != 2 || list[1].Count != 1 {
		t.Fatalf("hits: %+v", list)
	}
	s := list[0].Segment
	if s == nil || s.StreamID != "" || s.Number != 1 || !s.Closed || s.From < 3 || s.From > 5 || s.ReferenceFrom < 9 || s.ReferenceFrom > 11 || list[1].Segment.Number != 2 {
		t.Fatalf("segment: %+v", s)
	}
	if len(s.Pairs) < 4 {
		t.Errorf("%d pairs", len(s.Pairs))
	}
	for _, p := range s.Pairs {
		if p.QueryHash != hexOf(1000+p.ReferenceFrame) || p.ReferenceHash != p.QueryHash || p.Distance != 0 || p.Picture != "" {
			t.Errorf("pair %+v: want the hash of both, and no picture", p)
		}
	}
	h.reject(first.HitID)
	for _, came := range []wire.Segment{h.clip("L-1", 10, 30), h.clip("L-1", 40, 55)} {
		if came.Standing != "rejected" {
			t.Errorf("of a pair that was rejected: %+v", came)
		}
	}
	if came := h.clip("L-2", 40, 55); came.Standing != "hit" {
		t.Errorf("of another subject: %+v", came)
	}
	if n := len(h.hits("")); n != 4 {
		t.Errorf("%d hits, want 4", n)
	}
}

func TestSegmentOfAStreamIsOneHitThatGrowsAndCloses(t *testing.T) {
	h := open(t).ready()
	h.film(100)
	stream := h.stream(wire.NewStream{Subject: `{"stream":"live-7","seller":"sam"}`})
	path := "/v1/streams/" + stream.ID
	feed := func(from int, frames []wire.HashedFrame) {
		t.Helper()
		var asked wire.StreamFrames
		for i, f := range frames {
			asked.Frames = append(asked.Frames, wire.StreamFrame{At: new(float64(from + i)), PDQ: f.Hashes.PDQ, Quality: new(90)})
		}
		h.json("POST", path+"/frames", asked).want(200)
	}
	feed(0, hashedFrames(10, 12))
	if list := h.hits(""); len(list) != 0 {
		t.Fatalf("two frames are no segment: %+v", list)
	}
	feed(2, hashedFrames(12, 20))
	list := h.hits("seller=sam")
	if len(list) != 1 || list[0].Segment == nil || list[0].Segment.StreamID != stream.ID || list[0].Segment.Number != 1 || list[0].Segment.Closed {
		t.Fatalf("once it is opened: %+v", list)
	}
	before := *list[0].Segment
	feed(10, hashedFrames(20, 50))
	list = h.hits("seller=sam")
	if len(list) != 1 || list[0].Segment.To < before.To+25 || list[0].Segment.Closed || list[0].Count < 2 || len(list[0].Segment.Pairs) <= len(before.Pairs) {
		t.Fatalf("as it grows: %+v", list)
	}
	feed(40, hashedFrames(5000, 5020))
	list = h.hits("")
	if len(list) != 1 || !list[0].Segment.Closed || list[0].Segment.To > 42 || len(list[0].Segment.Pairs) > 12 {
		t.Fatalf("once it is closed: %+v", list[0].Segment)
	}
	var types []string
	for _, c := range into[wire.Changes](h.get("/v1/changes").want(200)).Changes {
		if c.Note != nil && c.Note.Topic == "hit" {
			var body struct {
				From, To string
				Detail   struct{ Action string }
			}
			if err := json.Unmarshal(c.Note.Body, &body); err != nil {
				t.Fatal(err)
			}
			types = append(types, fmt.Sprint(body.From, ">", body.To, " ", body.Detail.Action))
		}
	}
	if want := "[>open  open>open closed]"; fmt.Sprint(types) != want {
		t.Errorf("the history says %v, want %s", types, want)
	}
	h.reject(list[0].ID)
	feed(60, hashedFrames(60, 90))
	h.delete(path).want(200)
	if list := h.hits(""); len(list) != 1 {
		t.Errorf("of a pair that was rejected: %+v", list)
	}
}

func TestSegmentsOfALicensedStreamAreNoHits(t *testing.T) {
	h := open(t).ready()
	h.film(60)
	h.json("PUT", "/v1/holders/acme", wire.NewHolder{Name: "Acme"}).want(200)
	right := into[wire.Right](h.json("POST", "/v1/rights", wire.NewRight{Holder: "acme", Kind: "copyright", Territory: []string{"DE"}, Collections: []string{"films"}}).want(201))
	h.json("POST", "/v1/licences", wire.NewLicence{Right: right.ID, Seller: "sam"}).want(201)
	for subject, standing := range map[string]string{
		`{"listing":"a","seller":"sam","territory":"DE"}`: "licensed", `{"listing":"b","seller":"eve","territory":"US"}`: "out_of_term",
		`{"listing":"c","seller":"eve","territory":"DE"}`: "hit",
	} {
		if came := h.clip(subject, 10, 30); came.Standing != standing {
			t.Errorf("%s: %q, want %s", subject, came.Standing, standing)
		}
		stream := h.stream(wire.NewStream{Subject: subject})
		var asked wire.StreamFrames
		for i, f := range hashedFrames(10, 30) {
			asked.Frames = append(asked.Frames, wire.StreamFrame{At: new(float64(i)), PDQ: f.Hashes.PDQ, Quality: new(90)})
		}
		h.json("POST", "/v1/streams/"+stream.ID+"/frames", asked).want(200)
		h.delete("/v1/streams/" + stream.ID).want(200)
		if got := into[wire.StreamSegments](h.get("/v1/streams/" + stream.ID + "/segments").want(200)).Segments; len(got) != 1 {
			t.Errorf("%s: %+v, want the segment all the same", subject, got)
		}
	}
	if list := h.hits(""); len(list) != 2 || list[0].Subject.Listing != "c" || list[1].Subject.Listing != "c" {
		t.Errorf("hits: %+v", list)
	}
}

// ofPictures registers a film whose frames are pictures, and returns those.
func (h *house) ofPictures() (pictures [][]byte) {
	h.t.Helper()
	h.collection("films", "work")
	var film []wire.HashedFrame
	for i := range 6 {
		pictures = append(pictures, product(i+1))
		hashed := into[wire.HashAnswer](h.post("/v1/hash", "image/png", pictures[i]).want(200)).Results[0]
		film = append(film, wire.HashedFrame{Time: float64(i) + 7, Hashes: hashed.Hashes, Quality: &hashed.Quality})
	}
	h.json("POST", "/v1/collections/films/references", wire.HashReference{ExternalID: "film", Frames: film}).want(201)
	return pictures
}

// provenBy checks the one hit of the subject and its evidence: so many frames have pictures.
func (h *house) provenBy(query string, frames int) {
	h.t.Helper()
	list := h.hits(query)
	if len(list) != 1 || list[0].Segment == nil {
		h.t.Fatalf("%s: %+v, want one hit of a segment", query, list)
	}
	kept := 0
	for _, p := range list[0].Segment.Pairs {
		if p.Picture != "" {
			kept++
		}
	}
	if kept != frames || list[0].Picture == "" {
		h.t.Errorf("%s: %d frames are kept, want %d: %+v", query, kept, frames, list[0].Segment.Pairs)
	}
	path := "/v1/hits/" + list[0].ID
	h.get(path + "/image").want(200)
	a := h.get(path + "/pack").want(200)
	report := passes(h.t, a.body)
	if !report.Sound() || report.Hits != 1 || len(report.Unproven) != 1+min(1, len(list[0].Segment.Pairs)-frames) { // the film's own pictures are not there
		h.t.Errorf("%s: %+v", query, report)
	}
	a.body[len(a.body)/2] ^= 1
	if report := passes(h.t, a.body); report.Sound() {
		h.t.Errorf("%s: a flipped bit is not found", query)
	}
}

func TestEvidenceOfAVideoOfPicturesHasItsFrames(t *testing.T) {
	h := open(t).ready()
	parts := []part{field("subject", `{"listing":"L-1","seller":"sam"}`)}
	for i, content := range h.ofPictures() {
		parts = append(parts, image(content), field("time", fmt.Sprint(i)))
	}
	h.parts("/v1/match", parts...).want(200)
	h.provenBy("seller=sam", 5) // of the six, the last but one lies too near to the others
}

func TestEvidenceOfAStreamHasTheFramesThatWereAtHand(t *testing.T) {
	h := open(t).ready()
	pictures := h.ofPictures()
	stream := h.stream(wire.NewStream{Subject: `{"stream":"live","seller":"eve"}`})
	feed := func(from, to int) {
		t.Helper()
		var parts []part
		for i := from; i < to; i++ {
			parts = append(parts, image(pictures[i]), field("at", fmt.Sprint(i)))
		}
		h.parts("/v1/streams/"+stream.ID+"/frames", parts...).want(200)
	}
	feed(0, 2)
	feed(2, 6)
	h.delete("/v1/streams/" + stream.ID).want(200)
	h.provenBy("seller=eve", 3) // the two before were gone when the segment was told of: their hashes are known
}
