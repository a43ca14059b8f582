package api_test

import (
	"image/color"
	"math/rand/v2"
	"strings"
	"testing"

	"touchstone/api/wire"
	"touchstone/fixtures"
	"touchstone/hashindex"
)

func flat() []byte { return fixtures.EncodePNG(fixtures.Flat(color.White, 64, 64)) }

func TestCopyIsFoundWithEvidenceThatVerifies(t *testing.T) {
	h := open(t).ready()
	h.collection("shoes", "brand")
	id := h.add("shoes", product(1), product(2))[1].ID
	shrunk := fixtures.EncodeJPEG(fixtures.Product(2), 30)
	got := into[wire.MatchAnswer](h.post("/v1/match?effort=fast&limit=5&collections=shoes", "image/jpeg", shrunk).want(200))
	if len(got.Results) != 1 || got.Results[0].Status != "match" || len(got.Results[0].Matches) != 1 {
		t.Fatalf("got %+v", got)
	}
	m := got.Results[0].Matches[0]
	if m.ReferenceID != id || m.Kind != "copy" || m.Collection != "shoes" || m.Purpose != "brand" || m.QueryQuad[2] != [2]float64{1, 1} {
		t.Errorf("got %+v", m)
	}
	query, err := hashindex.ParseHash(m.Evidence.QueryHash)
	if err != nil {
		t.Fatal(err)
	}
	reference, err := hashindex.ParseHash(m.Evidence.ReferenceHash)
	if err != nil {
		t.Fatal(err)
	}
	if d := query.Distance(reference); d != m.Distance || d > m.Evidence.CopyRadius {
		t.Errorf("the evidence says %d, the hashes are %d apart", m.Distance, d)
	}
}

func TestResultsComeInTheOrderOfThePictures(t *testing.T) {
	h := open(t).ready()
	h.collection("shoes", "brand")
	h.parts("/v1/collections/shoes/references", image(product(1)), field("external_id", "one"), image(product(2)), field("external_id", "two")).want(201)
	got := into[wire.MatchAnswer](h.parts("/v1/match", images(product(2), product(3), flat(), product(1))...).want(200))
	want := []string{"match two", "no_match", "undecidable", "match one"}
	for i, r := range got.Results {
		text := r.Status
		if len(r.Matches) > 0 {
			text += " " + r.Matches[0].ExternalID
		}
		if text != want[i] {
			t.Errorf("result %d is %q, want %q", i, text, want[i])
		}
	}
	if got.Seq != h.seq() {
		t.Errorf("seq %d", got.Seq)
	}
}

func TestMirroredPictureSaysSo(t *testing.T) {
	h := open(t).ready()
	h.collection("shoes", "brand")
	h.add("shoes", product(1))
	for _, a := range fixtures.Attacks() {
		if a.Name != "mirror" {
			continue
		}
		mirrored, _ := a.Apply(rand.New(rand.NewPCG(1, 1)), fixtures.Product(1))
		got := into[wire.MatchAnswer](h.post("/v1/match", "image/jpeg", mirrored).want(200))
		if m := got.Results[0].Matches; len(m) != 1 || !m[0].Transform.Mirrored || m[0].Transform.Rotation != 0 || m[0].Kind != "near" {
			t.Errorf("got %+v", m)
		}
		return
	}
	t.Fatal("no attack of that name")
}

func TestBenignCollectionSuppresses(t *testing.T) {
	h := open(t).ready()
	h.collection("shoes", "brand")
	h.collection("charts", "benign")
	h.add("shoes", product(1))
	h.add("charts", product(1))
	got := into[wire.MatchAnswer](h.post("/v1/match?collections=shoes", "image/jpeg", product(1)).want(200)).Results[0]
	if got.Status != "no_match" || len(got.Matches) != 0 || len(got.SuppressedBy) != 1 || got.SuppressedBy[0].Collection != "charts" {
		t.Errorf("got %+v", got)
	}
}

func TestCollectionsNarrowASearch(t *testing.T) {
	h := open(t).ready()
	for _, name := range []string{"a", "b", "c"} {
		h.collection(name, "brand")
		h.add(name, product(1))
	}
	for query, want := range map[string]int{"": 3, "?collections=a": 1, "?collections=a,b": 2, "?collections=a&collections=c": 2, "?limit=1": 1} {
		got := into[wire.MatchAnswer](h.post("/v1/match"+query, "image/jpeg", product(1)).want(200)).Results[0].Matches
		if len(got) != want {
			t.Errorf("%q: %d matches, want %d", query, len(got), want)
		}
	}
}

func TestSubjectHasALimit(t *testing.T) {
	h := open(t).ready()
	h.parts("/v1/match", image(product(1)), field("subject", "listing-4711")).want(200)
	h.parts("/v1/match", image(product(1)), field("subject", strings.Repeat("x", 1025))).problem(413, "limit_exceeded")
	if p := h.parts("/v1/match", image(product(1)), field("subject", "a\nb")).problem(400, "input_invalid"); p.Field != "subject" {
		t.Errorf("field %q", p.Field)
	}
}

func TestCompareSaysWhy(t *testing.T) {
	h := open(t).ready()
	same := into[wire.CompareAnswer](h.parts("/v1/compare", images(product(1), product(1))...).want(200))
	if same.Status != "match" || same.Kind != "copy" || !same.SameBytes || same.Best.PDQ != 0 || same.Score != 1 {
		t.Errorf("the same: %+v", same)
	}
	other := into[wire.CompareAnswer](h.parts("/v1/compare", images(product(1), product(2))...).want(200))
	if other.Status != "no_match" || other.Kind != "" || !strings.Contains(other.Why, "beyond the radius of 31") {
		t.Errorf("others: %+v", other)
	}
	poor := into[wire.CompareAnswer](h.parts("/v1/compare", images(product(1), flat())...).want(200))
	if poor.Status != "undecidable" || !strings.Contains(poor.Why, "image 1") {
		t.Errorf("flat: %+v", poor)
	}
	h.parts("/v1/compare", images(product(1))...).problem(400, "input_invalid")
	if p := h.parts("/v1/compare", images(product(1), product(2), product(3))...).problem(413, "limit_exceeded"); p.Limit != "compare_images" {
		t.Errorf("limit %q", p.Limit)
	}
}

func TestHashesOfAPictureAreFoundAgain(t *testing.T) {
	h := open(t).ready()
	h.collection("list", "work")
	hashed := into[wire.HashAnswer](h.post("/v1/hash", "application/octet-stream", product(1)).want(200))
	h.json("POST", "/v1/collections/list/references", wire.HashReference{Hashes: hashed.Results[0].Hashes}).want(201)
	got := into[wire.MatchAnswer](h.post("/v1/match", "image/jpeg", product(1)).want(200)).Results[0]
	if len(got.Matches) != 1 || got.Matches[0].Distance != 0 || got.Matches[0].Evidence.ReferenceQuality != nil {
		t.Errorf("got %+v", got)
	}
	if two := into[wire.HashAnswer](h.parts("/v1/hash", images(product(1), product(2))...).want(200)); len(two.Results) != 2 || two.Results[0] != hashed.Results[0] {
		t.Errorf("got %+v", two)
	}
}
