package casework_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"touchstone/casework"
	"touchstone/hashindex"
)

func TestRightsGoOnlyWhereTheTableOfStatesLeads(t *testing.T) {
	o := openOffice(t)
	o.collection("shoes", hashindex.Brand)
	right := o.right("shoes", "DE")
	if right.State != casework.RightRecorded || right.ID != 1 {
		t.Fatalf("recorded as %+v", right)
	}
	to := func(s casework.RightState) (casework.Right, error) {
		changed, _, err := o.ChangeRight(t.Context(), "op", casework.Everything, right.ID, casework.RightPatch{State: &s})
		return changed, err
	}
	for _, s := range []casework.RightState{casework.RightVerified, casework.RightExpired, casework.RightVerified, casework.RightWithdrawn} {
		if changed, err := to(s); err != nil || changed.State != s {
			t.Fatalf("to %s: %+v, %v", s, changed, err)
		}
	}
	_, err := to(casework.RightVerified)
	refused, ok := errors.AsType[*casework.MoveError](err)
	if !ok || refused.From != "withdrawn" || len(refused.Allowed) != 0 {
		t.Errorf("verified after it was withdrawn: %v", err)
	}
}

func TestRightExpiresWhenItsTermIsOver(t *testing.T) {
	o := openOffice(t)
	o.collection("shoes", hashindex.Brand)
	right := o.right("shoes")
	term := casework.Term{Until: start.Add(24 * time.Hour)}
	if _, _, err := o.ChangeRight(t.Context(), "op", casework.Everything, right.ID, casework.RightPatch{Term: &term}); err != nil {
		t.Fatal(err)
	}
	o.must(o.Sweep(t.Context()))
	if now, _ := o.Right(t.Context(), casework.Everything, right.ID); now.State != casework.RightRecorded {
		t.Fatalf("within its term: %s", now.State)
	}
	o.clock.pass(24 * time.Hour)
	o.must(o.Sweep(t.Context()))
	now, err := o.Right(t.Context(), casework.Everything, right.ID)
	if err != nil || now.State != casework.RightExpired {
		t.Errorf("after its term: %+v, %v", now, err)
	}
	verified := casework.RightVerified
	if _, _, err := o.ChangeRight(t.Context(), "op", casework.Everything, right.ID, casework.RightPatch{State: &verified}); !errors.Is(err, hashindex.ErrInvalid) {
		t.Errorf("verified without a new term: %v", err)
	}
	longer := casework.Term{Until: start.Add(480 * time.Hour)}
	if now, _, err := o.ChangeRight(t.Context(), "op", casework.Everything, right.ID, casework.RightPatch{State: &verified, Term: &longer}); err != nil || now.State != verified {
		t.Errorf("renewed: %+v, %v", now, err)
	}
}

func TestMatchOfALicensedSellerOrOutOfTermIsNeverAHit(t *testing.T) {
	o := openOffice(t)
	o.collection("shoes", hashindex.Brand)
	h := hashOf(1)
	o.add("shoes", h)
	right := o.right("shoes", "EU")
	_, _, _, err := o.AddLicences(t.Context(), "op", casework.Everything, []casework.Licence{
		{Right: right.ID, Seller: "outlet", Territory: casework.Territory{"DE", "AT"}, Term: casework.Term{Until: start.Add(time.Hour)}},
	})
	o.must(err)
	for i, c := range []struct {
		seller, territory string
		want              casework.Standing
	}{
		{"outlet", "DE", casework.Licensed},
		{"outlet", "", casework.Licensed}, // nobody is accused for want of a field
		{"outlet", "FR", casework.IsHit},
		{"outlet", "US", casework.OutOfTerm},
		{"other", "DE", casework.IsHit},
		{"other", "US", casework.OutOfTerm},
		{"", "IT", casework.IsHit},
	} {
		s := listing(i, c.seller)
		s.Territory = c.territory
		rulings := o.post(s, h)
		if len(rulings) != 1 || rulings[0].Standing != c.want {
			t.Errorf("seller %q in %q: %+v, want %s", c.seller, c.territory, rulings, c.want)
		}
	}
	o.clock.pass(2 * time.Hour)
	if rulings := o.post(casework.Subject{Listing: "later", Seller: "outlet", Territory: "DE"}, h); rulings[0].Standing != casework.IsHit {
		t.Errorf("after the licence's term: %+v", rulings)
	}
	withdrawn := casework.RightWithdrawn
	_, _, err = o.ChangeRight(t.Context(), "op", casework.Everything, right.ID, casework.RightPatch{State: &withdrawn})
	o.must(err)
	if rulings := o.post(casework.Subject{Listing: "last", Seller: "other", Territory: "DE"}, h); rulings[0].Standing != casework.OutOfTerm {
		t.Errorf("of a right that was withdrawn: %+v", rulings)
	}
}

func TestCollectionBelongsToItsRightUntilItIsTakenAway(t *testing.T) {
	o := openOffice(t)
	o.collection("shoes", hashindex.Brand)
	o.collection("bags", hashindex.Brand)
	o.add("shoes", hashOf(1))
	right := o.right("shoes", "US")
	us := casework.Subject{Listing: "a", Territory: "DE"}
	if r := o.post(us, hashOf(1)); r[0].Standing != casework.OutOfTerm {
		t.Fatalf("linked: %+v", r)
	}
	_, _, err := o.ChangeRight(t.Context(), "op", casework.Everything, right.ID, casework.RightPatch{Collections: &[]string{"bags"}})
	o.must(err)
	if r := o.post(us, hashOf(1)); r[0].Standing != casework.IsHit {
		t.Errorf("no longer linked: %+v", r)
	}
}

func TestLicenceListsSayWhatIsWrongWithEachLine(t *testing.T) {
	o := openOffice(t)
	o.collection("shoes", hashindex.Brand)
	right := o.right("shoes")
	list := "seller,right,until,territory\n" +
		"a,1,2027-01-31,DE AT\n" +
		"b,99,,\n" +
		",1,,\n" +
		"c,1,31.1.2027,\n" +
		"d,1,,Germany\n" +
		"e,1\n" +
		"\"f\",1,,\n" +
		"a,1,2027-01-31,DE AT\n"
	done, err := o.ImportLicences(t.Context(), "op", casework.Everything, strings.NewReader(list))
	o.must(err)
	if done.Added != 2 || done.Unchanged != 1 || done.Failed != 5 {
		t.Fatalf("%+v", done)
	}
	var got []string
	for _, e := range done.Errors {
		got = append(got, fmt.Sprint(e.Line, " ", e.Field))
	}
	if want := []string{"3 right", "4 seller", "5 until", "6 territory", "7 "}; !slices.Equal(got, want) {
		t.Errorf("lines %q, want %q", got, want)
	}
	licences, err := o.Licences(t.Context(), casework.Everything, casework.LicenceFilter{Right: right.ID, Limit: 10})
	o.must(err)
	if len(licences) != 2 || licences[0].Seller != "a" || !licences[0].Term.Until.Equal(time.Date(2027, 2, 1, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("granted: %+v", licences)
	}
	again, err := o.ImportLicences(t.Context(), "op", casework.Everything, strings.NewReader(list))
	if err != nil || again.Added != 0 || again.Unchanged != 3 {
		t.Errorf("the list again: %+v, %v", again, err)
	}
	for _, header := range []string{"", "seller,until\n", "right,seller,colour\n", "right,seller,right\n"} {
		if _, err := o.ImportLicences(t.Context(), "op", casework.Everything, strings.NewReader(header)); !errors.Is(err, hashindex.ErrInvalid) {
			t.Errorf("header %q: %v", header, err)
		}
	}
}

func TestRevokedLicenceLetsNothing(t *testing.T) {
	o := openOffice(t)
	o.collection("shoes", hashindex.Brand)
	o.add("shoes", hashOf(1))
	right := o.right("shoes")
	list, added, _, err := o.AddLicences(t.Context(), "op", casework.Everything, []casework.Licence{{Right: right.ID, Seller: "a"}})
	if err != nil || added != 1 {
		t.Fatal(added, err)
	}
	if r := o.post(listing(1, "a"), hashOf(1)); r[0].Standing != casework.Licensed {
		t.Fatalf("licensed: %+v", r)
	}
	_, err = o.RevokeLicence(t.Context(), "op", casework.Everything, list[0].ID)
	o.must(err)
	if r := o.post(listing(1, "a"), hashOf(1)); r[0].Standing != casework.IsHit {
		t.Errorf("revoked: %+v", r)
	}
	if _, err := o.RevokeLicence(t.Context(), "op", casework.Everything, list[0].ID); !errors.Is(err, hashindex.ErrNotFound) {
		t.Errorf("revoked twice: %v", err)
	}
}

func TestTerritoriesAndTermsAreReadAsWritten(t *testing.T) {
	for text, want := range map[string]string{"": "", "de, at;FR": "DE AT FR", "EU": "EU"} {
		got, err := casework.ParseTerritory(text)
		if err != nil || strings.Join(got, " ") != want {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	if _, err := casework.ParseTerritory("DEU"); !errors.Is(err, hashindex.ErrInvalid) {
		t.Errorf("three letters: %v", err)
	}
	term, err := casework.ParseTerm("2027-01-01", "2027-01-31")
	if err != nil || !term.Holds(time.Date(2027, 1, 31, 23, 59, 0, 0, time.UTC)) || term.Holds(time.Date(2027, 2, 1, 0, 0, 0, 0, time.UTC)) || term.Holds(time.Date(2026, 12, 31, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("the days of January: %+v, %v", term, err)
	}
	if _, err := casework.ParseTerm("2027-02-01", "2027-01-01"); !errors.Is(err, hashindex.ErrInvalid) {
		t.Errorf("ends before it begins: %v", err)
	}
}
