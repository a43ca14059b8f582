package casework_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"touchstone/casework"
	"touchstone/hashindex"
	"touchstone/hashindex/fingerprint/pdq"
	"touchstone/hashindex/search/multiindex"
	"touchstone/hashindex/store/bolt"
)

// size is how large a benchmark is: what the variable says, or else little.
func size(b *testing.B, variable string, little int) int {
	text := os.Getenv(variable)
	if text == "" {
		return little
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		b.Fatal(err)
	}
	return n
}

// benchOffice is an office on a real store, with a reference to match.
func benchOffice(b *testing.B) (*office, []hashindex.Match) {
	store, err := bolt.Open(b.TempDir(), bolt.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { store.Close() })
	o := &office{t: b, clock: &clock{at: start}}
	newSearcher := func(a hashindex.Algorithm) hashindex.Searcher { return multiindex.New(a.Bits()) }
	o.index, err = hashindex.Open(hashindex.Config{Store: store, Recipe: recipe, NewSearcher: newSearcher, Now: o.clock.now})
	o.must(err)
	o.must(o.index.WaitReady(b.Context()))
	o.Desk, err = casework.Open(casework.Config{Index: o.index, Variants: pdq.Derive, NewSearcher: newSearcher, Now: o.clock.now, Flush: time.Hour})
	o.must(err)
	o.must(o.Desk.WaitReady(b.Context()))
	b.Cleanup(func() { o.must(o.Desk.Close()); o.must(o.index.Close()) })
	_, _, err = o.SetPolicy(b.Context(), "", func(p *casework.Policy) { p.FloodSellers = 100_000 })
	o.must(err)
	o.collection("shoes", hashindex.Brand)
	reference, _ := o.add("shoes", hashOf(1))
	collection, err := o.index.Collection("shoes")
	o.must(err)
	return o, o.matchOf(reference, collection.Collection)
}

// BenchmarkRecord records new hits from 64 clients, each with its note in the history, durably.
func BenchmarkRecord(b *testing.B) {
	o, matches := benchOffice(b)
	var next atomic.Int64
	var clients sync.WaitGroup
	b.ResetTimer()
	for range 64 {
		clients.Go(func() {
			for n := next.Add(1); n <= int64(b.N); n = next.Add(1) {
				obs := casework.Observation{Subject: listing(int(n), fmt.Sprint("seller-", n%1000)), At: start, Matches: matches}
				if rulings, err := o.Record(context.Background(), "pipeline", []casework.Observation{obs}); err != nil || !rulings[0][0].New {
					b.Errorf("%+v, %v", rulings, err)
					return
				}
			}
		})
	}
	clients.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "hits/s")
}

// BenchmarkRecordKnown counts one known pair again.
func BenchmarkRecordKnown(b *testing.B) {
	o, matches := benchOffice(b)
	obs := []casework.Observation{{Subject: listing(1, "a"), At: start, Matches: matches}}
	for b.Loop() {
		if _, err := o.Record(b.Context(), "", obs); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkFirstPage lists 100 hits by every filter that the queue has, among as many hits as TOUCHSTONE_HITS
// says, 10,000 when unset: of ten collections and a thousand sellers, a twentieth of them decided. Filters that
// let nothing through are the worst: they look at all that a page may look at.
func BenchmarkFirstPage(b *testing.B) {
	o, _ := benchOffice(b)
	right, matches := o.fillCollections()
	o.fillHits(matches, size(b, "TOUCHSTONE_HITS", 10_000))
	opened, late := []casework.State{casework.Opened, casework.Reopened}, start.Add(time.Hour)
	all, some := casework.Everything, casework.Visible{"shoes-1", "shoes-2", "shoes-3"}
	for _, each := range []struct {
		name   string
		sight  casework.Visible
		filter casework.HitFilter
	}{
		{"all", all, casework.HitFilter{}},
		{"state", all, casework.HitFilter{States: opened}},
		{"state rejected", all, casework.HitFilter{States: []casework.State{casework.Rejected}}},
		{"collection", all, casework.HitFilter{Collections: []string{"shoes-1"}, States: opened}},
		{"right", all, casework.HitFilter{Right: right, States: opened}},
		{"seller", all, casework.HitFilter{Seller: "seller-7"}},
		{"seller, state", all, casework.HitFilter{Seller: "seller-7", States: []casework.State{casework.Rejected}}},
		{"seller, collection", all, casework.HitFilter{Seller: "seller-7", Collections: []string{"shoes-1"}}},
		{"reference", all, casework.HitFilter{Reference: matches[3].Reference.ID}},
		{"reference, seller", all, casework.HitFilter{Reference: matches[3].Reference.ID, Seller: "seller-7"}},
		{"kind, nothing", all, casework.HitFilter{Kind: hashindex.Partial}},
		{"score, nothing", all, casework.HitFilter{MaxScore: 0.1}},
		{"age, nothing", all, casework.HitFilter{Since: late}},
		{"collection, kind, score, age, nothing", all, casework.HitFilter{Collections: []string{"shoes-1"}, Kind: hashindex.Partial, MinScore: 0.2, Before: late}},
		{"sight", some, casework.HitFilter{States: opened}},
		{"sight, right, nothing", some, casework.HitFilter{Right: right, Kind: hashindex.Partial}},
	} {
		each.filter.Limit = 100
		b.Run(each.name, func(b *testing.B) { o.benchPage(b, each.sight, each.filter) })
	}
}

// fillCollections makes ten, each of a right of its own but the first two, which share one.
func (o *office) fillCollections() (shared casework.RightID, matches []hashindex.Match) {
	for i := range 10 {
		name := fmt.Sprint("shoes-", i)
		o.collection(name, hashindex.Brand)
		right := o.right(name)
		if i == 0 {
			shared = right.ID
		}
		reference, _ := o.add(name, hashOf(uint64(100+i)))
		collection, err := o.index.Collection(name)
		o.must(err)
		matches = append(matches, o.matchOf(reference, collection.Collection)...)
	}
	_, _, err := o.ChangeRight(o.t.Context(), "op", casework.Everything, shared, casework.RightPatch{Collections: &[]string{"shoes-0", "shoes-1"}})
	o.must(err)
	return shared, matches
}

// fillHits records hits by the thousand, and rejects fifty of each.
func (o *office) fillHits(matches []hashindex.Match, hits int) {
	const together = 1000
	for first := 0; first < hits; first += together {
		all := make([]casework.Observation, together)
		for i := range all {
			n := first + i
			all[i] = casework.Observation{Subject: listing(n, fmt.Sprint("seller-", (n/7)%1000)), At: start, Matches: matches[n%len(matches):][:1]}
		}
		rulings, err := o.Record(context.Background(), "pipeline", all)
		o.must(err)
		var decided []casework.HitID
		for i := 0; i < together; i += 19 {
			decided = append(decided, rulings[i][0].Hit)
		}
		_, _, err = o.Decide(context.Background(), "rita", casework.Everything, decided, casework.Order{Action: casework.Reject, Reason: "stock_picture"})
		o.must(err)
	}
}

func (o *office) benchPage(b *testing.B, v casework.Visible, f casework.HitFilter) {
	var took []time.Duration
	for b.Loop() {
		begun := time.Now()
		if _, err := o.Hits(b.Context(), v, f); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(begun))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
}

// BenchmarkRetro looks back for a new reference among as many sightings as TOUCHSTONE_SIGHTINGS says, 100,000
// when unset; a hundred of them match. They are held as they would be after loading, not stored.
func BenchmarkRetro(b *testing.B) {
	sightings := size(b, "TOUCHSTONE_SIGHTINGS", 100_000)
	searcher := multiindex.New(256)
	r := rand.New(rand.NewPCG(1, 2))
	reference := hashOf(7)
	searcher.Load(sightings, func(yield func(hashindex.Entry) bool) {
		for n := range sightings {
			h := hashindex.Hash256([4]uint64{r.Uint64(), r.Uint64(), r.Uint64(), r.Uint64()})
			if n%(sightings/100) == 0 {
				h = off(reference, 20, uint64(n))
			}
			if !yield(hashindex.Entry{Frame: hashindex.FrameID(n + 1), Collection: 1, Hash: h}) {
				return
			}
		}
	})
	o := &office{t: b, clock: &clock{at: start}}
	store, err := bolt.Open(b.TempDir(), bolt.Options{})
	o.must(err)
	defer store.Close()
	o.index, err = hashindex.Open(hashindex.Config{Store: store, Recipe: recipe, NewSearcher: func(a hashindex.Algorithm) hashindex.Searcher { return multiindex.New(a.Bits()) }})
	o.must(err)
	o.must(o.index.WaitReady(b.Context()))
	o.Desk, err = casework.Open(casework.Config{Index: o.index, Variants: pdq.Derive, Flush: time.Hour, NewSearcher: func(hashindex.Algorithm) hashindex.Searcher { return loaded{searcher} }})
	o.must(err)
	o.must(o.Desk.WaitReady(b.Context()))
	defer func() { o.must(errors.Join(o.Desk.Close(), o.index.Close())) }()
	o.collection("shoes", hashindex.Brand)
	collection, err := o.index.Collection("shoes")
	o.must(err)
	b.ResetTimer()
	for b.Loop() {
		if n, _, err := o.WouldFind(b.Context(), collection.Collection, hashed(reference)); err != nil || n != 100 {
			b.Fatal(n, err)
		}
	}
}

// loaded is a searcher that is filled already.
type loaded struct{ hashindex.Searcher }
