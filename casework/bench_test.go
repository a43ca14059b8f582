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

// BenchmarkFirstPage lists the first 100 open hits of a collection among as many hits as TOUCHSTONE_HITS
// says, 10,000 when unset.
func BenchmarkFirstPage(b *testing.B) {
	o, matches := benchOffice(b)
	hits := size(b, "TOUCHSTONE_HITS", 10_000)
	for first := 0; first < hits; first += 1000 {
		all := make([]casework.Observation, 1000)
		for i := range all {
			all[i] = casework.Observation{Subject: listing(first+i, fmt.Sprint("seller-", i%1000)), At: start, Matches: matches}
		}
		if _, err := o.Record(b.Context(), "", all); err != nil {
			b.Fatal(err)
		}
	}
	for name, f := range map[string]casework.HitFilter{
		"open":       {States: []casework.State{casework.Opened}},
		"collection": {Collections: []string{"shoes"}, States: []casework.State{casework.Opened, casework.Reopened}},
		"seller":     {Seller: "seller-7"},
		"nothing":    {Kind: hashindex.Partial}, // the filter lets none through: a page that is cut short
	} {
		f.Limit = 100
		b.Run(name, func(b *testing.B) {
			var took []time.Duration
			for b.Loop() {
				begun := time.Now()
				if _, err := o.Hits(b.Context(), casework.Everything, f); err != nil {
					b.Fatal(err)
				}
				took = append(took, time.Since(begun))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
		})
	}
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
		if n, err := o.WouldFind(b.Context(), collection.Collection, hashed(reference)); err != nil || n != 100 {
			b.Fatal(n, err)
		}
	}
}

// loaded is a searcher that is filled already.
type loaded struct{ hashindex.Searcher }
