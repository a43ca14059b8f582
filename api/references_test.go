package api_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"touchstone/api"
	"touchstone/api/wire"
	"touchstone/fixtures"
)

func TestAddedPictureIsSearchableAndSaysWhatItResembles(t *testing.T) {
	h := open(t).ready()
	h.collection("shoes", "brand")
	h.collection("boots", "brand")
	first := h.add("shoes", product(1))[0]
	if len(first.NearDuplicates) != 0 || len(first.Conflicts) != 0 || !first.Searchable || first.Quality == nil || first.Width == 0 {
		t.Errorf("the first of its kind: %+v", first)
	}
	again := h.add("shoes", product(1))[0]
	if len(again.NearDuplicates) != 1 || again.NearDuplicates[0].ReferenceID != first.ID || again.NearDuplicates[0].Kind != "copy" {
		t.Errorf("the same picture again: %+v", again)
	}
	claimed := h.add("boots", product(1))[0]
	if len(claimed.Conflicts) != 2 || claimed.Conflicts[0].Collection != "shoes" {
		t.Errorf("the picture of somebody else: %+v", claimed)
	}
}

func TestPoorPictureIsKeptButNotSearchable(t *testing.T) {
	h := open(t).ready()
	h.collection("shoes", "brand")
	added := h.add("shoes", flat())[0]
	if added.Searchable {
		t.Errorf("a flat picture is searchable: %+v", added)
	}
	h.get("/v1/references/" + added.ID + "/image").want(200)
}

func TestExternalIDsAndMetaGoToThePicturesInOrder(t *testing.T) {
	h := open(t).ready()
	h.collection("shoes", "brand")
	h.parts("/v1/collections/shoes/references",
		field("external_id", "one"), image(product(1)), field("meta", `{"n":"1"}`),
		image(product(2)), field("meta", `{"n":"2"}`), field("external_id", "two")).want(201)
	for n, id := range []string{"one", "two"} {
		page := into[wire.References](h.get("/v1/collections/shoes/references?external_id=" + id).want(200))
		if len(page.References) != 1 || page.References[0].Meta["n"] != fmt.Sprint(n+1) {
			t.Errorf("%s: %+v", id, page.References)
		}
	}
	h.parts("/v1/collections/shoes/references", image(product(3)), image(product(4)), field("meta", `{"for":"all"}`)).want(201)
	page := into[wire.References](h.get("/v1/collections/shoes/references").want(200))
	if len(page.References) != 4 || page.References[2].Meta["for"] != "all" || page.References[3].Meta["for"] != "all" {
		t.Errorf("one meta for all: %+v", page.References)
	}
}

func TestTakenExternalIDAddsNothing(t *testing.T) {
	h := open(t).ready()
	h.collection("shoes", "brand")
	h.parts("/v1/collections/shoes/references", image(product(1)), field("external_id", "one")).want(201)
	before := h.seq()
	h.parts("/v1/collections/shoes/references", image(product(2)), field("external_id", "two"), image(product(3)), field("external_id", "one")).problem(409, "reference_exists")
	h.parts("/v1/collections/shoes/references", image(product(2)), field("external_id", "two"), image(product(3)), field("external_id", "two")).problem(409, "reference_exists")
	h.post("/v1/collections/shoes/references", "text/csv", []byte("external_id,pdq\none,"+hexOf(1)+"\n")).problem(409, "reference_exists")
	if after := h.seq(); after != before {
		t.Errorf("seq went from %d to %d", before, after)
	}
}

func TestHashesAreAddedAloneTogetherAndAsLists(t *testing.T) {
	h := open(t).ready()
	h.collection("list", "work")
	const path = "/v1/collections/list/references"
	one := into[wire.AddedReferences](h.json("POST", path, wire.HashReference{ExternalID: "a", Hashes: wire.Hashes{PDQ: hexOf(1)}}).want(201)).References[0]
	if one.Quality != nil || !one.Searchable || one.NearDuplicates == nil {
		t.Errorf("got %+v", one)
	}
	h.json("POST", path, wire.HashReferences{References: []wire.HashReference{{ExternalID: "b", Hashes: wire.Hashes{PHash: "c3d4a1f00e5b9687"}}}}).want(201)
	csv := into[wire.AddedList](h.post(path, "text/csv; charset=utf-8", []byte("external_id,pdq,meta\nc,"+hexOf(2)+",\"{\"\"k\"\":\"\"v\"\"}\"\n")).want(201))
	lines := into[wire.AddedList](h.post(path, "application/x-ndjson", []byte(`{"external_id":"d","pdq":"`+hexOf(3)+`"}`+"\n")).want(201))
	if csv.Added != 1 || lines.Added != 1 || lines.Seq != csv.Seq+1 {
		t.Errorf("got %+v and %+v", csv, lines)
	}
	for n, id := range []string{"a", "b", "c", "d"} {
		page := into[wire.References](h.get(path + "?external_id=" + id).want(200))
		if len(page.References) != 1 || n == 2 && page.References[0].Meta["k"] != "v" {
			t.Errorf("%s: %+v", id, page)
		}
	}
}

func TestListIsAddedWholeOrNotAtAll(t *testing.T) {
	h := open(t).ready()
	h.collection("list", "work")
	const path = "/v1/collections/list/references"
	before := h.seq()
	var list strings.Builder
	list.WriteString("pdq\n")
	for n := range api.ReferenceHashes {
		list.WriteString(hexOf(n) + "\n")
	}
	p := h.post(path, "text/csv", []byte(list.String()+hexOf(-1)+"\n")).problem(413, "limit_exceeded")
	if p.Limit != "references" || p.Max != 10000 {
		t.Errorf("got %+v", p)
	}
	p = h.post(path, "text/csv", []byte(list.String()[:700]+"xyz\n")).problem(400, "input_invalid")
	if p.Field != "pdq" || !strings.Contains(p.Detail, "line ") {
		t.Errorf("got %+v", p)
	}
	if after := h.seq(); after != before {
		t.Errorf("seq went from %d to %d", before, after)
	}
	if got := into[wire.AddedList](h.post(path, "text/csv", []byte(list.String())).want(201)); got.Added != api.ReferenceHashes {
		t.Errorf("added %d", got.Added)
	}
}

func TestManyHashesAtOnceAreNotLookedFor(t *testing.T) {
	h := open(t).ready()
	h.collection("list", "work")
	var list []wire.HashReference
	for n := range 101 {
		list = append(list, wire.HashReference{Hashes: wire.Hashes{PDQ: hexOf(n)}})
	}
	added := into[wire.AddedReferences](h.json("POST", "/v1/collections/list/references", wire.HashReferences{References: list}).want(201))
	if r := added.References[100]; r.NearDuplicates != nil || r.Conflicts != nil {
		t.Errorf("got %+v, want null", r)
	}
}

func TestPagesHoldEachReferenceOnce(t *testing.T) {
	h := open(t).ready()
	h.collection("list", "work")
	var list []wire.HashReference
	for n := range 25 {
		list = append(list, wire.HashReference{ExternalID: fmt.Sprint(n), Hashes: wire.Hashes{PDQ: hexOf(n)}})
	}
	h.json("POST", "/v1/collections/list/references", wire.HashReferences{References: list}).want(201)
	for _, limit := range []int{1, 5, 24, 25, 26, 1000} {
		var got []string
		for cursor, path := "", fmt.Sprintf("/v1/collections/list/references?limit=%d", limit); ; {
			page := into[wire.References](h.get(path + cursor).want(200))
			for _, r := range page.References {
				got = append(got, r.ExternalID)
			}
			if page.Next == "" {
				break
			}
			if len(page.References) != limit {
				t.Fatalf("limit %d: a page of %d with more to come", limit, len(page.References))
			}
			cursor = "&cursor=" + page.Next
		}
		if len(got) != 25 || got[0] != "0" || got[24] != "24" {
			t.Errorf("limit %d: got %v", limit, got)
		}
	}
	for _, cursor := range []string{"", "x", "!!", "cg", "cgA", "chE=", "chECAwQ", strings.Repeat("_", 99)} {
		a := h.get("/v1/collections/list/references?cursor=" + cursor)
		if cursor == "cgA" {
			continue // reference 0, before the first
		}
		if p := a.problem(400, "input_invalid"); p.Field != "cursor" {
			t.Errorf("cursor %q: field %q", cursor, p.Field)
		}
	}
}

func TestDisabledReferenceIsInNoAnswerUntilThen(t *testing.T) {
	h := open(t).ready()
	h.collection("shoes", "brand")
	id := h.add("shoes", product(1))[0].ID
	matches := func() int {
		return len(into[wire.MatchAnswer](h.post("/v1/match", "image/jpeg", product(1)).want(200)).Results[0].Matches)
	}
	changed := into[wire.Reference](h.json("PATCH", "/v1/references/"+id, `{"disabled_until":"2999-01-01T00:00:00Z","note":"no","meta":{"a":"b"}}`).want(200))
	if changed.DisabledUntil == nil || changed.Note != "no" || changed.Meta["a"] != "b" || changed.Seq == 0 {
		t.Errorf("got %+v", changed)
	}
	if got := matches(); got != 0 {
		t.Errorf("a disabled reference is answered %d times", got)
	}
	changed = into[wire.Reference](h.json("PATCH", "/v1/references/"+id, `{"disabled_until":null}`).want(200))
	if changed.DisabledUntil != nil || changed.Note != "no" || changed.Meta["a"] != "b" {
		t.Errorf("got %+v", changed)
	}
	if got := matches(); got != 1 {
		t.Errorf("an enabled reference is answered %d times", got)
	}
	if p := h.json("PATCH", "/v1/references/"+id, `{"disabled_until":"tomorrow"}`).problem(400, "input_invalid"); p.Field != "disabled_until" {
		t.Errorf("field %q", p.Field)
	}
}

func TestRemovedReferenceIsGoneFromEveryAnswer(t *testing.T) {
	h := open(t).ready()
	h.collection("shoes", "brand")
	id := h.add("shoes", product(1))[0].ID
	h.delete("/v1/references/" + id).want(200)
	h.get("/v1/references/"+id).problem(404, "reference_not_found")
	h.get("/v1/references/"+id+"/image").problem(404, "reference_not_found")
	h.delete("/v1/references/"+id).problem(404, "reference_not_found")
	h.json("PATCH", "/v1/references/"+id, `{"note":""}`).problem(404, "reference_not_found")
	if got := into[wire.MatchAnswer](h.post("/v1/match", "image/jpeg", product(1)).want(200)); got.Results[0].Status != "no_match" {
		t.Errorf("got %+v", got)
	}
}

func TestImageIsTheBytesThatWereSent(t *testing.T) {
	h := open(t).ready()
	h.collection("shoes", "brand")
	png := fixtures.EncodePNG(fixtures.Logo(1))
	for contentType, content := range map[string][]byte{"image/jpeg": product(1), "image/png": png} {
		id := h.add("shoes", content)[0].ID
		a := h.get("/v1/references/" + id + "/image").want(200)
		if !bytes.Equal(a.body, content) || a.header.Get("Content-Type") != contentType || a.header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %d bytes of %d, headers %v", contentType, len(a.body), len(content), a.header)
		}
		reference := into[wire.Reference](h.get("/v1/references/" + id).want(200))
		if tag := a.header.Get("ETag"); tag != `"`+reference.Content+`"` {
			t.Errorf("ETag %s of content %s", tag, reference.Content)
		}
		r := h.request("GET", "/v1/references/"+id+"/image", "", nil)
		r.Header.Set("If-None-Match", a.header.Get("ETag"))
		if again := h.do(r).want(304); len(again.body) != 0 {
			t.Errorf("304 with %d bytes", len(again.body))
		}
	}
	id := into[wire.AddedReferences](h.json("POST", "/v1/collections/shoes/references", wire.HashReference{Hashes: wire.Hashes{PDQ: hexOf(1)}})).References[0].ID
	h.get("/v1/references/"+id+"/image").problem(404, "image_not_found")
}

func TestTimesAreUTC(t *testing.T) {
	h := open(t).ready()
	h.collection("shoes", "brand")
	id := h.add("shoes", product(1))[0].ID
	r := into[wire.Reference](h.json("PATCH", "/v1/references/"+id, `{"disabled_until":"2999-01-01T02:00:00+02:00"}`).want(200))
	if r.DisabledUntil.Location() != time.UTC || r.Added.Location() != time.UTC || r.DisabledUntil.Hour() != 0 {
		t.Errorf("got %v and %v", r.Added, r.DisabledUntil)
	}
}
