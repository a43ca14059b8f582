package casework_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"touchstone/casework"
	"touchstone/hashindex"
)

// owner is who office.right gives the right to.
const owner = "holder-of-shoes"

// protected is an office with one collection under a right of the holder owner, and n confirmed hits of the
// seller in it.
func protected(t *testing.T, n int) (*office, []casework.HitID) {
	t.Helper()
	o := openOffice(t)
	o.collection("shoes", hashindex.Brand)
	o.right("shoes")
	return o, o.confirmed("shoes", "sam", 1, n)
}

// confirmed are n confirmed hits of the seller, of references of their own.
func (o *office) confirmed(collection, seller string, from, n int) (ids []casework.HitID) {
	o.t.Helper()
	for i := from; i < from+n; i++ {
		h := hashOf(uint64(i))
		o.add(collection, h)
		rulings := o.post(listing(i, seller), h)
		o.decide(rulings[0].Hit, casework.Confirm, "stolen_image")
		ids = append(ids, rulings[0].Hit)
	}
	return ids
}

func (o *office) notice(submit bool, hits ...casework.HitID) casework.Notice {
	o.t.Helper()
	n, _, err := o.AddNotice(o.t.Context(), "ann", casework.Everything, casework.NewNotice{Holder: owner, Hits: hits, Text: "our pictures", Submit: submit})
	o.must(err)
	return n
}

func (o *office) step(id casework.NoticeID, order casework.NoticeOrder) casework.Notice {
	o.t.Helper()
	n, _, err := o.MoveNotice(o.t.Context(), "bob", casework.Everything, id, order)
	o.must(err)
	return n
}

func orderOf(a casework.NoticeAction, hits ...casework.HitID) casework.NoticeOrder {
	order := casework.NoticeOrder{Action: a, Text: "because"}
	switch a {
	case casework.AcceptPartly:
		order.Hits = hits
	case casework.AddStatement:
		order.Party = casework.SellerParty
	}
	return order
}

func TestNoticesGoWhereTheTableLeads(t *testing.T) {
	o, _ := protected(t, 1)
	_, _, err := o.SetPolicy(t.Context(), "", func(p *casework.Policy) { p.TrustAfter = 1000 })
	o.must(err)
	table := map[casework.NoticeState]map[casework.NoticeAction]casework.NoticeState{
		"drafted":   {"submit": "submitted", "withdraw": "withdrawn"},
		"submitted": {"accept": "accepted", "partly": "partly", "refuse": "refused", "withdraw": "withdrawn"},
		"accepted":  {"remove": "removed"},
		"partly":    {"remove": "removed"},
		"removed":   {"counter": "countered"},
		"countered": {"uphold": "upheld", "restore": "restored"},
	}
	ways := map[casework.NoticeState][]casework.NoticeAction{
		"drafted": {}, "submitted": {"submit"}, "accepted": {"submit", "accept"}, "partly": {"submit", "partly"}, "refused": {"submit", "refuse"},
		"removed": {"submit", "accept", "remove"}, "countered": {"submit", "accept", "remove", "counter"},
		"upheld": {"submit", "accept", "remove", "counter", "uphold"}, "restored": {"submit", "accept", "remove", "counter", "restore"}, "withdrawn": {"withdraw"},
	}
	next := 100
	for from, way := range ways {
		for _, action := range append(casework.PartyActions(), casework.Decisions()...) {
			next++
			hits := o.confirmed("shoes", "sam", next, 1)
			n := o.notice(false, hits...)
			for _, a := range way {
				n = o.step(n.ID, orderOf(a, hits...))
			}
			if n.State != from {
				t.Fatalf("%v led to %s", way, n.State)
			}
			got, _, err := o.MoveNotice(t.Context(), "bob", casework.Everything, n.ID, orderOf(action, hits...))
			want, ok := table[from][action]
			if action == casework.AddStatement {
				want, ok = from, true
			}
			move, refused := errors.AsType[*casework.MoveError](err)
			switch {
			case ok && (err != nil || got.State != want):
				t.Errorf("%s in %s: %v, %v, want %s", action, from, got.State, err, want)
			case !ok && (!refused || len(move.Allowed) != len(table[from])+1):
				t.Errorf("%s in %s: %v, want it refused with %d allowed", action, from, err, len(table[from])+1)
			}
			o.check()
		}
	}
}

func TestHitsFollowTheirNotice(t *testing.T) {
	o, hits := protected(t, 3)
	n := o.notice(true, hits...)
	n = o.step(n.ID, orderOf(casework.AcceptPartly, hits[:2]...))
	if n.State != casework.NoticePartly || n.Items[0].Outcome != casework.ItemAccepted || n.Items[2].Outcome != casework.ItemRefused {
		t.Errorf("%+v", n)
	}
	o.step(n.ID, casework.NoticeOrder{Action: casework.RemoveListings})
	states := func() (list []casework.State) {
		for _, id := range hits {
			list = append(list, o.hit(id).State)
		}
		return list
	}
	if got := states(); !slices.Equal(got, []casework.State{"actioned", "actioned", "confirmed"}) {
		t.Errorf("after the removal: %v", got)
	}
	if h := o.hit(hits[0]); !slices.Equal(h.Notices, []string{n.ID.String()}) {
		t.Errorf("notices of the hit: %v", h.Notices)
	}
	again := o.notice(false, hits[2]) // refused there, so free for another
	if _, _, err := o.AddNotice(t.Context(), "", casework.Everything, casework.NewNotice{Holder: owner, Hits: hits[:1]}); !errors.Is(err, casework.ErrMove) {
		t.Errorf("a second notice of one hit: %v", err)
	}
	o.step(n.ID, orderOf(casework.CounterNotice))
	n = o.step(n.ID, orderOf(casework.RestoreListings))
	if got := states(); !slices.Equal(got, []casework.State{"reopened", "reopened", "confirmed"}) {
		t.Errorf("after the objection won: %v", got)
	}
	want := []casework.Party{casework.HolderParty, casework.OperatorParty, casework.SellerParty, casework.OperatorParty}
	var parties []casework.Party
	for _, s := range n.Statements {
		parties = append(parties, s.Party)
	}
	if !slices.Equal(parties, want) {
		t.Errorf("statements of %v, want %v", parties, want)
	}
	if again.ID == n.ID || again.State != casework.NoticeDrafted {
		t.Errorf("a notice about what another one was refused for: %+v", again)
	}
}

func TestNoticeNeedsConfirmedHitsOfTheHoldersRights(t *testing.T) {
	o, hits := protected(t, 1)
	h := hashOf(50)
	o.add("shoes", h)
	opened := o.post(listing(50, "sam"), h)[0].Hit
	o.collection("boots", hashindex.Brand) // of nobody
	foreign := o.confirmed("boots", "sam", 60, 1)[0]
	for _, c := range []struct {
		holder string
		hits   []casework.HitID
		want   error
	}{
		{owner, nil, hashindex.ErrInvalid},
		{"nobody", hits, hashindex.ErrInvalid},
		{owner, []casework.HitID{9999}, hashindex.ErrInvalid},
		{owner, []casework.HitID{hits[0], hits[0]}, hashindex.ErrInvalid},
		{owner, []casework.HitID{hits[0], opened}, casework.ErrMove},
		{owner, []casework.HitID{foreign}, casework.ErrMove},
	} {
		if n, _, err := o.AddNotice(t.Context(), "", casework.Everything, casework.NewNotice{Holder: c.holder, Hits: c.hits}); !errors.Is(err, c.want) {
			t.Errorf("%s about %v: %+v, %v, want %v", c.holder, c.hits, n, err, c.want)
		}
	}
}

func TestDeadlinesLapse(t *testing.T) {
	const day = 24 * time.Hour
	o, hits := protected(t, 6)
	drafted, submitted := o.notice(false, hits[0]), o.notice(true, hits[1])
	removed, countered := o.notice(true, hits[2]), o.notice(true, hits[3])
	for _, n := range []casework.Notice{removed, countered} {
		o.step(n.ID, casework.NoticeOrder{Action: casework.AcceptNotice})
		o.step(n.ID, casework.NoticeOrder{Action: casework.RemoveListings})
	}
	o.step(countered.ID, orderOf(casework.CounterNotice))
	state := func(n casework.Notice) string {
		t.Helper()
		got, err := o.Notice(t.Context(), casework.Everything, n.ID)
		o.must(err)
		return fmt.Sprint(got.State, " ", got.Overdue)
	}
	for _, c := range []struct {
		pass time.Duration
		want []string
	}{
		{day, []string{"drafted false", "submitted false", "removed false", "countered false"}},
		{2 * day, []string{"drafted false", "submitted true", "removed false", "countered false"}},
		{11 * day, []string{"drafted false", "submitted true", "closed false", "countered true"}},
		{16 * day, []string{"withdrawn false", "submitted true", "closed false", "countered true"}},
	} {
		o.clock.pass(c.pass)
		o.must(o.Sweep(t.Context()))
		o.must(o.Sweep(t.Context())) // twice is as once
		if got := []string{state(drafted), state(submitted), state(removed), state(countered)}; !slices.Equal(got, c.want) {
			t.Errorf("after %v more: %q, want %q", c.pass, got, c.want)
		}
		o.check()
	}
	if n := o.step(submitted.ID, casework.NoticeOrder{Action: casework.AcceptNotice}); n.Overdue || n.Due.IsZero() {
		t.Errorf("an overdue notice that is decided: %+v", n)
	}
}

func TestRecordDecidesWhatAHolderMayDo(t *testing.T) {
	o, hits := protected(t, 20)
	_, _, err := o.SetPolicy(t.Context(), "", func(p *casework.Policy) { p.TrustAfter, p.DoubtAfter = 4, 6 })
	o.must(err)
	standing := func() casework.HolderStanding {
		t.Helper()
		_, s, err := o.RecordOf(t.Context(), casework.Everything, owner)
		o.must(err)
		return s
	}
	for i, want := range []casework.HolderStanding{"ordinary", "ordinary", "ordinary", "ordinary", "trusted"} {
		if got := standing(); got != want {
			t.Errorf("after %d accepted: %s, want %s", i, got, want)
		}
		n := o.notice(true, hits[i])
		if want == casework.Trusted {
			if n.State != casework.NoticeAccepted || n.Trail[len(n.Trail)-1].Why == "" {
				t.Errorf("submitted by a trusted holder: %+v", n)
			}
			o.step(n.ID, casework.NoticeOrder{Action: casework.RemoveListings})
			o.step(n.ID, orderOf(casework.CounterNotice))
			o.step(n.ID, orderOf(casework.RestoreListings))
			continue
		}
		if n.State != casework.NoticeSubmitted {
			t.Errorf("submitted by an ordinary holder: %s", n.State)
		}
		o.step(n.ID, casework.NoticeOrder{Action: casework.AcceptNotice})
	}
	if got := standing(); got != casework.Ordinary { // one of five was lost
		t.Errorf("after an objection that won: %s", got)
	}
	for i := 5; i < 9; i++ {
		o.step(o.notice(true, hits[i]).ID, orderOf(casework.RefuseNotice))
	}
	record, got, err := o.RecordOf(t.Context(), casework.Everything, owner)
	if err != nil || got != casework.Doubtful || record.Accepted != 5 || record.Refused != 4 || record.Restored != 1 || record.Submitted != 9 {
		t.Errorf("%+v is %s, %v", record, got, err)
	}
}

func TestPolicyMakesNoticesOfBusySellers(t *testing.T) {
	for _, c := range []struct {
		auto casework.Auto
		want casework.NoticeState
	}{{casework.AutoOff, ""}, {casework.AutoDraft, casework.NoticeDrafted}, {casework.AutoSubmit, casework.NoticeSubmitted}} {
		o, _ := protected(t, 0)
		_, _, err := o.SetPolicy(t.Context(), "", func(p *casework.Policy) { p.Auto = c.auto })
		o.must(err)
		o.confirmed("shoes", "sam", 1, 2)
		o.confirmed("shoes", "eve", 10, 2)
		hits := o.confirmed("shoes", "sam", 3, 1)
		page, err := o.Notices(t.Context(), casework.Everything, casework.NoticeFilter{Limit: 10})
		o.must(err)
		if c.want == "" {
			if len(page.Notices) != 0 {
				t.Errorf("%s: %+v", c.auto, page.Notices)
			}
			continue
		}
		if len(page.Notices) != 1 || page.Notices[0].State != c.want || len(page.Notices[0].Items) != 3 || !page.Notices[0].Automatic {
			t.Fatalf("%s: %+v", c.auto, page.Notices)
		}
		o.decide(hits[0], casework.Comment, "") // confirmed as before: no second notice
		o.confirmed("shoes", "sam", 5, 1)       // above the tally already: one of its own
		page, err = o.Notices(t.Context(), casework.Everything, casework.NoticeFilter{Limit: 10})
		if err != nil || len(page.Notices) != 2 || len(page.Notices[1].Items) != 1 {
			t.Errorf("%s: %+v, %v", c.auto, page.Notices, err)
		}
	}
}

func TestNoticesAreListedByHolderStateAndDeadline(t *testing.T) {
	o, hits := protected(t, 9)
	for i, id := range hits {
		o.notice(i%3 == 0, id)
		o.clock.pass(time.Hour)
	}
	all := func(f casework.NoticeFilter) (ids []casework.NoticeID) {
		t.Helper()
		for f.Limit = 2; ; {
			page, err := o.Notices(t.Context(), casework.Everything, f)
			o.must(err)
			for _, n := range page.Notices {
				ids = append(ids, n.ID)
			}
			if f.After = page.Next; f.After == "" {
				return ids
			}
		}
	}
	for _, c := range []struct {
		filter casework.NoticeFilter
		want   []casework.NoticeID
	}{
		{casework.NoticeFilter{}, []casework.NoticeID{1, 2, 3, 4, 5, 6, 7, 8, 9}},
		{casework.NoticeFilter{Holder: owner}, []casework.NoticeID{1, 2, 3, 4, 5, 6, 7, 8, 9}},
		{casework.NoticeFilter{Holder: "other"}, nil},
		{casework.NoticeFilter{States: []casework.NoticeState{casework.NoticeSubmitted}}, []casework.NoticeID{1, 4, 7}},
		{casework.NoticeFilter{States: []casework.NoticeState{casework.NoticeSubmitted, casework.NoticeDrafted}, Holder: owner}, []casework.NoticeID{1, 2, 3, 4, 5, 6, 7, 8, 9}},
		{casework.NoticeFilter{DueBefore: start.Add(10 * 24 * time.Hour)}, []casework.NoticeID{1, 4, 7}},
		{casework.NoticeFilter{DueBefore: start.Add(100 * 24 * time.Hour)}, []casework.NoticeID{1, 4, 7, 2, 3, 5, 6, 8, 9}},
	} {
		if got := all(c.filter); !slices.Equal(got, c.want) {
			t.Errorf("%+v: %v, want %v", c.filter, got, c.want)
		}
	}
	other := casework.Visible{"boots"}
	if page, err := o.Notices(t.Context(), other, casework.NoticeFilter{Limit: 10}); err != nil || len(page.Notices) != 0 {
		t.Errorf("another holder's reviewer sees %+v, %v", page, err)
	}
	for _, err := range []error{
		second(o.Notice(t.Context(), other, 1)), third(o.MoveNotice(t.Context(), "", other, 1, orderOf(casework.WithdrawNotice))),
		third(o.RecordOf(t.Context(), other, owner)),
	} {
		if !errors.Is(err, hashindex.ErrNotFound) {
			t.Errorf("another holder's reviewer: %v", err)
		}
	}
}

func second[A any](_ A, err error) error        { return err }
func third[A, B any](_ A, _ B, err error) error { return err }

// TestRandomNoticesKeepTheInvariants does whatever comes to mind, and checks.
func TestRandomNoticesKeepTheInvariants(t *testing.T) {
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 1))
	o, hits := protected(t, 12)
	_, _, err := o.SetPolicy(t.Context(), "", func(p *casework.Policy) { p.Auto, p.AutoTally, p.TrustAfter = casework.AutoSubmit, 4, 3 })
	o.must(err)
	actions := append(casework.PartyActions(), casework.Decisions()...)
	for range 400 {
		id := hits[random.IntN(len(hits))]
		switch random.IntN(8) {
		case 0:
			o.AddNotice(t.Context(), "ann", casework.Everything, casework.NewNotice{Holder: owner, Hits: []casework.HitID{id}, Submit: random.IntN(2) == 0})
		case 1:
			o.clock.pass(time.Duration(random.IntN(50)) * time.Hour)
			o.must(o.Sweep(t.Context()))
		case 2:
			list := []casework.Action{casework.Reopen, casework.Confirm, casework.Act}
			o.DecideOne(t.Context(), "ann", casework.Everything, id, casework.Order{Action: list[random.IntN(3)], Reason: ""})
		default:
			page, err := o.Notices(t.Context(), casework.Everything, casework.NoticeFilter{Limit: 1000})
			o.must(err)
			if len(page.Notices) > 0 {
				n := page.Notices[random.IntN(len(page.Notices))]
				o.MoveNotice(t.Context(), "bob", casework.Everything, n.ID, orderOf(actions[random.IntN(len(actions))], n.Items[0].Hit))
			}
		}
	}
	o.check()
	if t.Failed() {
		t.Log("seed", seed)
	}
}
