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
// back; a reviewer claims and confirms; the shop's tally says so; the
// holder files a notice, the shop objects, and the evidence is checked without the server.
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
	// The holder's people file, the operator removes the listing, the shop objects, and the evidence stands.
	n := into[wire.Notice](h.jsonAs(rita, "POST", "/v1/notices", wire.NewNotice{Holder: "acme", Hits: []string{confirmed.ID}, Text: "These are our shoes, and fake.", Submit: true}).want(201))
	if n.State != "submitted" || n.Due == nil || n.Items[0].Subject.Listing != "L-1" {
		t.Fatalf("filed: %+v", n)
	}
	notice := "/v1/notices/" + n.ID
	h.jsonAs(operator, "POST", notice+"/decisions", wire.NoticeOrder{Action: "accept"}).want(200)
	h.jsonAs(operator, "POST", notice+"/decisions", wire.NoticeOrder{Action: "remove"}).want(200)
	if h := into[wire.Hit](h.getAs(rita, hit).want(200)); h.State != "actioned" || len(h.Notices) != 1 || h.Notices[0] != n.ID {
		t.Errorf("once the listing is gone: %+v", h)
	}
	h.jsonAs(rita, "POST", notice+"/steps", wire.NoticeOrder{Action: "counter", Text: "We bought them from you."}).want(200)
	n = into[wire.Notice](h.jsonAs(operator, "POST", notice+"/decisions", wire.NoticeOrder{Action: "uphold", Text: "There is no invoice."}).want(200))
	if n.State != "upheld" || len(n.Statements) != 3 || n.Due != nil {
		t.Errorf("in the end: %+v", n)
	}
	holders := into[wire.HolderRecord](h.getAs(rita, "/v1/holders/acme/record").want(200))
	if holders.Accepted != 1 || holders.Upheld != 1 || holders.Countered != 1 || holders.Standing != "ordinary" {
		t.Errorf("acme's record: %+v", holders)
	}
	for _, path := range []string{hit + "/pack", notice + "/pack"} {
		a := h.getAs(rita, path).want(200)
		if report := passes(t, a.body); !report.Sound() || report.Hits != 1 || report.Changes < 5 {
			t.Errorf("%s: %+v", path, report)
		}
		a.body[len(a.body)/2] ^= 1
		if report := passes(t, a.body); report.Sound() {
			t.Errorf("%s: a flipped bit is not found", path)
		}
	}
	if found := findingsOf(t, h.desk); len(found) > 0 {
		t.Errorf("check: %v", found)
	}
}
