package api_test

import (
	"bytes"
	"context"
	"fmt"
	stdimage "image"
	"image/color"
	"image/draw"
	"image/png"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"touchstone/api"
	"touchstone/api/overlay"
	"touchstone/api/wire"
	"touchstone/fixtures"
	"touchstone/hashindex"
	"touchstone/hashindex/align"
	"touchstone/hashindex/fingerprint"
	"touchstone/hashindex/search/linear"
	"touchstone/hashindex/search/searchtest"
	"touchstone/hashindex/store/memory"
)

// attacked is the product after the attack of that name, always the same.
func attacked(t testing.TB, n int, attack string) []byte {
	t.Helper()
	for _, a := range fixtures.Attacks() {
		if a.Name == attack {
			content, _ := a.Apply(rand.New(rand.NewPCG(1, 1)), fixtures.Product(n))
			return content
		}
	}
	t.Fatalf("no attack %s", attack)
	return nil
}

func TestPartOfAReferenceIsFoundOverHTTP(t *testing.T) {
	h := open(t).ready()
	h.collection("shoes", "brand")
	h.add("shoes", product(1))
	h.add("shoes", product(2))
	for attack, least := range map[string][2]float64{ // of the reference, of the query
		"crop30": {0.3, 0.8}, "screenshot": {0.7, 0.1}, "pip50": {0.7, 0.1}, "border": {0.8, 0.4},
	} {
		query := attacked(t, 1, attack)
		got := into[wire.MatchAnswer](h.post("/v1/match", "image/jpeg", query).want(200)).Results[0]
		if got.Status != "match" || fmt.Sprint(got.Tried) != "[copy near partial]" || len(got.Matches) != 1 {
			t.Errorf("%s: %s, tried %v, %d matches", attack, got.Status, got.Tried, len(got.Matches))
			continue
		}
		m := got.Matches[0]
		if m.Kind != "partial" || m.Transform.Matrix == nil || m.Transform.Mirrored || m.Evidence.Alignment == nil || m.Score < 0.5 {
			t.Errorf("%s: %+v", attack, m)
		}
		if m.ReferenceCoverage < least[0] || m.QueryCoverage < least[1] || m.Distance <= 31 {
			t.Errorf("%s: %.2f of the reference, %.2f of the query, distance %d", attack, m.ReferenceCoverage, m.QueryCoverage, m.Distance)
		}
		fast := into[wire.MatchAnswer](h.post("/v1/match?effort=fast", "image/jpeg", query).want(200)).Results[0]
		if fast.Status != "no_match" || fmt.Sprint(fast.Tried) != "[copy near]" {
			t.Errorf("%s, fast: %s, tried %v", attack, fast.Status, fast.Tried)
		}
	}
	stats := into[wire.Stats](h.get("/v1/stats").want(200))
	if p := stats.Partial; p.Queries != 4 || p.Proposals < 4 || p.Matched != 4 {
		t.Errorf("%+v", p)
	}
	if text := string(h.get("/metrics").body); !strings.Contains(text, `touchstone_partial_total{what="matched"} 4`) || !strings.Contains(text, `touchstone_searcher_entries{searcher="exhaustive",space="partial"} 2`) {
		t.Error("the metrics lack tier partial")
	}
}

// counted counts the pictures that features are made of.
type counted struct {
	api.Fingerprinter
	detailed atomic.Int64
}

func (c *counted) Detailed(ctx context.Context, encoded []byte) (hashindex.Picture, error) {
	c.detailed.Add(1)
	return c.Fingerprinter.Detailed(ctx, encoded)
}

func (c *counted) Stored(ctx context.Context, encoded []byte) (hashindex.Picture, error) {
	c.detailed.Add(1)
	return c.Fingerprinter.Stored(ctx, encoded)
}

func TestFeaturesAreMadeOnlyWhereTheyAreSearched(t *testing.T) {
	c := &counted{Fingerprinter: fingerprint.New(fingerprint.Limits{})}
	h := openWith(t, api.Config{Fingerprint: c}).ready()
	h.collection("shoes", "brand")
	h.collection("boots", "brand")
	h.json("PATCH", "/v1/collections/boots", `{"policy":{"partial":false}}`).want(200)
	for _, each := range []struct {
		path string
		want int64
	}{
		{"/v1/match?effort=fast", 0}, {"/v1/hash", 0}, {"/v1/match?collections=boots", 0},
		{"/v1/match", 1}, {"/v1/match?effort=full&collections=shoes", 1},
	} {
		c.detailed.Store(0)
		h.post(each.path, "image/jpeg", product(1)).want(200)
		if got := c.detailed.Load(); got != each.want {
			t.Errorf("%s: features of %d pictures, want %d", each.path, got, each.want)
		}
	}
}

func TestReferenceSaysWhichTiersFindIt(t *testing.T) {
	h := open(t).ready()
	h.collection("shoes", "brand")
	pictured := h.add("shoes", product(1))[0]
	h.json("POST", addPath, wire.HashReference{ExternalID: "bare", Hashes: wire.Hashes{PDQ: hexOf(1)}}).want(201)
	h.json("POST", addPath, wire.HashReference{ExternalID: "lone", Hashes: wire.Hashes{PHash: "0123456789abcdef"}}).want(201)
	if fmt.Sprint(pictured.Tiers) != "[copy near partial]" {
		t.Errorf("added: %v", pictured.Tiers)
	}
	for id, want := range map[string]string{"bare": "[copy near]", "lone": "[near]"} {
		got := into[wire.References](h.get(addPath + "?external_id=" + id).want(200)).References[0]
		if fmt.Sprint(got.Tiers) != want {
			t.Errorf("%s: %v, want %s", id, got.Tiers, want)
		}
	}
}

func TestCompareExplainsAPart(t *testing.T) {
	h := open(t).ready()
	h.collection("shoes", "brand")
	id := h.add("shoes", product(1))[0].ID
	h.json("POST", addPath, wire.HashReference{ExternalID: "bare", Hashes: wire.Hashes{PDQ: hexOf(1)}}).want(201)
	bare := into[wire.References](h.get(addPath + "?external_id=bare").want(200)).References[0].ID
	crop := attacked(t, 1, "crop30")
	two := into[wire.CompareAnswer](h.parts("/v1/compare", images(product(1), crop)...).want(200))
	if two.Status != "match" || two.Kind != "partial" || two.Overlay == nil || two.Overlay.ReferenceFeatures == "" || !strings.Contains(two.Why, "of the first picture is in the second") {
		t.Errorf("%+v", two)
	}
	one := into[wire.CompareAnswer](h.post("/v1/compare?reference="+id, "image/jpeg", crop).want(200))
	if one.Why != two.Why || *one.Overlay != *two.Overlay {
		t.Errorf("with the reference: %+v\nwith its picture: %+v", one, two)
	}
	match := into[wire.MatchAnswer](h.post("/v1/match", "image/jpeg", crop).want(200)).Results[0].Matches[0]
	if *match.Evidence.Alignment != *two.Overlay || match.Score != two.Score {
		t.Errorf("match: %+v\ncompare: %+v", match.Evidence.Alignment, two.Overlay)
	}
	h.json("PATCH", "/v1/collections/shoes", `{"policy":{"partial":{"min_coverage":1}}}`).want(200)
	if got := into[wire.CompareAnswer](h.post("/v1/compare?reference="+id, "image/jpeg", attacked(t, 1, "screenshot")).want(200)); got.Status != "no_match" || !strings.Contains(got.Why, "too little for the policy") {
		t.Errorf("under a policy that asks for all of it: %s: %s", got.Status, got.Why)
	}
	for _, path := range []string{"/v1/compare", "/v1/compare/overlay"} {
		h.post(path+"?reference="+bare, "image/jpeg", crop).problem(404, "image_not_found")
		h.parts(path+"?reference="+id, images(crop, crop)...).problem(413, "limit_exceeded")
		h.post(path, "image/jpeg", crop).problem(400, "input_invalid")
	}
}

func TestOverlayIsDrawn(t *testing.T) {
	h := open(t).ready()
	crop := attacked(t, 1, "crop30")
	for name, each := range map[string]struct {
		second   []byte
		outlined bool
	}{
		"part": {crop, true}, "copy": {attacked(t, 1, "jpeg10"), true}, "mirrored": {attacked(t, 1, "mirror"), true},
		"stranger": {product(2), false}, "flat": {fixtures.EncodePNG(fixtures.Flat(color.Gray{Y: 200}, 300, 200)), false},
	} {
		a := h.parts("/v1/compare/overlay", images(product(1), each.second)...).want(200)
		if got := a.header.Get("Content-Type"); got != "image/png" {
			t.Errorf("%s: %s", name, got)
		}
		drawn, err := png.Decode(bytes.NewReader(a.body))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if w := drawn.Bounds().Dx(); w < overlay.Side || w > 3*overlay.Side+100 {
			t.Errorf("%s: %v", name, drawn.Bounds())
		}
		if got := holds(drawn, color.NRGBA{0xff, 0x2d, 0x55, 0xff}); got != each.outlined {
			t.Errorf("%s: an outline: %v", name, got)
		}
	}
}

func holds(img stdimage.Image, want color.NRGBA) bool {
	plain := stdimage.NewNRGBA(img.Bounds())
	draw.Draw(plain, plain.Rect, img, img.Bounds().Min, draw.Src)
	for i := 0; i < len(plain.Pix); i += 4 {
		if p := plain.Pix[i:]; p[0] == want.R && p[1] == want.G && p[2] == want.B {
			return true
		}
	}
	return false
}

// odd are pictures that have no corner, or nothing but.
func odd() map[string]*stdimage.NRGBA {
	made := func(w, h int, at func(x, y int) uint8) *stdimage.NRGBA {
		img := stdimage.NewNRGBA(stdimage.Rect(0, 0, w, h))
		for y := range h {
			for x := range w {
				v := at(x, y)
				img.SetNRGBA(x, y, color.NRGBA{v, v, v, 255})
			}
		}
		return img
	}
	r := rand.New(rand.NewPCG(1, 2))
	return map[string]*stdimage.NRGBA{
		"one colour":   made(640, 480, func(int, int) uint8 { return 120 }),
		"gradient":     made(640, 480, func(x, y int) uint8 { return uint8(x * 255 / 640) }),
		"noise":        made(640, 480, func(int, int) uint8 { return uint8(r.Uint32()) }),
		"checkerboard": made(640, 640, func(x, y int) uint8 { return uint8((x/16 + y/16) % 2 * 255) }),
		"one row":      made(2000, 1, func(x, _ int) uint8 { return uint8(x * 7) }),
		"one column":   made(1, 2000, func(_, y int) uint8 { return uint8(y * 7) }),
		"one pixel":    made(1, 1, func(int, int) uint8 { return 7 }),
		"ten thousand tiles": made(1000, 1000, func(x, y int) uint8 { // equal ones, each with corners
			return [4]uint8{20, 220, 120, 60}[(x%10/5+y%10/3)%4]
		}),
	}
}

// TestOddPicturesAreAnsweredInTimeAndMatchNothingElse registers every odd picture beside two good ones and
// asks with each: nothing fails, or takes as long as a request may, and none is found in another.
func TestOddPicturesAreAnsweredInTimeAndMatchNothingElse(t *testing.T) {
	h := open(t).ready()
	h.collection("shoes", "brand")
	h.add("shoes", product(1))
	h.add("shoes", product(2))
	names := map[string]string{}
	for name, img := range odd() {
		names[h.add("shoes", fixtures.EncodePNG(img))[0].ID] = name
	}
	for name, img := range odd() {
		got := into[wire.MatchAnswer](h.post("/v1/match", "image/png", fixtures.EncodePNG(img)).want(200)).Results[0]
		for _, m := range got.Matches {
			if names[m.ReferenceID] != name {
				t.Errorf("%s is taken for %q: %s %.3f, %+v", name, names[m.ReferenceID], m.Kind, m.Score, m.Evidence.Alignment)
			}
		}
	}
	for _, n := range []int{1, 2} {
		crop := attacked(t, n, "crop30")
		if got := into[wire.MatchAnswer](h.post("/v1/match", "image/jpeg", crop).want(200)).Results[0]; len(got.Matches) != 1 {
			t.Errorf("product %d: %+v", n, got)
		}
	}
}

// waiting is an aligner that waits for the gate.
type waiting struct {
	hashindex.Aligner
	entered, gate chan struct{}
}

func (w waiting) Align(reference hashindex.Features, mirrored bool) (hashindex.Alignment, bool) {
	w.entered <- struct{}{}
	<-w.gate
	return w.Aligner.Align(reference, mirrored)
}

func TestHeavyQueriesTakeTurnsAndAreRefusedInTime(t *testing.T) {
	entered, gate := make(chan struct{}, 100), make(chan struct{})
	index, err := hashindex.Open(hashindex.Config{
		Store: memory.New(), Recipe: fingerprint.Recipe,
		NewSearcher:        func(a hashindex.Algorithm) hashindex.Searcher { return linear.New(a.Bits()) },
		NewPartialSearcher: searchtest.NewExhaustive,
		NewAligner: func(query hashindex.Features) hashindex.Aligner {
			return waiting{align.New(query), entered, gate}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { checkAndClose(t, index) })
	h := serve(t, index, api.Config{Workers: 1, Limits: api.Limits{QueueWait: time.Millisecond}}).ready()
	h.collection("shoes", "brand")
	h.add("shoes", product(1))
	first := make(chan answer, 1)
	go func() { first <- h.post("/v1/match", "image/jpeg", product(1)) }()
	<-entered
	if a := h.post("/v1/match", "image/jpeg", product(2)); a.problem(503, "overloaded").Code != "" && a.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	close(gate)
	(<-first).want(200)
}
