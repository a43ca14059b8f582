package api_test

import (
	"fmt"
	"testing"

	"touchstone/api/wire"
)

func TestCollectionIsWhatItWasCreatedAs(t *testing.T) {
	h := open(t).ready()
	radius := 20
	created := h.json("POST", "/v1/collections", wire.NewCollection{Name: "shoes", Purpose: "brand", Policy: &wire.Policy{Radius: &radius}}).want(201)
	if got := created.header.Get("Location"); got != "/v1/collections/shoes" {
		t.Errorf("Location %q", got)
	}
	if seq := into[wire.Collection](created).Seq; seq != 1 {
		t.Errorf("seq %d, want 1", seq)
	}
	c := into[wire.Collection](h.get("/v1/collections/shoes").want(200))
	if c.Name != "shoes" || c.Purpose != "brand" || *c.Policy.Radius != 20 || *c.Policy.CopyRadius != 10 || *c.Policy.Radius64 != 6 {
		t.Errorf("got %+v %d", c, *c.Policy.Radius)
	}
	h.json("POST", "/v1/collections", wire.NewCollection{Name: "shoes", Purpose: "work"}).problem(409, "collection_exists")
}

func TestCollectionsAreListedByName(t *testing.T) {
	h := open(t).ready()
	if got := into[wire.Collections](h.get("/v1/collections").want(200)); got.Collections == nil || len(got.Collections) != 0 {
		t.Errorf("an empty list is %v, want []", got)
	}
	h.collection("shoes", "brand")
	h.collection("art", "work")
	got := into[wire.Collections](h.get("/v1/collections").want(200)).Collections
	if len(got) != 2 || got[0].Name != "art" || got[1].Name != "shoes" {
		t.Errorf("got %+v", got)
	}
}

func TestPatchKeepsWhatItDoesNotName(t *testing.T) {
	h := open(t).ready()
	h.collection("shoes", "brand")
	c := into[wire.Collection](h.json("PATCH", "/v1/collections/shoes", `{"policy":{"radius":5}}`).want(200))
	if c.Purpose != "brand" || *c.Policy.Radius != 5 || *c.Policy.CopyRadius != 5 || *c.Policy.Radius64 != 6 {
		t.Errorf("got %+v, radius %d, copy radius %d", c, *c.Policy.Radius, *c.Policy.CopyRadius)
	}
	if p := h.json("PATCH", "/v1/collections/shoes", `{"policy":{"radius":65}}`).problem(400, "input_invalid"); p.Field != "policy.radius" {
		t.Errorf("field %q", p.Field)
	}
	h.json("PATCH", "/v1/collections/boots", `{}`).problem(404, "collection_not_found")
}

func TestPartialPolicyIsABooleanOrAnObject(t *testing.T) {
	h := open(t).ready()
	h.collection("shoes", "brand")
	for _, each := range []struct {
		patch    string
		enabled  bool
		coverage float64
	}{
		{`{}`, true, 0.1},
		{`{"policy":{"partial":false}}`, false, 0.1},
		{`{"policy":{"partial":{"min_coverage":0.25}}}`, false, 0.25},
		{`{"policy":{"partial":true}}`, true, 0.25},
		{`{"policy":{"radius":12}}`, true, 0.25},
		{`{"policy":{"partial":{"enabled":false,"min_coverage":0}}}`, false, 0},
		{`{"policy":{"partial":null}}`, false, 0},
	} {
		h.json("PATCH", "/v1/collections/shoes", each.patch).want(200)
		got := into[wire.Collection](h.get("/v1/collections/shoes").want(200)).Policy.Partial
		if *got.Enabled != each.enabled || *got.MinCoverage != each.coverage {
			t.Errorf("after %s: %v %v, want %v %v", each.patch, *got.Enabled, *got.MinCoverage, each.enabled, each.coverage)
		}
	}
	for body, want := range map[string][2]string{
		`{"policy":{"partial":{"min_coverage":1.01}}}`:   {"input_invalid", "policy.partial.min_coverage"},
		`{"policy":{"partial":{"min_coverage":"much"}}}`: {"body_malformed", "policy.partial.min_coverage"},
		`{"policy":{"partial":7}}`:                       {"body_malformed", "policy.partial"},
		`{"policy":{"partial":{"radius":7}}}`:            {"body_malformed", "radius"},
	} {
		if p := h.json("PATCH", "/v1/collections/shoes", body).problem(400, want[0]); p.Field != want[1] {
			t.Errorf("%s: field %q, want %q", body, p.Field, want[1])
		}
	}
}

func TestCollectionWithReferencesIsRemovedOnlyWhenAsked(t *testing.T) {
	h := open(t).ready()
	h.collection("shoes", "brand")
	var list []wire.HashReference
	for n := range 1100 { // more than one page of removals
		list = append(list, wire.HashReference{Hashes: wire.Hashes{PDQ: hexOf(n)}})
	}
	h.json("POST", "/v1/collections/shoes/references", wire.HashReferences{References: list}).want(201)
	h.delete("/v1/collections/shoes").problem(409, "collection_not_empty")
	h.delete("/v1/collections/shoes?references=keep").problem(409, "collection_not_empty")
	if got := into[wire.Collection](h.get("/v1/collections/shoes")).References; got != 1100 {
		t.Fatalf("%d references are left after a refusal", got)
	}
	h.delete("/v1/collections/shoes?references=remove").want(200)
	h.get("/v1/collections/shoes").problem(404, "collection_not_found")
	h.delete("/v1/collections/shoes").problem(404, "collection_not_found")
	got := into[wire.MatchHashAnswer](h.json("POST", "/v1/match/hash", wire.MatchHashRequest{Hashes: []string{hexOf(1)}}).want(200))
	if len(got.Results[0].Matches) != 0 {
		t.Errorf("a removed collection answers %+v", got)
	}
}

func TestOddNamesEscapeNothing(t *testing.T) {
	h := open(t).ready()
	h.collection("shoes", "brand")
	before := h.seq()
	for _, name := range []string{"..", "../etc", "a/b", ".hidden", "a b", "UPPER", "naïve", "a\x00b", "", "-x", "a\nb", string(make([]byte, 65)), "\u202egpj"} {
		if p := h.json("POST", "/v1/collections", wire.NewCollection{Name: name, Purpose: "brand"}).problem(400, "input_invalid"); p.Field != "name" {
			t.Errorf("name %q: field %q", name, p.Field)
		}
	}
	for _, path := range []string{"..", "%2e%2e", "..%2f..%2fetc%2fpasswd", "%00", "a%00b", "na%C3%AFve", "%ff%fe", "shoes%2f..", "%252e%252e", "SHOES", "shoes%00"} {
		for _, tail := range []string{"", "/references"} {
			a := h.get("/v1/collections/" + path + tail)
			if a.status != 404 {
				t.Errorf("%s: status %d: %s", a.asked, a.status, a.body)
			}
		}
	}
	for _, id := range []string{"..", "%2e%2e%2fimage", "0", "-1", "01", "1e3", "99999999999999999999", "%00", "x"} {
		for _, tail := range []string{"", "/image"} {
			a := h.get("/v1/references/" + id + tail)
			if a.status != 404 {
				t.Errorf("%s: status %d: %s", a.asked, a.status, a.body)
			}
		}
	}
	if after := h.seq(); after != before {
		t.Errorf("seq went from %d to %d", before, after)
	}
}

func TestEncodedNameIsTheSameName(t *testing.T) {
	h := open(t).ready()
	h.collection("shoes", "brand")
	for _, path := range []string{"shoes", "%73hoes", "sho%65s"} {
		h.get(fmt.Sprintf("/v1/collections/%s", path)).want(200)
	}
}
