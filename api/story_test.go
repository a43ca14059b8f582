package api_test

import (
	"strings"
	"testing"

	"touchstone/api"
	"touchstone/api/keys"
	"touchstone/api/wire"
	"touchstone/fixtures"
)

// TestStory walks through the whole over HTTP, with a key for each person: a pipeline posts what a shop
// sells before anybody knows of it; a lab uploads the reference, and the shop's picture is found looking
// back; a reviewer claims and confirms; the shop's tally says so.
func TestStory(t *testing.T) {
	h := openWith(t, api.Config{}).ready()
	operator := h.key(keys.New{Name: "operator", Scopes: keys.Admin})
	pipeline := h.key(keys.New{Name: "pipeline", Scopes: keys.Match})
	lab := h.key(keys.New{Name: "lab", Scopes: keys.Ingest, Collections: []string{"fakes"}})
	rita := h.key(keys.New{Name: "rita", Scopes: keys.Review, Collections: []string{"fakes"}})

	h.jsonAs(operator, "POST", "/v1/collections", wire.NewCollection{Name: "fakes", Purpose: "counterfeit"}).want(201)
	h.jsonAs(operator, "PUT", "/v1/holders/acme", wire.NewHolder{Name: "Acme Shoes"}).want(200)
	right := into[wire.Right](h.jsonAs(operator, "POST", "/v1/rights", wire.NewRight{
		Holder: "acme", Kind: "trademark", Number: "017891234", Territory: []string{"EU"}, Collections: []string{"fakes"},
	}).want(201))
	verified := "verified"
	h.jsonAs(operator, "PATCH", "/v1/rights/"+right.ID, wire.RightPatch{State: &verified}).want(200)

	// The pipeline comes first. The lab's picture is the shop's, encoded anew.
	post := func(listing string) wire.MatchResult {
		r := h.request("POST", "/v1/match", "image/jpeg", strings.NewReader(string(product(5))))
		r.Header.Set("Subject", `{"listing":"`+listing+`","seller":"shop-9","territory":"DE"}`)
		return into[wire.MatchAnswer](h.as(pipeline, r).want(200)).Results[0]
	}
	if early := post("L-1"); early.Status != "no_match" {
		t.Fatalf("before anybody knows: %+v", early)
	}
	added := into[wire.AddedReferences](h.pictureAs(lab, "/v1/collections/fakes/references", fixtures.EncodeJPEG(fixtures.Product(5), 60)).want(201)).References[0]
	if added.Retro == nil || *added.Retro != (wire.Retro{Sightings: 1, Hits: 1}) {
		t.Fatalf("looking back: %+v", added.Retro)
	}
	h.jsonAs(lab, "PUT", "/v1/references/"+added.ID+"/verdict", wire.NewVerdict{Finding: "fake", Defects: []string{"stitching"}}).want(200)

	queue := into[wire.Hits](h.getAs(rita, "/v1/hits?state=open").want(200)).Hits
	if len(queue) != 1 || !queue[0].Retro || queue[0].Subject.Listing != "L-1" || queue[0].Verdict == nil || queue[0].Verdict.Finding != "fake" || queue[0].Rights[0] != right.ID {
		t.Fatalf("rita's queue: %+v", queue)
	}
	hit := "/v1/hits/" + queue[0].ID
	h.jsonAs(rita, "POST", hit, wire.Order{Action: "claim"}).want(200)
	confirmed := into[wire.Hit](h.jsonAs(rita, "POST", hit, wire.Order{Action: "confirm", Reason: "counterfeit"}).want(200))
	if confirmed.State != "confirmed" || len(confirmed.Trail) != 2 {
		t.Errorf("confirmed: %+v", confirmed)
	}

	// A second listing of the shop matches at once, and again: one hit, counted twice.
	for range 2 {
		if m := post("L-2").Matches; len(m) != 1 || m[0].Standing != "hit" {
			t.Errorf("a second listing: %+v", m)
		}
	}
	queue = into[wire.Hits](h.getAs(rita, "/v1/hits?state=open&seller=shop-9").want(200)).Hits
	if len(queue) != 1 || queue[0].Count != 2 || queue[0].Retro {
		t.Fatalf("of the second listing: %+v", queue)
	}
	h.jsonAs(rita, "POST", "/v1/hits/"+queue[0].ID, wire.Order{Action: "reject", Reason: "own_picture"}).want(200)
	if m := post("L-2").Matches[0]; m.Standing != "rejected" {
		t.Errorf("after rita rejected it: %q", m.Standing)
	}

	sellers := into[wire.Sellers](h.getAs(rita, "/v1/sellers").want(200)).Sellers
	if len(sellers) != 1 || sellers[0] != (wire.Seller{Seller: "shop-9", Confirmed: 1, Rejected: 1}) {
		t.Errorf("sellers: %+v", sellers)
	}
	if found := findingsOf(t, h.desk); len(found) > 0 {
		t.Errorf("check: %v", found)
	}
}
