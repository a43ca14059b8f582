package casework_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"
	"time"

	"touchstone/casework"
	"touchstone/hashindex"
)

func TestPairOfSubjectAndReferenceHasOneHit(t *testing.T) {
	o := openOffice(t)
	o.collection("shoes", hashindex.Brand)
	h := hashOf(1)
	reference, _ := o.add("shoes", h)
	first := o.post(listing(1, "a"), h)
	if len(first) != 1 || first[0] != (casework.Ruling{Standing: casework.IsHit, Hit: 1, New: true}) {
		t.Fatalf("first: %+v", first)
	}
	o.clock.pass(time.Minute)
	second := o.post(listing(1, "a"), off(h, 5, 1))
	if second[0] != (casework.Ruling{Standing: casework.IsHit, Hit: 1}) {
		t.Errorf("again: %+v", second)
	}
	for _, when := range []string{"before it is written", "after"} {
		hit := o.hit(1)
		if hit.Count != 2 || !hit.First.Equal(start) || !hit.Last.Equal(start.Add(time.Minute)) || hit.Reference != reference.ID || hit.State != casework.Opened {
			t.Errorf("%s: %+v", when, hit)
		}
		o.must(o.Flush(t.Context()))
	}
	if other := o.post(listing(2, "a"), h); other[0].Hit != 2 || !other[0].New {
		t.Errorf("another listing: %+v", other)
	}
}

func TestBenignMatchIsNeverAHit(t *testing.T) {
	o := openOffice(t)
	o.collection("stock", hashindex.Benign)
	reference, _ := o.add("stock", hashOf(1))
	collection, err := o.index.Collection("stock")
	o.must(err)
	m := hashindex.Match{Reference: reference, Collection: collection.Collection}
	rulings, err := o.Record(t.Context(), "", []casework.Observation{{Subject: listing(1, "a"), At: start, Matches: []hashindex.Match{m}}})
	if err != nil || rulings[0][0] != (casework.Ruling{}) || len(o.list(casework.HitFilter{})) != 0 {
		t.Errorf("%+v, %v", rulings, err)
	}
}

func TestRejectedPairNeverReturnsUntilThePictureChanges(t *testing.T) {
	o := openOffice(t)
	o.collection("shoes", hashindex.Brand)
	h := hashOf(1)
	reference, _ := o.add("shoes", h)
	s := listing(1, "a")
	id := o.post(s, h)[0].Hit
	o.decide(id, casework.Reject, "own_picture")
	if r := o.post(s, h); r[0].Standing != casework.WasRejected || r[0].Hit != id {
		t.Fatalf("rejected: %+v", r)
	}
	_, err := o.index.RemoveReference(t.Context(), "", reference.ID)
	o.must(err)
	o.add("shoes", h)
	if r := o.post(s, h); r[0].Standing != casework.WasRejected || r[0].Hit != id {
		t.Errorf("the same picture added anew: %+v", r)
	}
	if _, retro := o.add("shoes", off(h, 12, 3)); retro.Hits != 1 {
		t.Errorf("another picture, looked back for: %+v", retro)
	}
	rulings := o.post(s, h)
	if len(rulings) != 2 || rulings[1].Standing != casework.IsHit || rulings[1].Hit == id {
		t.Errorf("another picture: %+v", rulings)
	}
	o.decide(id, casework.Undo, "")
	if r := o.post(s, h); r[0].Standing != casework.IsHit {
		t.Errorf("the rejection undone: %+v", r)
	}
}

// TestHitsGoWhereTheTableLeads tries every action in every state.
func TestHitsGoWhereTheTableLeads(t *testing.T) {
	o := openOffice(t)
	o.collection("shoes", hashindex.Brand)
	o.add("shoes", hashOf(1))
	reach := map[casework.State][]casework.Action{
		casework.Opened: nil, casework.Claimed: {casework.Claim}, casework.Confirmed: {casework.Confirm},
		casework.Rejected: {casework.Reject}, casework.Actioned: {casework.Confirm, casework.Act},
		casework.Reopened: {casework.Confirm, casework.Reopen},
	}
	want := map[casework.State]map[casework.Action]casework.State{
		casework.Opened:    {casework.Claim: casework.Claimed, casework.Confirm: casework.Confirmed, casework.Reject: casework.Rejected},
		casework.Claimed:   {casework.Claim: casework.Claimed, casework.Release: casework.Opened, casework.Confirm: casework.Confirmed, casework.Reject: casework.Rejected},
		casework.Confirmed: {casework.Act: casework.Actioned, casework.Reopen: casework.Reopened, casework.Undo: casework.Opened},
		casework.Rejected:  {casework.Reopen: casework.Reopened, casework.Undo: casework.Opened},
		casework.Actioned:  {casework.Reopen: casework.Reopened},
		casework.Reopened:  {casework.Claim: casework.Claimed, casework.Confirm: casework.Confirmed, casework.Reject: casework.Rejected},
	}
	n := 0
	for _, from := range casework.States() {
		for _, action := range casework.Actions() {
			n++
			id := o.post(listing(n, "a"), hashOf(1))[0].Hit
			for _, step := range reach[from] {
				o.decide(id, step, reasonFor(step))
			}
			hit, _, err := o.DecideOne(t.Context(), "rita", casework.Everything, id, casework.Order{Action: action, Reason: reasonFor(action), Note: noteFor(action)})
			to, allowed := want[from][action]
			if action == casework.Comment {
				to, allowed = from, true
			}
			if allowed {
				if err != nil || hit.State != to || hit.Trail[len(hit.Trail)-1].Actor != "rita" {
					t.Errorf("%s %s: %s, %v; want %s", from, action, hit.State, err, to)
				}
				continue
			}
			refused, ok := errors.AsType[*casework.MoveError](err)
			if !ok || refused.From != string(from) || o.hit(id).State != from {
				t.Errorf("%s %s: %v", from, action, err)
				continue
			}
			for _, a := range casework.Actions() {
				if _, can := want[from][a]; slices.Contains(refused.Allowed, string(a)) != (can || a == casework.Comment) {
					t.Errorf("%s %s: allowed are said to be %v", from, action, refused.Allowed)
				}
			}
		}
	}
}

func reasonFor(a casework.Action) string {
	if a == casework.Reject {
		return "fair_use"
	}
	return ""
}

func TestClaimEndsThoughTheClockGoesBack(t *testing.T) {
	o := openOffice(t)
	o.collection("shoes", hashindex.Brand)
	o.add("shoes", hashOf(1))
	id := o.post(listing(1, "a"), hashOf(1))[0].Hit
	o.decide(id, casework.Claim, "")
	confirm := casework.Order{Action: casework.Confirm}
	o.clock.pass(-time.Minute) // as clocks are set
	o.must(o.Sweep(t.Context()))
	if _, _, err := o.DecideOne(t.Context(), "paul", casework.Everything, id, confirm); !errors.Is(err, casework.ErrMove) {
		t.Fatalf("by somebody else, a minute before the claim: %v", err)
	}
	o.clock.pass(-24 * time.Hour)
	if _, _, err := o.DecideOne(t.Context(), "paul", casework.Everything, id, confirm); err != nil {
		t.Errorf("by somebody else, a day before the claim: %v", err)
	}
	o.decide(id, casework.Undo, "")
	o.decide(id, casework.Claim, "")
	o.clock.pass(-24 * time.Hour)
	o.must(o.Sweep(t.Context()))
	if hit := o.hit(id); hit.State != casework.Opened {
		t.Errorf("swept a day before the claim: %+v", hit)
	}
}

func TestClaimKeepsOthersOutUntilItExpires(t *testing.T) {
	o := openOffice(t)
	o.collection("shoes", hashindex.Brand)
	o.add("shoes", hashOf(1))
	id := o.post(listing(1, "a"), hashOf(1))[0].Hit
	o.decide(id, casework.Claim, "")
	confirm := casework.Order{Action: casework.Confirm}
	if _, _, err := o.DecideOne(t.Context(), "paul", casework.Everything, id, confirm); !errors.Is(err, casework.ErrMove) {
		t.Fatalf("by somebody else: %v", err)
	}
	o.clock.pass(29 * time.Minute)
	o.decide(id, casework.Claim, "") // for longer
	o.clock.pass(29 * time.Minute)
	o.must(o.Sweep(t.Context()))
	if hit := o.hit(id); hit.State != casework.Claimed || hit.ClaimedBy != "rita" {
		t.Fatalf("renewed: %+v", hit)
	}
	o.clock.pass(time.Minute)
	o.must(o.Sweep(t.Context()))
	if hit := o.hit(id); hit.State != casework.Opened || hit.ClaimedBy != "" {
		t.Errorf("expired: %+v", hit)
	}
	o.decide(id, casework.Claim, "")
	o.clock.pass(time.Hour) // expired, but nobody has swept yet
	if hit, _, err := o.DecideOne(t.Context(), "paul", casework.Everything, id, confirm); err != nil || hit.State != casework.Confirmed {
		t.Errorf("after the claim: %+v, %v", hit, err)
	}
}

func TestUndoLeadsBackToWhereTheDecisionCameFrom(t *testing.T) {
	o := openOffice(t)
	o.collection("shoes", hashindex.Brand)
	o.add("shoes", hashOf(1))
	id := o.post(listing(1, "a"), hashOf(1))[0].Hit
	o.decide(id, casework.Confirm, "")
	o.decide(id, casework.Reopen, "")
	o.decide(id, casework.Claim, "")
	o.decide(id, casework.Reject, "fair_use")
	if hit := o.decide(id, casework.Undo, ""); hit.State != casework.Reopened {
		t.Errorf("a claim of a reopened hit, decided and undone: %s", hit.State)
	}
}

func TestSellersTallyFollowsEveryStep(t *testing.T) {
	o := openOffice(t)
	o.collection("shoes", hashindex.Brand)
	o.collection("bags", hashindex.Brand)
	o.add("shoes", hashOf(1))
	o.add("bags", hashOf(2))
	for n := range 4 {
		o.post(listing(n, "a"), hashOf(1))
		o.post(listing(n, "a"), hashOf(2))
	}
	tally := func(v casework.Visible) casework.Seller {
		s, err := o.Seller(t.Context(), v, "a")
		o.must(err)
		return s
	}
	for i, step := range []struct {
		id                  casework.HitID
		action              casework.Action
		reason              string
		confirmed, rejected int
	}{
		{1, casework.Confirm, "", 1, 0},
		{2, casework.Confirm, "", 2, 0},
		{3, casework.Reject, "fair_use", 2, 1},
		{1, casework.Act, "", 2, 1},
		{2, casework.Undo, "", 1, 1},
		{3, casework.Reopen, "", 1, 0},
		{1, casework.Reopen, "", 0, 0},
		{2, casework.Confirm, "", 1, 0},
	} {
		o.decide(step.id, step.action, step.reason)
		if s := tally(casework.Everything); s.Confirmed != step.confirmed || s.Rejected != step.rejected {
			t.Errorf("step %d: %+v", i, s)
		}
	}
	if s := tally(casework.Visible{"shoes"}); s.Confirmed != 0 {
		t.Errorf("hit 2 is of bags, but who sees shoes alone sees %+v", s)
	}
	if list, err := o.Sellers(t.Context(), casework.Visible{"bags"}, "", 10); err != nil || len(list) != 1 || list[0].Confirmed != 1 {
		t.Errorf("of bags: %+v, %v", list, err)
	}
	if list, err := o.Sellers(t.Context(), casework.Everything, "a", 10); err != nil || len(list) != 0 {
		t.Errorf("after the last: %+v, %v", list, err)
	}
}

func TestBulkOrderLeavesWhatDoesNotAllowIt(t *testing.T) {
	o := openOffice(t)
	o.collection("shoes", hashindex.Brand)
	o.add("shoes", hashOf(1))
	for n := range 3 {
		o.post(listing(n, "a"), hashOf(1))
	}
	o.decide(2, casework.Reject, "fair_use")
	list, seq, err := o.Decide(t.Context(), "rita", casework.Everything, []casework.HitID{1, 2, 3, 99}, casework.Order{Action: casework.Confirm})
	o.must(err)
	if seq != o.index.Seq() || list[0].Err != nil || !errors.Is(list[1].Err, casework.ErrMove) || list[2].Err != nil || !errors.Is(list[3].Err, hashindex.ErrNotFound) {
		t.Errorf("%+v at %d", list, seq)
	}
	if got := o.list(casework.HitFilter{States: []casework.State{casework.Confirmed}}); !slices.Equal(got, []casework.HitID{1, 3}) {
		t.Errorf("confirmed: %v", got)
	}
	for _, bad := range []casework.Order{{Action: "buy"}, {Action: casework.Reject}, {Action: casework.Reject, Reason: "mood"}, {Action: casework.Confirm, Reason: "other"}, {Action: casework.Comment}} {
		if _, _, err := o.Decide(t.Context(), "", casework.Everything, []casework.HitID{1}, bad); !errors.Is(err, hashindex.ErrInvalid) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

func TestReviewerOfOneHolderSeesNothingOfAnother(t *testing.T) {
	o := openOffice(t)
	o.collection("shoes", hashindex.Brand)
	o.collection("bags", hashindex.Brand)
	shoe, _ := o.add("shoes", hashOf(1))
	bag, _ := o.add("bags", hashOf(2))
	shoes, bags := o.right("shoes"), o.right("bags")
	licences, _, _, err := o.AddLicences(t.Context(), "op", casework.Everything, []casework.Licence{{Right: shoes.ID, Seller: "x"}, {Right: bags.ID, Seller: "x"}})
	o.must(err)
	o.post(listing(1, "a"), hashOf(1))
	o.post(listing(1, "a"), hashOf(2))
	o.decide(1, casework.Confirm, "")
	o.decide(2, casework.Confirm, "")
	v := casework.Visible{"bags"}
	ctx := t.Context()
	missing := func(what string, err error) {
		t.Helper()
		if !errors.Is(err, hashindex.ErrNotFound) {
			t.Errorf("%s: %v", what, err)
		}
	}
	_, err = o.Hit(ctx, v, 1)
	missing("hit", err)
	_, _, err = o.DecideOne(ctx, "paul", v, 1, casework.Order{Action: casework.Reopen})
	missing("deciding", err)
	_, err = o.Right(ctx, v, shoes.ID)
	missing("right", err)
	_, _, err = o.ChangeRight(ctx, "paul", v, shoes.ID, casework.RightPatch{})
	missing("changing a right", err)
	_, err = o.Holder(ctx, v, "holder-of-shoes")
	missing("holder", err)
	_, err = o.Licence(ctx, v, licences[0].ID)
	missing("licence", err)
	_, err = o.RevokeLicence(ctx, "paul", v, licences[0].ID)
	missing("revoking", err)
	_, err = o.VerdictOf(ctx, v, shoe.ID)
	missing("verdict", err)
	_, _, err = o.PutVerdict(ctx, "paul", v, shoe.ID, casework.Verdict{Finding: casework.Fake}, nil)
	missing("giving a verdict", err)
	_, err = o.PictureOf(ctx, v, 1)
	missing("picture", err)
	_, err = o.Thresholds(ctx, v, "shoes", 31)
	missing("thresholds", err)
	for _, bad := range []casework.HitFilter{{Collections: []string{"shoes"}}, {Right: shoes.ID}} {
		if _, err := o.Hits(ctx, v, bad); !errors.Is(err, hashindex.ErrInvalid) {
			t.Errorf("listing by %+v: %v", bad, err)
		}
	}
	for _, f := range []casework.HitFilter{{}, {Seller: "a"}, {Reference: shoe.ID}, {Reference: bag.ID}, {States: []casework.State{casework.Confirmed}}} {
		f.Limit = 10
		page, err := o.Hits(ctx, v, f)
		o.must(err)
		for _, h := range page.Hits {
			if h.Named != "bags" {
				t.Errorf("%+v lists hit %d of %s", f, h.ID, h.Named)
			}
		}
	}
	rights, err := o.Rights(ctx, v, casework.RightFilter{})
	if err != nil || len(rights) != 1 || rights[0].ID != bags.ID {
		t.Errorf("rights: %+v, %v", rights, err)
	}
	holders, err := o.Holders(ctx, v, "", 10)
	if err != nil || len(holders) != 1 || holders[0].ID != "holder-of-bags" {
		t.Errorf("holders: %+v, %v", holders, err)
	}
	list, err := o.Licences(ctx, v, casework.LicenceFilter{Limit: 10})
	if err != nil || len(list) != 1 || list[0].Right != bags.ID {
		t.Errorf("licences: %+v, %v", list, err)
	}
	if _, _, err := o.AddRight(ctx, "paul", v, casework.Right{Holder: "holder-of-bags", Kind: casework.Design, Collections: []string{"shoes"}}); !errors.Is(err, hashindex.ErrInvalid) {
		t.Errorf("a right over what is out of sight: %v", err)
	}
}

func TestVerdictReachesOpenHitsAndLeavesDecidedOnes(t *testing.T) {
	o := openOffice(t)
	o.collection("fakes", hashindex.Counterfeit)
	reference, _ := o.add("fakes", hashOf(1))
	for n := range 2 {
		o.post(listing(n, "a"), hashOf(1))
	}
	o.decide(1, casework.Confirm, "")
	photo := []byte("a photo")
	verdict, _, err := o.PutVerdict(t.Context(), "lab", casework.Everything, reference.ID, casework.Verdict{Finding: casework.Fake, Defects: []string{"stitching"}}, [][]byte{photo})
	o.must(err)
	if o.hit(1).Verdict != nil {
		t.Errorf("decided before: %+v", o.hit(1).Verdict)
	}
	if v := o.hit(2).Verdict; v == nil || v.Finding != casework.Fake || v.Defects[0] != "stitching" || v.By != "lab" {
		t.Fatalf("open: %+v", v)
	}
	if kept, err := o.index.Picture(verdict.Photos[0]); err != nil || !bytes.Equal(kept, photo) {
		t.Errorf("photo: %q, %v", kept, err)
	}
	o.decide(2, casework.Confirm, "")
	_, _, err = o.PutVerdict(t.Context(), "lab", casework.Everything, reference.ID, casework.Verdict{Finding: casework.Genuine}, nil)
	o.must(err)
	if v := o.hit(2).Verdict; v == nil || v.Finding != casework.Fake {
		t.Errorf("decided by the verdict of then: %+v", v)
	}
	if _, err := o.index.Picture(verdict.Photos[0]); !errors.Is(err, hashindex.ErrNotFound) {
		t.Errorf("photo of the verdict that was replaced: %v", err)
	}
	o.decide(2, casework.Reopen, "")
	if v := o.hit(2).Verdict; v == nil || v.Finding != casework.Genuine {
		t.Errorf("reopened: %+v", v)
	}
}

func TestPicturesAreKeptAsLongAsThePolicySays(t *testing.T) {
	o := openOffice(t)
	o.collection("shoes", hashindex.Brand)
	reference, _ := o.add("shoes", hashOf(1))
	collection, err := o.index.Collection("shoes")
	o.must(err)
	match := o.matchOf(reference, collection.Collection)
	var pictures [][]byte
	for n := range 4 {
		pictures = append(pictures, bytes.Repeat([]byte{byte(n + 1)}, 100))
		_, err := o.Record(t.Context(), "", []casework.Observation{{Subject: listing(n, ""), At: o.clock.now(), Matches: match, Encoded: pictures[n]}})
		o.must(err)
		o.clock.pass(time.Hour)
	}
	there := func(want ...bool) {
		t.Helper()
		o.must(o.Sweep(t.Context()))
		for n, picture := range pictures {
			got, err := o.PictureOf(t.Context(), casework.Everything, casework.HitID(n+1))
			if want[n] != (err == nil && bytes.Equal(got, picture)) || !want[n] && !errors.Is(err, hashindex.ErrNotFound) {
				t.Errorf("picture %d: %q, %v; want it %v", n+1, got, err, want[n])
			}
		}
	}
	o.decide(1, casework.Confirm, "")
	o.decide(2, casework.Reject, "fair_use")
	_, _, err = o.DecideOne(t.Context(), "rita", casework.Everything, 3, casework.Order{Action: casework.Confirm})
	o.must(err)
	_, _, err = o.DecideOne(t.Context(), "rita", casework.Everything, 3, casework.Order{Action: casework.Act, Notice: "7"})
	o.must(err)
	there(true, true, true, true)
	_, _, err = o.SetPolicy(t.Context(), "op", func(p *casework.Policy) { p.PictureBytes = 350 })
	o.must(err)
	there(false, true, true, true) // the oldest that is decided goes first
	o.clock.pass(366 * 24 * time.Hour)
	there(false, false, true, true) // a notice names the third, and nobody has decided the fourth
}

// matchOf is a match with the reference, in evidence that holds.
func (o *office) matchOf(reference hashindex.Reference, c hashindex.Collection) []hashindex.Match {
	o.t.Helper()
	answer, err := o.index.Match(o.t.Context(), hashindex.Query{Picture: hashed(reference.Frames[0].Hashes[hashindex.PDQ]), Radius: hashindex.PolicyRadius, Effort: hashindex.FastEffort})
	o.must(err)
	return answer.Matches
}

func TestPagesAreStableUnderWrites(t *testing.T) {
	o := openOffice(t)
	for _, name := range []string{"shoes", "bags"} {
		o.collection(name, hashindex.Brand)
	}
	o.add("shoes", hashOf(1))
	o.add("bags", hashOf(2))
	for n := range 40 {
		o.post(listing(n, "a"), hashOf(uint64(n%2+1)))
	}
	for _, f := range []casework.HitFilter{{}, {Seller: "a"}, {Collections: []string{"bags", "shoes"}}} {
		var got []casework.HitID
		for f.Limit = 7; ; {
			page, err := o.Hits(t.Context(), casework.Everything, f)
			o.must(err)
			for _, h := range page.Hits {
				if h.ID <= 40 {
					got = append(got, h.ID)
				}
			}
			if f.After = page.Next; page.Next == 0 {
				break
			}
			o.post(listing(1000+len(got)+100*len(f.Seller)+500*len(f.Collections), "a"), hashOf(1)) // one comes in, one that was listed is decided
			if h := o.hit(page.Hits[0].ID); h.State == casework.Opened {
				o.decide(h.ID, casework.Claim, "")
			}
		}
		if want := 40; len(got) != want || !slices.IsSorted(got) || len(slices.Compact(got)) != want {
			t.Errorf("%+v lists %v", f, got)
		}
	}
}
