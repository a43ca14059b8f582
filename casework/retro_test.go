package casework_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"touchstone/casework"
	"touchstone/hashindex"
	"touchstone/hashindex/fingerprint/pdq"
	"touchstone/hashindex/store/memory"
)

// TestLookingBackFindsWhatAskingAgainWould holds the hits that looking back makes against a scan of all that
// was seen.
func TestLookingBackFindsWhatAskingAgainWould(t *testing.T) {
	o := openOffice(t)
	o.collection("shoes", hashindex.Brand)
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 0))
	var seen []hashindex.Hash
	for n := range 300 {
		h := hashOf(uint64(n))
		if n%2 == 0 { // near one reference, turned or mirrored
			variants := pdq.Derive(hashOf(100_000))
			h = off(variants[r.IntN(8)], r.IntN(60), uint64(n))
		}
		seen = append(seen, h)
		o.post(listing(n, ""), h)
		if n == 150 {
			o.must(o.Flush(t.Context())) // some are in the store, some wait to be
		}
	}
	reference := hashOf(100_000)
	want := map[string]int{}
	for n, h := range seen {
		best := 256
		for _, v := range pdq.Derive(h) {
			best = min(best, v.Distance(reference))
		}
		if best <= hashindex.DefaultPolicy().Radius {
			want[fmt.Sprint("listing-", n)] = best
		}
	}
	_, retro := o.add("shoes", reference)
	if retro != (casework.Retro{Sightings: len(want), Hits: len(want)}) {
		t.Errorf("seed %d: %+v, want %d of each", seed, retro, len(want))
	}
	page, err := o.Hits(t.Context(), casework.Everything, casework.HitFilter{Limit: 1000})
	o.must(err)
	for _, h := range page.Hits {
		if distance, ok := want[h.Subject.Listing]; !ok || !h.Retro || h.Evidence.Distance != distance {
			t.Errorf("seed %d: hit of %s at %d, retro %v; want %v at %d", seed, h.Subject, h.Evidence.Distance, h.Retro, ok, distance)
		}
		if err := h.Evidence.Verify(); err != nil {
			t.Errorf("seed %d: %v", seed, err)
		}
		delete(want, h.Subject.Listing)
	}
	if len(want) > 0 {
		t.Errorf("seed %d: without a hit: %v", seed, want)
	}
}

func TestSightingsOfOneSubjectMakeOneHit(t *testing.T) {
	o := openOffice(t)
	o.collection("shoes", hashindex.Brand)
	for range 3 {
		o.post(listing(1, "a"), hashOf(1))
		o.clock.pass(time.Minute)
	}
	_, retro := o.add("shoes", hashOf(1))
	if retro != (casework.Retro{Sightings: 3, Hits: 1}) {
		t.Fatalf("%+v", retro)
	}
	if h := o.hit(1); h.Count != 3 || !h.First.Equal(start) || !h.Last.Equal(start.Add(2*time.Minute)) {
		t.Errorf("%+v", h)
	}
}

func TestSightingsGoWhenTheyAreOldOrTooMany(t *testing.T) {
	o := openOffice(t)
	o.collection("shoes", hashindex.Brand)
	_, _, err := o.SetPolicy(t.Context(), "op", func(p *casework.Policy) { p.SightingCount = 3 })
	o.must(err)
	for n := range 5 {
		o.post(listing(n, ""), hashOf(uint64(n)))
		o.clock.pass(time.Hour)
	}
	found := func(n uint64) int {
		collection, err := o.index.Collection("shoes")
		o.must(err)
		found, _, err := o.WouldFind(t.Context(), collection.Collection, hashed(hashOf(n)))
		o.must(err)
		return found
	}
	o.must(o.Flush(t.Context()))
	for n, want := range []int{0, 0, 1, 1, 1} {
		if got := found(uint64(n)); got != want {
			t.Errorf("of five and three kept, number %d: %d", n, got)
		}
	}
	o.clock.pass(30*24*time.Hour - 2*time.Hour)
	o.must(o.Flush(t.Context()))
	for n, want := range []int{0, 0, 0, 1, 1} {
		if got := found(uint64(n)); got != want {
			t.Errorf("thirty days after the third, number %d: %d", n, got)
		}
	}
}

// TestLookingBackSaysWhereItCountsNoFurther: of a picture that was asked about ten thousand times the number is exact,
// of more it is said to be at least that.
func TestLookingBackSaysWhereItCountsNoFurther(t *testing.T) {
	o := openOffice(t)
	o.collection("shoes", hashindex.Brand)
	shoes, err := o.index.Collection("shoes")
	o.must(err)
	const most = 10_000
	o.See(slices.Repeat([]casework.Sighting{{Subject: listing(1, ""), At: start, Hash: hashOf(1)}}, most))
	for _, truncated := range []bool{false, true, true} {
		found, more, err := o.WouldFind(t.Context(), shoes.Collection, hashed(hashOf(1)))
		o.must(err)
		_, retro := o.add("shoes", hashOf(1))
		if retro.Truncated != truncated || more != truncated || retro.Sightings != found || truncated != (found > most) || found < most || retro.Hits != 1 {
			t.Errorf("%+v, and %d, %v before; want truncated %v", retro, found, more, truncated)
		}
		o.See([]casework.Sighting{{Subject: listing(1, ""), At: start, Hash: hashOf(1)}})
	}
}

// TestLookingBackDoesNotPassOverALonePHash: no sighting has one, so that what pictures would match by it is not counted,
// and the number not said to be exact.
func TestLookingBackDoesNotPassOverALonePHash(t *testing.T) {
	o := openOffice(t)
	o.collection("shoes", hashindex.Brand)
	shoes, err := o.index.Collection("shoes")
	o.must(err)
	picture := hashed(hashOf(1))
	for _, truncated := range []bool{false, true} {
		added, _, err := o.index.AddReferences(t.Context(), "", "shoes", []hashindex.NewReference{{Picture: picture}}, casework.Remember)
		o.must(err)
		found, more, err := o.WouldFind(t.Context(), shoes.Collection, picture)
		o.must(err)
		retro, err := o.LookBack(t.Context(), "", added)
		o.must(err)
		if want := (casework.Retro{Truncated: truncated}); retro[0] != want || found != 0 || more != truncated {
			t.Errorf("%+v, and %d, %v before; want truncated %v", retro[0], found, more, truncated)
		}
		alone := hashindex.Fingerprint{Recipe: recipe, Quality: 100}
		alone.Hashes[hashindex.PHash] = hashindex.Hash64(1)
		picture.Frames = append(picture.Frames, hashindex.Frame{Fingerprint: alone, At: time.Second})
	}
}

// TestLookingBackFindsWhatIsWrittenMeanwhile has sightings leave for the store within every view, where they are no
// longer waiting and not yet to be seen.
func TestLookingBackFindsWhatIsWrittenMeanwhile(t *testing.T) {
	store := &meanwhile{Storage: memory.New()}
	o := openOn(t, store)
	o.collection("shoes", hashindex.Brand)
	added, _, err := o.index.AddReferences(t.Context(), "", "shoes", []hashindex.NewReference{{Picture: hashed(hashOf(1))}}, casework.Remember)
	o.must(err)
	seen := 0
	see := func() {
		o.must(o.Flush(t.Context()))
		o.See([]casework.Sighting{{Subject: listing(seen, ""), At: start, Hash: hashOf(1)}})
		seen++
	}
	see()
	store.do.Store(&see)
	retro, err := o.LookBack(t.Context(), "", added)
	store.do.Store(nil)
	o.must(err)
	// The first, and that of the view before the search.
	if want := (casework.Retro{Sightings: 2, Hits: 2}); retro[0] != want || seen < 3 {
		t.Errorf("%+v of %d, want %+v of 3 and more", retro[0], seen, want)
	}
}

// meanwhile does something within each view, after its picture is taken.
type meanwhile struct {
	hashindex.Storage
	do   atomic.Pointer[func()]
	busy atomic.Bool // views within that are left alone
}

func (s *meanwhile) View(read func(hashindex.Reader) error) error {
	return s.Storage.View(func(r hashindex.Reader) error {
		if do := s.do.Load(); do != nil && s.busy.CompareAndSwap(false, true) {
			(*do)()
			s.busy.Store(false)
		}
		return read(r)
	})
}

// TestLookingBackIsDoneAfterACrash opens the store again where the process died between adding and looking.
func TestLookingBackIsDoneAfterACrash(t *testing.T) {
	store := memory.New()
	first := openOn(t, store)
	first.collection("shoes", hashindex.Brand)
	first.post(listing(1, ""), hashOf(1))
	first.must(first.Flush(t.Context()))
	_, _, err := first.index.AddReferences(t.Context(), "", "shoes", []hashindex.NewReference{{Picture: hashed(hashOf(1))}}, casework.Remember)
	first.must(err)
	second := openOn(t, store)
	if found := second.list(casework.HitFilter{}); len(found) != 1 {
		t.Fatalf("looked back for: %v", found)
	}
	if h := second.hit(1); !h.Retro || h.Subject.Listing != "listing-1" {
		t.Errorf("%+v", h)
	}
}

func TestFloodIsQuarantinedUntilItIsReleased(t *testing.T) {
	o := openOffice(t)
	o.collection("shoes", hashindex.Brand)
	reference, _ := o.add("shoes", hashOf(1))
	_, _, err := o.SetPolicy(t.Context(), "op", func(p *casework.Policy) { p.FloodSellers = 3 })
	o.must(err)
	standing := func(n int) casework.Standing {
		return o.post(listing(n, fmt.Sprint("seller-", n)), off(hashOf(1), 5, uint64(n)))[0].Standing
	}
	for n := range 5 {
		want := casework.IsHit
		if n >= 3 {
			want = casework.Quarantined
		}
		if got := standing(n); got != want {
			t.Errorf("seller %d: %s, want %s", n, got, want)
		}
	}
	list, err := o.Quarantines(t.Context(), casework.Everything, "", 10)
	o.must(err)
	id := fmt.Sprint("reference-", reference.ID)
	if len(list) != 1 || list[0].ID != id || list[0].Sellers != 4 || list[0].Released {
		t.Fatalf("%+v", list)
	}
	if hidden, err := o.Quarantines(t.Context(), casework.Visible{"bags"}, "", 10); err != nil || len(hidden) != 0 {
		t.Errorf("to who does not see shoes: %+v, %v", hidden, err)
	}
	_, _, err = o.ReleaseQuarantine(t.Context(), "op", casework.Everything, id)
	o.must(err)
	if got := standing(100); got != casework.IsHit {
		t.Errorf("released: %s", got)
	}
	if _, _, err := o.ReleaseQuarantine(t.Context(), "op", casework.Everything, id); !errors.Is(err, casework.ErrMove) {
		t.Errorf("released twice: %v", err)
	}
}

func TestPictureSeenEverywhereIsQuarantined(t *testing.T) {
	o := openOffice(t)
	o.collection("shoes", hashindex.Brand)
	_, _, err := o.SetPolicy(t.Context(), "op", func(p *casework.Policy) { p.FloodSellers = 4 })
	o.must(err)
	everywhere := hashOf(1)
	for n := range 3 { // references that it is near to: none of them makes enough hits alone
		o.add("shoes", off(everywhere, 10, uint64(n)))
	}
	for n := range 6 {
		o.post(listing(n, fmt.Sprint("seller-", n)), everywhere)
	}
	list, err := o.Quarantines(t.Context(), casework.Everything, "", 10)
	o.must(err)
	found := false
	for _, q := range list {
		found = found || q.ID == "hash-"+everywhere.String()
	}
	if !found {
		t.Errorf("%+v", list)
	}
}

// TestFloodsAreCountedByWindowsThoughTheClockGoesBack: two sellers before a clock went back by days, and two after, are
// no flood of four.
func TestFloodsAreCountedByWindowsThoughTheClockGoesBack(t *testing.T) {
	o := openOffice(t)
	o.collection("shoes", hashindex.Brand)
	_, _, err := o.SetPolicy(t.Context(), "op", func(p *casework.Policy) { p.FloodSellers = 3 })
	o.must(err)
	o.add("shoes", hashOf(1))
	for n := range 4 {
		if n == 2 {
			o.clock.pass(-30 * 24 * time.Hour)
		}
		o.post(listing(n, fmt.Sprint("seller-", n)), hashOf(1))
	}
	if n := o.quarantined(); n != 0 {
		t.Fatalf("%d quarantined", n)
	}
	o.clock.pass(-time.Second) // a step as clocks take it changes nothing
	for n := range 4 {
		o.post(listing(10+n, fmt.Sprint("another-", n)), hashOf(1))
	}
	if n := o.quarantined(); n == 0 {
		t.Error("six sellers in one window, and nothing is quarantined")
	}
}

// quarantined is how many things are.
func (o *office) quarantined() int {
	o.t.Helper()
	list, err := o.Quarantines(o.t.Context(), casework.Everything, "", 10)
	o.must(err)
	return len(list)
}

// floodRows is how many sellers are counted in the store.
func (o *office) floodRows() (n int) {
	o.t.Helper()
	o.must(o.index.View(o.t.Context(), func(r hashindex.Reader) error {
		for _, err := range r.Rows("case.floods", "") {
			if err != nil {
				return err
			}
			n++
		}
		return nil
	}))
	return n
}

// TestFloodsAreCountedOnByTheNextProcess has sellers come by twos, each two to a desk of their own: a thing is a flood
// with the fourth of one window, whichever desk counted the others, and not by those of another window.
func TestFloodsAreCountedOnByTheNextProcess(t *testing.T) {
	for _, each := range []struct {
		name  string
		steps []time.Duration // of the clock, before each two
		want  []int           // quarantined after each two
	}{
		{"one window", []time.Duration{0, 50 * time.Minute, time.Minute}, []int{0, 2, 2}}, // the reference and the picture
		{"a window over", []time.Duration{0, 61 * time.Minute}, []int{0, 0}},
		{"a window that began late", []time.Duration{50 * time.Minute, 20 * time.Minute, 50 * time.Minute}, []int{0, 2, 2}},
		{"a clock that goes back", []time.Duration{0, -30 * 24 * time.Hour}, []int{0, 0}},
		{"a clock that goes back, then one window", []time.Duration{0, -30 * 24 * time.Hour, time.Minute}, []int{0, 0, 2}},
		{"a clock that goes back and comes back", []time.Duration{0, -30 * 24 * time.Hour, 30*24*time.Hour + time.Minute}, []int{0, 0, 2}},
		{"a second back", []time.Duration{0, -time.Second}, []int{0, 2}},
	} {
		t.Run(each.name, func(t *testing.T) {
			store, at, seller := memory.New(), start, 0
			for i, step := range each.steps {
				at = at.Add(step)
				o := openAt(t, store, at)
				if i == 0 {
					o.collection("shoes", hashindex.Brand)
					o.add("shoes", hashOf(1))
					_, _, err := o.SetPolicy(t.Context(), "op", func(p *casework.Policy) { p.FloodSellers = 3 })
					o.must(err)
				}
				for range 2 {
					o.post(listing(seller, fmt.Sprint("seller-", seller)), hashOf(1))
					seller++
				}
				if got := o.quarantined(); got != each.want[i] {
					t.Errorf("after %d sellers: %d quarantined, want %d", seller, got, each.want[i])
				}
				o.close()
				o.closed = true
			}
		})
	}
}

// TestCountsOfFloodsGoWithTheirWindow: what a window has counted leaves the store when it is over, and a flood takes no
// more rows than make it one.
func TestCountsOfFloodsGoWithTheirWindow(t *testing.T) {
	store := memory.New()
	first := openOn(t, store)
	first.collection("shoes", hashindex.Brand)
	reference, _ := first.add("shoes", hashOf(1))
	_, _, err := first.SetPolicy(t.Context(), "op", func(p *casework.Policy) { p.FloodSellers = 3 })
	first.must(err)
	post := func(o *office, n int) { o.post(listing(n, fmt.Sprint("seller-", n)), off(hashOf(1), 5, uint64(n))) }
	for n := range 4 {
		post(first, n)
	}
	_, _, err = first.ReleaseQuarantine(t.Context(), "op", casework.Everything, fmt.Sprint("reference-", reference.ID))
	first.must(err)
	for n := range 4 {
		post(first, 10+n)
	}
	if got := first.floodRows(); got != 4+8 { // of the reference, and one of each picture
		t.Errorf("%d rows", got)
	}
	first.close()
	first.closed = true

	second := openAt(t, store, start.Add(59*time.Minute))
	post(second, 20)
	second.clock.pass(2 * time.Minute)
	second.must(second.Sweep(t.Context()))
	if got := second.floodRows(); got != 1 { // the last picture's window began late
		t.Errorf("an hour later: %d rows", got)
	}
	second.clock.pass(time.Hour)
	second.must(second.Sweep(t.Context()))
	if got := second.floodRows(); got != 0 {
		t.Errorf("another hour later: %d rows", got)
	}
}

func TestThresholdsFollowFromDecisions(t *testing.T) {
	o := openOffice(t)
	o.collection("shoes", hashindex.Brand)
	o.add("shoes", hashOf(1))
	for n, distance := range []int{2, 2, 2, 20, 20, 30} {
		id := o.post(listing(n, ""), off(hashOf(1), distance, uint64(n)))[0].Hit
		switch n {
		case 0, 1, 2, 3:
			o.decide(id, casework.Confirm, "")
		case 4:
			o.decide(id, casework.Reject, "different_picture")
		}
	}
	o.post(listing(99, ""), off(hashOf(1), 36, 99)) // beyond the radius, within its reach
	got, err := o.Thresholds(t.Context(), casework.Everything, "shoes", 40)
	o.must(err)
	want := []casework.Precision{{Distance: 2, Confirmed: 3, Precision: 1}, {Distance: 20, Confirmed: 1, Rejected: 1, Precision: 0.8}}
	if fmt.Sprint(got.Distances) != fmt.Sprint(want) {
		t.Errorf("distances %+v, want %+v", got.Distances, want)
	}
	reach := []casework.Reach{{2, 3}, {20, 5}, {30, 6}, {36, 7}}
	if fmt.Sprint(got.Reach) != fmt.Sprint(reach) || got.References != 1 || got.Sightings != 7 {
		t.Errorf("reach %+v of %d and %d, want %+v", got.Reach, got.References, got.Sightings, reach)
	}
	if len(got.Scores) != 2 || got.Scores[1].Precision != 0.8 {
		t.Errorf("scores %+v", got.Scores)
	}
}
