package casework_test

import (
	"context"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"touchstone/casework"
	"touchstone/hashindex"
	"touchstone/hashindex/fingerprint/pdq"
	"touchstone/hashindex/search/linear"
	"touchstone/hashindex/store/memory"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const recipe hashindex.Recipe = "test/1"

// office is a desk over an index whose clock stands still until a test moves it. The desk and the index are
// checked when the test ends.
type office struct {
	*casework.Desk
	t     testing.TB
	index *hashindex.Index
	clock *clock

	closed bool // by the test itself
}

// clock is a time that tests set.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

var start = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

func openOffice(t testing.TB) *office { return openOn(t, memory.New()) }

func openOn(t testing.TB, store hashindex.Storage) *office {
	t.Helper()
	return openAt(t, store, start)
}

func openAt(t testing.TB, store hashindex.Storage, at time.Time) *office {
	t.Helper()
	o := &office{t: t, clock: &clock{at: at}}
	newSearcher := func(a hashindex.Algorithm) hashindex.Searcher { return linear.New(a.Bits()) }
	var err error
	o.index, err = hashindex.Open(hashindex.Config{Store: store, Recipe: recipe, NewSearcher: newSearcher, Now: o.clock.now})
	o.must(err)
	o.must(o.index.WaitReady(t.Context()))
	o.Desk, err = casework.Open(casework.Config{
		Index: o.index, Variants: pdq.Derive, NewSearcher: newSearcher, Now: o.clock.now,
		Flush: time.Hour, // tests flush and sweep themselves
	})
	o.must(err)
	o.must(o.Desk.WaitReady(t.Context()))
	t.Cleanup(o.close)
	return o
}

func (o *office) must(err error) {
	o.t.Helper()
	if err != nil {
		o.t.Fatal(err)
	}
}

func (o *office) close() {
	o.t.Helper()
	if o.closed {
		return
	}
	o.must(o.Desk.Close())
	o.check()
	report, err := o.index.Check(context.Background())
	if err != nil || len(report.Findings) > 0 {
		o.t.Errorf("index: %v, %v", report.Findings, err)
	}
	o.must(o.index.Close())
}

func (o *office) check() {
	o.t.Helper()
	err := o.Check(context.Background(), func(f hashindex.Finding) { o.t.Errorf("%s: %s", f.Invariant, f.What) })
	o.must(err)
}

// collection makes one.
func (o *office) collection(name string, purpose hashindex.Purpose) {
	o.t.Helper()
	_, _, err := o.index.CreateCollection(o.t.Context(), "", hashindex.Collection{Name: name, Purpose: purpose, Policy: hashindex.DefaultPolicy()})
	o.must(err)
}

// right records a right of a holder of its own, to which the collection belongs.
func (o *office) right(collection string, territory ...string) casework.Right {
	o.t.Helper()
	_, _, err := o.PutHolder(o.t.Context(), "op", casework.Holder{ID: "holder-of-" + collection, Name: "Holder"})
	o.must(err)
	right, _, err := o.AddRight(o.t.Context(), "op", casework.Everything, casework.Right{
		Holder: "holder-of-" + collection, Kind: casework.Trademark, Territory: territory, Collections: []string{collection},
	})
	o.must(err)
	return right
}

// hashed is a picture of that hash.
func hashed(h hashindex.Hash) hashindex.Picture {
	f := hashindex.Fingerprint{Recipe: recipe, Quality: 100, Dihedral: pdq.Derive(h)}
	f.Hashes[hashindex.PDQ] = h
	return hashindex.Picture{Format: "jpeg", Width: 100, Height: 100, Frames: []hashindex.Frame{{Fingerprint: f}}}
}

// hashOf is a hash far from those of other numbers.
func hashOf(n uint64) hashindex.Hash {
	r := rand.New(rand.NewPCG(n, 77))
	return hashindex.Hash256([4]uint64{r.Uint64(), r.Uint64(), r.Uint64(), r.Uint64()})
}

// off is the hash with so many bits changed, others for each n.
func off(h hashindex.Hash, bits int, n uint64) hashindex.Hash {
	r := rand.New(rand.NewPCG(n, 78))
	for _, bit := range r.Perm(256)[:bits] {
		h.Words[bit/64] ^= 1 << (bit % 64)
	}
	return h
}

// add adds a reference of the hash, and looks back for it.
func (o *office) add(collection string, h hashindex.Hash) (hashindex.Reference, casework.Retro) {
	o.t.Helper()
	added, _, err := o.index.AddReferences(o.t.Context(), "lab", collection, []hashindex.NewReference{{Picture: hashed(h)}}, casework.Remember)
	o.must(err)
	retro, err := o.LookBack(o.t.Context(), "lab", added)
	o.must(err)
	return added[0], retro[0]
}

// post does what the match route does with a picture of the hash.
func (o *office) post(s casework.Subject, h hashindex.Hash) []casework.Ruling {
	o.t.Helper()
	at := o.clock.now()
	o.See([]casework.Sighting{{Subject: s, At: at, Hash: h}})
	answer, err := o.index.Match(o.t.Context(), hashindex.Query{Picture: hashed(h), Radius: hashindex.PolicyRadius, Effort: hashindex.FastEffort})
	o.must(err)
	rulings, err := o.Record(o.t.Context(), "pipeline", []casework.Observation{{Subject: s, At: at, Hash: h, Matches: answer.Matches}})
	o.must(err)
	return rulings[0]
}

func listing(n int, seller string) casework.Subject {
	return casework.Subject{Listing: "listing-" + strconv.Itoa(n), Seller: seller}
}

// hit is the hit as everybody sees it.
func (o *office) hit(id casework.HitID) casework.Hit {
	o.t.Helper()
	h, err := o.Hit(o.t.Context(), casework.Everything, id)
	o.must(err)
	return h
}

func (o *office) list(f casework.HitFilter) (ids []casework.HitID) {
	o.t.Helper()
	if f.Limit == 0 {
		f.Limit = 1000
	}
	page, err := o.Hits(o.t.Context(), casework.Everything, f)
	o.must(err)
	for _, h := range page.Hits {
		ids = append(ids, h.ID)
	}
	return ids
}

// decide carries out an order that must be allowed.
func (o *office) decide(id casework.HitID, action casework.Action, reason string) casework.Hit {
	o.t.Helper()
	h, _, err := o.DecideOne(o.t.Context(), "rita", casework.Everything, id, casework.Order{Action: action, Reason: reason, Note: noteFor(action)})
	o.must(err)
	return h
}

func noteFor(a casework.Action) string {
	if a == casework.Comment {
		return "noted"
	}
	return ""
}
