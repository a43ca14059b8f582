package api_test

import (
	"strings"
	"testing"

	"touchstone/api"
	"touchstone/api/keys"
	"touchstone/api/wire"
	"touchstone/casework/pack"
	"touchstone/fixtures"
	"touchstone/hashindex"
	"touchstone/hashindex/align"
	"touchstone/hashindex/fingerprint"
	"touchstone/hashindex/store/record"
)

// noticed is a house with a holder "acme", a right of its on the collection "cases", and confirmed hits.
func noticed(h *house, pictures ...int) (hits []string) {
	h.t.Helper()
	h.collection("noticed", "brand")
	h.json("PUT", "/v1/holders/acme", wire.NewHolder{Name: "Acme"}).want(200)
	h.json("POST", "/v1/rights", wire.NewRight{Holder: "acme", Kind: "design", Collections: []string{"noticed"}}).want(201)
	for _, n := range pictures {
		h.add("noticed", product(n))
		answer := into[wire.MatchAnswer](h.parts("/v1/match?collections=noticed", image(fixtures.EncodeJPEG(fixtures.Product(n), 40)), field("subject", `{"listing":"N-1","seller":"shop-n"}`)).want(200))
		if len(answer.Results[0].Matches) == 0 || answer.Results[0].Matches[0].HitID == "" {
			h.t.Fatalf("%+v", answer)
		}
		hit := answer.Results[0].Matches[0].HitID
		h.json("POST", "/v1/hits/"+hit, `{"action":"confirm","reason":"stolen_image"}`).want(200)
		hits = append(hits, hit)
	}
	return hits
}

// walkNotices gets every status of the operations of notices and packs.
func walkNotices(h *house) {
	t := h.t
	t.Helper()
	hits := noticed(h, 13, 14)
	const path = "/v1/notices"
	big := strings.Repeat(" ", 33<<20)
	n := into[wire.Notice](h.json("POST", path, wire.NewNotice{Holder: "acme", Hits: hits[:1], Text: "ours"}).want(201))
	h.json("POST", path, wire.NewNotice{Holder: "nobody", Hits: hits}).problem(400, "input_invalid")
	if p := h.json("POST", path, wire.NewNotice{Holder: "acme", Hits: hits[:1]}).problem(409, "transition_not_allowed"); !strings.Contains(p.Detail, "notice "+n.ID) {
		t.Errorf("a hit in two notices: %+v", p)
	}
	h.json("POST", path, big).problem(413, "limit_exceeded")
	h.post(path, "text/plain", nil).problem(415, "content_type_unsupported")
	h.get(path + "?holder=acme&state=drafted,submitted&due_before=2100-01-01T00:00:00Z&limit=1").want(200)
	h.get(path+"?state=lost").problem(400, "input_invalid")
	h.get(path + "/" + n.ID).want(200)
	h.get(path+"/99").problem(404, "notice_not_found")
	for which, order := range map[string]wire.NoticeOrder{"/steps": {Action: "submit"}, "/decisions": {Action: "accept"}} {
		one := path + "/" + n.ID + which
		h.json("POST", one, `{"action":"dance"}`).problem(400, "input_invalid")
		h.json("POST", one, big).problem(413, "limit_exceeded")
		h.post(one, "text/plain", nil).problem(415, "content_type_unsupported")
		h.json("POST", path+"/99"+which, order).problem(404, "notice_not_found")
	}
	if p := h.json("POST", path+"/"+n.ID+"/decisions", `{"action":"accept"}`).problem(409, "transition_not_allowed"); p.State != "drafted" || len(p.Allowed) != 3 {
		t.Errorf("a draft accepted: %+v", p)
	}
	h.json("POST", path+"/"+n.ID+"/steps", `{"action":"accept"}`).problem(400, "input_invalid") // not the parties' to do
	h.json("POST", path+"/"+n.ID+"/steps", `{"action":"submit"}`).want(200)
	h.json("POST", path+"/"+n.ID+"/steps", `{"action":"submit"}`).problem(409, "transition_not_allowed")
	h.json("POST", path+"/"+n.ID+"/decisions", `{"action":"accept"}`).want(200)
	h.get("/v1/holders/acme/record").want(200)
	h.get("/v1/holders/nobody/record").problem(404, "holder_not_found")
	verified(t, h.get(path+"/"+n.ID+"/pack").want(200))
	h.get(path+"/99/pack").problem(404, "notice_not_found")
	verified(t, h.get("/v1/hits/"+hits[1]+"/pack").want(200))
	h.get("/v1/hits/99999/pack").problem(404, "hit_not_found")
}

// verified fails the test unless the pack shows all that it says.
func verified(t testing.TB, a answer) pack.Report {
	t.Helper()
	report := passes(t, a.body)
	if !report.Sound() || len(report.Unproven) > 0 {
		t.Errorf("%s: %q, unproven %q", a.asked, report.Findings, report.Unproven)
	}
	return report
}

// passes checks a pack as the verb verify does.
func passes(t testing.TB, raw []byte) pack.Report {
	t.Helper()
	v := pack.Verifier{
		Codec: pack.Codec{Encode: func(c hashindex.Change) ([]byte, error) { return record.Append(nil, c) }, Decode: record.Decode},
		Maker: fingerprint.New(fingerprint.Limits{}), Recipe: fingerprint.Recipe, NewAligner: align.New,
	}
	report, err := v.Verify(t.Context(), raw)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func TestReviewersFileAndOperatorsDecide(t *testing.T) {
	h := open(t).ready()
	hits := noticed(h, 15)
	operator := h.key(keys.New{Scopes: keys.Admin})
	theirs := h.key(keys.New{Scopes: keys.Review, Collections: []string{"noticed"}})
	others := h.key(keys.New{Scopes: keys.Review, Collections: []string{"boots"}})
	n := into[wire.Notice](h.jsonAs(theirs, "POST", "/v1/notices", wire.NewNotice{Holder: "acme", Hits: hits, Submit: true}).want(201))
	path := "/v1/notices/" + n.ID
	h.jsonAs(theirs, "POST", path+"/decisions", wire.NoticeOrder{Action: "accept"}).problem(403, "forbidden")
	for _, a := range []answer{
		h.getAs(others, path), h.getAs(others, path+"/pack"), h.jsonAs(others, "POST", path+"/steps", wire.NoticeOrder{Action: "withdraw"}),
	} {
		a.problem(404, "notice_not_found")
	}
	h.getAs(others, "/v1/hits/"+hits[0]+"/pack").problem(404, "hit_not_found")
	if list := into[wire.Notices](h.getAs(others, "/v1/notices").want(200)).Notices; len(list) != 0 {
		t.Errorf("another holder's reviewer sees %+v", list)
	}
	h.jsonAs(operator, "POST", path+"/decisions", wire.NoticeOrder{Action: "accept"}).want(200)
	if report := verified(t, h.getAs(theirs, path+"/pack").want(200)); report.Gaps == 0 {
		t.Errorf("the pack of who sees a part shows all of the history: %+v", report)
	}
}

func TestPolicyOfNoticesIsSetOverHTTP(t *testing.T) {
	h := openWith(t, api.Config{}).ready()
	h.json("PATCH", "/v1/policy", `{"decide_term":"48h","auto":"submit","auto_tally":1,"trust_after":3}`).want(200)
	h.json("PATCH", "/v1/policy", `{"auto":"perhaps"}`).problem(400, "input_invalid")
	h.json("PATCH", "/v1/policy", `{"counter_term":"soon"}`).problem(400, "input_invalid")
	noticed(h, 16)
	list := into[wire.Notices](h.get("/v1/notices").want(200)).Notices
	if len(list) != 1 || !list[0].Automatic || list[0].State != "submitted" || list[0].Due.Sub(list[0].Created).Hours() != 48 {
		t.Errorf("%+v", list)
	}
}
