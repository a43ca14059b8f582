package casework_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"touchstone/casework"
	"touchstone/hashindex"
)

// TestEveryFilterListsWhatAPlainLookAtEachHitDoes compares filters of every combination of fields with asking
// each hit.
func TestEveryFilterListsWhatAPlainLookAtEachHitDoes(t *testing.T) {
	o := openOffice(t)
	var rights []casework.Right
	var references []hashindex.Reference
	for i, name := range []string{"shoes", "bags", "hats"} {
		o.collection(name, hashindex.Brand)
		rights = append(rights, o.right(name))
		reference, _ := o.add(name, hashOf(uint64(i+1)))
		references = append(references, reference)
	}
	r := rand.New(rand.NewPCG(5, 6))
	var all []casework.Hit
	for n := range 60 {
		h := off(hashOf(uint64(r.IntN(3)+1)), []int{0, 20}[r.IntN(2)], uint64(n))
		ruling := o.post(listing(n, fmt.Sprint("seller-", r.IntN(3))), h)[0]
		if r.IntN(3) == 0 {
			o.decide(ruling.Hit, casework.Reject, "stock_picture")
		}
		all = append(all, o.hit(ruling.Hit))
		o.clock.pass(time.Minute)
	}
	late := start.Add(30 * time.Minute)
	for n := range 1 << 9 {
		has := func(bit int) bool { return n&(1<<bit) != 0 }
		var f casework.HitFilter
		var want []casework.HitID
		if has(0) {
			f.States = []casework.State{casework.Rejected}
		}
		if has(1) {
			f.Collections = []string{"bags", "hats"}
		}
		if has(2) {
			f.Right = rights[1].ID
		}
		if has(3) {
			f.Seller = "seller-1"
		}
		if has(4) {
			f.Reference = references[1].ID
		}
		if has(5) {
			f.Kind = hashindex.Near
		}
		if has(6) {
			f.MinScore, f.MaxScore = 0.5, 0.99
		}
		if has(7) {
			f.Since = late
		}
		if has(8) {
			f.Before = late
		}
		for _, h := range all {
			if (!has(0) || h.State == casework.Rejected) && (!has(1) || h.Named != "shoes") && (!has(2) || h.Named == "bags") &&
				(!has(3) || h.Subject.Seller == "seller-1") && (!has(4) || h.Reference == references[1].ID) &&
				(!has(5) || h.Evidence.Kind == hashindex.Near) && (!has(6) || h.Score >= 0.5 && h.Score <= 0.99) &&
				(!has(7) || !h.First.Before(late)) && (!has(8) || h.First.Before(late)) {
				want = append(want, h.ID)
			}
		}
		if got := o.list(f); !slices.Equal(got, want) {
			t.Fatalf("%+v lists %v, want %v", f, got, want)
		}
	}
}
