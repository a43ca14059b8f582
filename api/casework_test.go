package api_test

import (
	"strings"
	"testing"

	"touchstone/api"
	"touchstone/api/keys"
	"touchstone/api/wire"
	"touchstone/casework"
	"touchstone/hashindex"
)

// fillDesk makes what the examples of requests name: a holder, a right and a hit.
func fillDesk(h *house, reference string) {
	h.t.Helper()
	h.json("PUT", "/v1/holders/acme", wire.NewHolder{Name: "Acme"}).want(200)
	h.json("POST", "/v1/rights", wire.NewRight{Holder: "acme", Kind: "trademark", Collections: []string{"there"}}).want(201)
	h.parts("/v1/match", image(product(1)), field("subject", "L-1")).want(200)
	if hits := into[wire.Hits](h.get("/v1/hits?reference=" + reference).want(200)).Hits; len(hits) != 1 {
		h.t.Fatalf("hits of reference %s: %+v", reference, hits)
	}
}

// walkDesk gets every status of the operations of casework.
func walkDesk(h *house) {
	t := h.t
	t.Helper()
	h.collection("cases", "brand")
	reference := h.add("cases", product(7))[0].ID
	big := strings.Repeat(" ", 33<<20)
	for _, path := range []string{"/v1/holders/acme", "/v1/rights", "/v1/licences", "/v1/hits", "/v1/hits/1", "/v1/policy", "/v1/references/" + reference + "/verdict"} {
		method := map[bool]string{true: "PUT", false: "POST"}[strings.Contains(path, "holders") || strings.Contains(path, "verdict")]
		if path == "/v1/policy" {
			method = "PATCH"
		}
		h.json(method, path, big).problem(413, "limit_exceeded")
		h.do(h.request(method, path, "text/plain", nil)).problem(415, "content_type_unsupported")
		h.json(method, path, `{"colour":1}`).problem(400, "body_malformed")
	}
	for _, path := range []string{"/v1/holders", "/v1/rights", "/v1/licences", "/v1/hits", "/v1/sellers", "/v1/quarantine"} {
		h.get(path).want(200)
		h.get(path+"?cursor=x").problem(400, "input_invalid")
	}
	h.json("PUT", "/v1/holders/acme", wire.NewHolder{Name: "Acme"}).want(200)
	h.get("/v1/holders/acme").want(200)
	h.get("/v1/holders/nobody").problem(404, "holder_not_found")

	right := into[wire.Right](h.json("POST", "/v1/rights", wire.NewRight{Holder: "acme", Kind: "design", Collections: []string{"cases"}}).want(201))
	path := "/v1/rights/" + right.ID
	h.get(path).want(200)
	h.get("/v1/rights/0").problem(404, "right_not_found")
	h.json("PATCH", path, `{"state":"verified"}`).want(200)
	if p := h.json("PATCH", path, `{"state":"recorded"}`).problem(409, "transition_not_allowed"); p.State != "verified" || len(p.Allowed) != 2 {
		t.Errorf("verified to recorded: %+v", p)
	}
	h.json("PATCH", path, `{"from":"2027-01-01"}`).problem(400, "input_invalid")
	h.json("PATCH", "/v1/rights/0", `{}`).problem(404, "right_not_found")
	h.json("PATCH", path, big).problem(413, "limit_exceeded")
	h.do(h.request("PATCH", path, "text/plain", nil)).problem(415, "content_type_unsupported")

	licence := into[wire.Licence](h.json("POST", "/v1/licences", wire.NewLicence{Right: right.ID, Seller: "outlet"}).want(201))
	h.get("/v1/licences/" + licence.ID).want(200)
	h.get("/v1/licences/0").problem(404, "licence_not_found")
	h.delete("/v1/licences/" + licence.ID).want(200)
	h.delete("/v1/licences/"+licence.ID).problem(404, "licence_not_found")
	h.post("/v1/licences/import", "text/csv", []byte("right,seller\n"+right.ID+",a\n0,b\n")).want(200)
	h.post("/v1/licences/import", "text/csv", []byte("seller\n")).problem(400, "input_invalid")
	h.post("/v1/licences/import", "text/csv", []byte(big)).problem(413, "limit_exceeded")
	h.post("/v1/licences/import", "text/plain", nil).problem(415, "content_type_unsupported")

	matched := into[wire.MatchAnswer](h.parts("/v1/match", image(product(7)), field("subject", `{"listing":"L-7","seller":"shop"}`)).want(200))
	found := matched.Results[0].Matches[0]
	if found.Standing != "hit" || found.HitID == "" {
		t.Fatalf("stands as %q, hit %q", found.Standing, found.HitID)
	}
	hit := "/v1/hits/" + found.HitID
	h.get(hit).want(200)
	h.get("/v1/hits/0").problem(404, "hit_not_found")
	if got := h.get(hit + "/image").want(200); string(got.body) != string(product(7)) || got.header.Get("Content-Type") != "image/jpeg" {
		t.Errorf("the picture that was asked about: %d bytes of %s", len(got.body), got.header.Get("Content-Type"))
	}
	h.get("/v1/hits/0/image").problem(404, "hit_not_found")
	h.json("POST", hit, `{"action":"confirm","reason":"stolen_image"}`).want(200)
	if p := h.json("POST", hit, `{"action":"claim"}`).problem(409, "transition_not_allowed"); p.State != "confirmed" || len(p.Allowed) == 0 {
		t.Errorf("claimed when confirmed: %+v", p)
	}
	h.json("POST", "/v1/hits/0", `{"action":"claim"}`).problem(404, "hit_not_found")
	h.json("POST", "/v1/hits", wire.BulkOrder{Hits: []string{found.HitID, "999"}, Order: wire.Order{Action: "undo"}}).want(200)

	verdict := "/v1/references/" + reference + "/verdict"
	h.get(verdict).problem(404, "verdict_not_found")
	h.json("PUT", verdict, `{"finding":"genuine"}`).want(200)
	h.json("PUT", "/v1/references/0/verdict", `{"finding":"genuine"}`).problem(404, "reference_not_found")
	put := func(parts ...part) answer {
		body, kind := form(h, parts...)
		return h.do(h.request("PUT", verdict, kind, body))
	}
	put(image([]byte("text")), field("verdict", `{"finding":"fake"}`)).problem(422, "image_format_unsupported")
	with := into[wire.Verdict](put(image(product(8)), field("verdict", `{"finding":"fake","defects":["logo"]}`)).want(200))
	h.get(verdict).want(200)
	h.get(verdict + "/" + with.Photos[0]).want(200)
	h.get(verdict+"/0").problem(404, "image_not_found")

	h.get("/v1/collections/cases/thresholds").want(200)
	h.get("/v1/collections/cases/thresholds?radius=65").problem(400, "input_invalid")
	h.get("/v1/collections/boots/thresholds").problem(404, "collection_not_found")
	h.parts("/v1/collections/cases/references?dry_run=true", image(product(7))).want(200)
	h.get("/v1/policy").want(200)
	h.json("PATCH", "/v1/policy", `{"claim":"1h"}`).want(200)

	id := quarantined(h, reference)
	h.post("/v1/quarantine/"+id+"/release", "", nil).want(200)
	h.post("/v1/quarantine/"+id+"/release", "", nil).problem(409, "transition_not_allowed")
	h.post("/v1/quarantine/nothing/release", "", nil).problem(404, "quarantine_not_found")
}

// quarantined floods the reference until it is quarantined.
func quarantined(h *house, reference string) string {
	h.t.Helper()
	h.json("PATCH", "/v1/policy", `{"flood_sellers":2}`).want(200)
	for _, seller := range []string{"a1", "a2", "a3", "a4"} {
		h.parts("/v1/match", image(product(7)), field("subject", `{"listing":"F-`+seller+`","seller":"`+seller+`"}`)).want(200)
	}
	for _, q := range into[wire.Quarantines](h.get("/v1/quarantine").want(200)).Quarantine {
		if q.ID == "reference-"+reference {
			return q.ID
		}
	}
	h.t.Fatal("not quarantined")
	return ""
}

func TestMatchWithASubjectSaysHowItStands(t *testing.T) {
	h := open(t).ready()
	h.collection("shoes", "brand")
	h.add("shoes", product(1))
	h.json("PUT", "/v1/holders/acme", wire.NewHolder{Name: "Acme"}).want(200)
	right := into[wire.Right](h.json("POST", "/v1/rights", wire.NewRight{Holder: "acme", Kind: "trademark", Territory: []string{"EU"}, Collections: []string{"shoes"}}).want(201))
	h.json("POST", "/v1/licences", wire.NewLicence{Right: right.ID, Seller: "outlet", Territory: []string{"DE"}}).want(201)
	for subject, want := range map[string]string{
		`{"listing":"1","seller":"outlet","territory":"de"}`: "licensed",
		`{"listing":"2","seller":"outlet","territory":"FR"}`: "hit",
		`{"listing":"3","seller":"shop","territory":"US"}`:   "out_of_term",
		"a listing's id": "hit",
	} {
		answer := into[wire.MatchAnswer](h.parts("/v1/match", image(product(1)), field("subject", subject)).want(200))
		if m := answer.Results[0].Matches; len(m) != 1 || m[0].Standing != want || (m[0].HitID != "") != (want == "hit") {
			t.Errorf("%s: %+v, want %s", subject, m, want)
		}
	}
	if m := into[wire.MatchAnswer](h.parts("/v1/match", image(product(1))).want(200)).Results[0].Matches[0]; m.Standing != "" {
		t.Errorf("without a subject it stands as %q", m.Standing)
	}
	for _, bad := range []string{`{"listing":`, `{"seller":"x","territory":"Germany"}`, `{"colour":"red"}`, `{}`} {
		h.parts("/v1/match", image(product(1)), field("subject", bad)).problem(400, "input_invalid")
	}
	h.parts("/v1/match", image(product(1)), image(product(2)), image(product(3)), field("subject", "a"), field("subject", "b")).problem(400, "input_invalid")
}

func TestDryRunSaysWhatWouldComeAndAddsNothing(t *testing.T) {
	h := open(t).ready()
	h.collection("shoes", "brand")
	h.collection("boots", "brand")
	h.add("boots", product(1))
	h.json("PUT", "/v1/holders/other", wire.NewHolder{Name: "Other"}).want(200)
	h.json("POST", "/v1/rights", wire.NewRight{Holder: "other", Kind: "design", Collections: []string{"boots"}}).want(201)
	h.parts("/v1/match", image(product(1)), field("subject", "seen")).want(200)
	before := h.seq()
	dry := into[wire.DryRun](h.parts("/v1/collections/shoes/references?dry_run=true", image(product(1))).want(200))
	if r := dry.References[0]; !r.Searchable || len(r.Conflicts) != 1 || r.Conflicts[0].Holders[0] != "other" || len(r.NearDuplicates) != 0 || r.Sightings == nil || *r.Sightings != 1 || r.Truncated {
		t.Errorf("%+v", dry)
	}
	dry = into[wire.DryRun](h.json("POST", "/v1/collections/shoes/references?dry_run=true", wire.HashReference{Hashes: wire.Hashes{PHash: "c3d4a1f00e5b9687"}}).want(200))
	if r := dry.References[0]; r.Sightings == nil || *r.Sightings != 0 || !r.Truncated {
		t.Errorf("of a pHash, which no sighting has: %+v", r)
	}
	if h.seq() != before {
		t.Error("a dry run changed something")
	}
	h.post("/v1/collections/shoes/references?dry_run=true", "text/csv", []byte("pdq\n"+hexOf(1)+"\n")).problem(400, "input_invalid")
}

// TestRestrictedKeyWorksOnItsOwnCasesAlone asks over HTTP; what the desk hides is walked in its own tests.
func TestRestrictedKeyWorksOnItsOwnCasesAlone(t *testing.T) {
	h := openWith(t, api.Config{}).ready()
	admin := h.key(keys.New{Scopes: keys.Admin})
	for _, name := range []string{"shoes", "bags"} {
		h.jsonAs(admin, "POST", "/v1/collections", wire.NewCollection{Name: name, Purpose: "brand"}).want(201)
	}
	h.pictureAs(admin, "/v1/collections/shoes/references", product(1)).want(201)
	pipeline := h.key(keys.New{Scopes: keys.Match})
	r := h.request("POST", "/v1/match", "image/jpeg", strings.NewReader(string(product(1))))
	r.Header.Set("Subject", "L-1")
	h.as(pipeline, r).want(200)
	rita, paul := h.key(keys.New{Scopes: keys.Review, Collections: []string{"shoes"}}), h.key(keys.New{Scopes: keys.Review, Collections: []string{"bags"}})
	id := into[wire.Hits](h.getAs(rita, "/v1/hits").want(200)).Hits[0].ID
	if hits := into[wire.Hits](h.getAs(paul, "/v1/hits").want(200)).Hits; len(hits) != 0 {
		t.Errorf("who reviews bags sees %+v", hits)
	}
	h.getAs(paul, "/v1/hits/"+id).problem(404, "hit_not_found")
	h.getAs(paul, "/v1/hits/"+id+"/image").problem(404, "hit_not_found")
	h.jsonAs(paul, "POST", "/v1/hits/"+id, wire.Order{Action: "confirm"}).problem(404, "hit_not_found")
	h.getAs(paul, "/v1/collections/shoes/thresholds").problem(404, "collection_not_found")
	h.jsonAs(rita, "POST", "/v1/hits/"+id, wire.Order{Action: "confirm"}).want(200)
}

// findingsOf are what the desk's check finds.
func findingsOf(t *testing.T, desk *casework.Desk) (all []hashindex.Finding) {
	t.Helper()
	if err := desk.Check(t.Context(), func(f hashindex.Finding) { all = append(all, f) }); err != nil {
		t.Fatal(err)
	}
	return all
}
