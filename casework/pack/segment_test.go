package pack_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"touchstone/casework"
	"touchstone/casework/pack"
	"touchstone/fixtures"
	"touchstone/hashindex"
)

// segmentPack is of a hit of a segment of five frames, of which two have pictures.
func segmentPack(t *testing.T) []byte {
	t.Helper()
	o := openOffice(t)
	var film hashindex.Picture
	var glimpses []casework.Glimpse
	s := casework.Segment{
		From: casework.Duration(9 * time.Second), To: casework.Duration(15 * time.Second), Speed: 1, Frames: 5, Asked: 6, Closed: true,
		ReferenceFrom: 0, ReferenceTo: casework.Duration(6 * time.Second),
	}
	for i := range 5 {
		encoded := fixtures.EncodeJPEG(fixtures.Product(20+i), 80)
		made, err := maker.Picture(t.Context(), encoded)
		o.must(err)
		frame := made.Frames[0]
		frame.At = time.Duration(i) * time.Second
		film.Frames = append(film.Frames, frame)
		at := 10*time.Second + frame.At
		g := casework.Glimpse{At: at, Hash: frame.Hashes[hashindex.PDQ], Quality: frame.Quality}
		if i%2 == 1 {
			g.Encoded = encoded
		}
		glimpses = append(glimpses, g)
		s.Pairs = append(s.Pairs, casework.Pair{At: casework.Duration(at), ReferenceAt: casework.Duration(frame.At), Frame: i, Kind: hashindex.Copy, Score: 1})
	}
	added, _, err := o.index.AddReferences(t.Context(), "lab", "shoes", []hashindex.NewReference{{ExternalID: "film", Picture: film}})
	o.must(err)
	collection, err := o.index.Collection("shoes")
	o.must(err)
	seen := casework.Observation{Subject: casework.Subject{Stream: "live"}, At: start}
	rulings, err := o.desk.Record(t.Context(), "pipeline", []casework.Observation{o.desk.Showing(seen, s, added[0], collection.Collection, hashindex.Copy, 0.8, glimpses)})
	o.must(err)
	raw, err := o.builder.Hit(t.Context(), "rita", casework.Everything, rulings[0][0].Hit)
	o.must(err)
	return raw
}

func TestPackOfASegmentFollowsFromItsFrames(t *testing.T) {
	raw := segmentPack(t)
	report := verify(t, raw)
	if !report.Sound() || len(report.Unproven) != 2 {
		t.Fatalf("findings %q, unproven %q: want none, and the frames and the film without pictures", report.Findings, report.Unproven)
	}
	whole, err := pack.Read(raw)
	if err != nil {
		t.Fatal(err)
	}
	page, drawn := string(whole["index.html"]), string(whole["timelines/hit-1.svg"])
	if strings.Count(page, "data:image/jpeg;base64,") != 2 || !strings.Contains(page, "data:image/svg") || strings.Count(drawn, "<circle") != 4 {
		t.Errorf("the page lacks frames or the drawing: %d circles", strings.Count(drawn, "<circle"))
	}
	other := fixtures.EncodeJPEG(fixtures.Product(40), 80)
	pair := func(c *pack.Case) (*casework.Pair, **pack.Fingerprints) { // one that has a picture
		return &c.Hits[0].Hit.Segment.Pairs[1], &c.Hits[0].Frames[1]
	}
	for name, change := range map[string]func(*pack.Case, map[string][]byte){
		"distance": func(c *pack.Case, _ map[string][]byte) { p, _ := pair(c); p.Distance++ },
		"hash": func(c *pack.Case, _ map[string][]byte) {
			p, _ := pair(c)
			p.QueryHash.Words[0] ^= 1
			p.Distance++
		},
		"both hashes": func(c *pack.Case, _ map[string][]byte) {
			p := &c.Hits[0].Hit.Segment.Pairs[0] // one that has none
			p.QueryHash.Words[0] ^= 1
			p.ReferenceHash.Words[0] ^= 1
		},
		"quality":          func(c *pack.Case, _ map[string][]byte) { p, _ := pair(c); p.Quality-- },
		"frame":            func(c *pack.Case, _ map[string][]byte) { p, _ := pair(c); p.Frame++ },
		"reference's time": func(c *pack.Case, _ map[string][]byte) { p, _ := pair(c); p.ReferenceAt++ },
		"outside":          func(c *pack.Case, _ map[string][]byte) { c.Hits[0].Hit.Segment.To = c.Hits[0].Hit.Segment.Pairs[0].At },
		"evidence":         func(c *pack.Case, _ map[string][]byte) { c.Hits[0].Hit.Evidence.QueryHash.Words[1] ^= 1 },
		"state":            func(c *pack.Case, _ map[string][]byte) { c.Hits[0].Hit.State = casework.Confirmed },
		"no frames":        func(c *pack.Case, _ map[string][]byte) { c.Hits[0].Frames = nil },
		"no drawing":       func(_ *pack.Case, files map[string][]byte) { delete(files, "timelines/hit-1.svg") },
		"another's picture": func(c *pack.Case, files map[string][]byte) {
			p, made := pair(c)
			delete(files, "pictures/"+p.Picture.String())
			p.Picture = hashindex.DigestOf(other)
			(*made).Content = p.Picture
			files["pictures/"+p.Picture.String()] = other
		},
	} {
		files := map[string][]byte{}
		for name, content := range whole {
			files[name] = bytes.Clone(content)
		}
		var c pack.Case
		if err := json.Unmarshal(files["case.json"], &c); err != nil {
			t.Fatal(err)
		}
		change(&c, files)
		text, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		files["case.json"] = text
		sealed, err := pack.Seal(files)
		if err != nil {
			continue // it makes no page
		}
		if report := verify(t, sealed); report.Sound() {
			t.Errorf("%s: not found", name)
		}
	}
	files, err := pack.Read(raw)
	if err != nil {
		t.Fatal(err)
	}
	files["timelines/hit-1.svg"] = bytes.Replace(files["timelines/hit-1.svg"], []byte("#26c"), []byte("#27c"), 1)
	redrawn, err := pack.Write(files)
	if err != nil {
		t.Fatal(err)
	}
	if report := verify(t, redrawn); report.Sound() {
		t.Error("another drawing: not found")
	}
}
