package casework_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"touchstone/casework"
	"touchstone/hashindex"
	"touchstone/hashindex/store/bolt"
)

// model is what the desk should know, in maps.
type model struct {
	pairs  map[string]casework.HitID // subject and reference
	states map[casework.HitID]casework.State
	from   map[casework.HitID][]casework.State // before each decision that can be undone
	counts map[casework.HitID]int
	seller map[casework.HitID]string
	of     map[casework.HitID]string // collection
}

// TestDeskEqualsItsModel does random things to a desk on a real store and to maps, and compares them, across
// closing and opening.
func TestDeskEqualsItsModel(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 0))
	folder := t.TempDir()
	open := func() (*office, func()) {
		store, err := bolt.Open(folder, bolt.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { store.Close() })
		o := openOn(t, store)
		return o, func() { o.close(); o.closed = true; o.must(store.Close()) }
	}
	o, shut := open()
	m := &model{map[string]casework.HitID{}, map[casework.HitID]casework.State{}, map[casework.HitID][]casework.State{},
		map[casework.HitID]int{}, map[casework.HitID]string{}, map[casework.HitID]string{}}
	collections := []string{"shoes", "bags"}
	for i, name := range collections {
		o.collection(name, hashindex.Brand)
		o.add(name, hashOf(uint64(i)))
	}
	for step := range 150 {
		switch k := r.IntN(20); {
		case k == 0:
			shut()
			o, shut = open()
		case k < 9:
			m.post(o, r, collections)
		case k == 9:
			o.must(o.Flush(t.Context()))
		default:
			m.decide(o, r)
		}
		if step%50 == 0 {
			m.compare(t, o, seed)
		}
	}
	m.compare(t, o, seed)
	shut()
}

func (m *model) post(o *office, r *rand.Rand, collections []string) {
	which := r.IntN(len(collections))
	s := casework.Subject{Listing: fmt.Sprint("l", r.IntN(30))}
	if r.IntN(3) > 0 {
		s.Seller = fmt.Sprint("s", len(s.Listing)%2) // a listing has one seller
	}
	ruling := o.post(s, hashOf(uint64(which)))[0]
	pair := s.Listing + collections[which]
	id, known := m.pairs[pair]
	switch {
	case !known:
		if !ruling.New || ruling.Standing != casework.IsHit {
			o.t.Fatalf("a new pair: %+v", ruling)
		}
		m.pairs[pair], m.states[ruling.Hit], m.counts[ruling.Hit] = ruling.Hit, casework.Opened, 1
		m.seller[ruling.Hit], m.of[ruling.Hit] = s.Seller, collections[which]
	case m.states[id] == casework.Rejected:
		if ruling != (casework.Ruling{Standing: casework.WasRejected, Hit: id}) {
			o.t.Fatalf("a rejected pair: %+v", ruling)
		}
	default:
		if ruling != (casework.Ruling{Standing: casework.IsHit, Hit: id}) {
			o.t.Fatalf("a known pair: %+v", ruling)
		}
		m.counts[id]++
	}
}

func (m *model) decide(o *office, r *rand.Rand) {
	if len(m.states) == 0 {
		return
	}
	id := casework.HitID(1 + r.IntN(len(m.states)))
	action := []casework.Action{casework.Confirm, casework.Reject, casework.Act, casework.Reopen, casework.Undo}[r.IntN(5)]
	was := m.states[id]
	waits := was == casework.Opened || was == casework.Reopened
	decided := was == casework.Confirmed || was == casework.Rejected
	allowed := map[casework.Action]bool{
		casework.Confirm: waits, casework.Reject: waits, casework.Act: was == casework.Confirmed,
		casework.Reopen: decided || was == casework.Actioned, casework.Undo: decided,
	}[action]
	h, _, err := o.DecideOne(o.t.Context(), "rita", casework.Everything, id, casework.Order{Action: action, Reason: reasonFor(action)})
	if (err == nil) != allowed {
		o.t.Fatalf("%s when %s: %v", action, was, err)
	}
	if !allowed {
		return
	}
	switch action {
	case casework.Confirm:
		m.states[id], m.from[id] = casework.Confirmed, append(m.from[id], was)
	case casework.Reject:
		m.states[id], m.from[id] = casework.Rejected, append(m.from[id], was)
	case casework.Act:
		m.states[id] = casework.Actioned
	case casework.Reopen:
		m.states[id] = casework.Reopened
	case casework.Undo:
		m.states[id] = m.from[id][len(m.from[id])-1]
	}
	if h.State != m.states[id] {
		o.t.Fatalf("%s when %s leads to %s, want %s", action, was, h.State, m.states[id])
	}
}

func (m *model) compare(t *testing.T, o *office, seed uint64) {
	t.Helper()
	o.check()
	for _, state := range casework.States() {
		for _, name := range []string{"shoes", "bags"} {
			var want []casework.HitID
			for id, s := range m.states {
				if s == state && m.of[id] == name {
					want = append(want, id)
				}
			}
			slices.Sort(want)
			if got := o.list(casework.HitFilter{States: []casework.State{state}, Collections: []string{name}}); !slices.Equal(got, want) {
				t.Fatalf("seed %d: %s of %s: %v, want %v", seed, state, name, got, want)
			}
		}
	}
	tally := map[string]casework.Seller{}
	for id, s := range m.states {
		h := o.hit(id)
		if h.Count != m.counts[id] || h.State != s {
			t.Fatalf("seed %d: hit %d is %s, seen %d times; want %s and %d", seed, id, h.State, h.Count, s, m.counts[id])
		}
		seller := tally[m.seller[id]]
		seller.Seller = m.seller[id]
		switch s {
		case casework.Confirmed, casework.Actioned:
			seller.Confirmed++
		case casework.Rejected:
			seller.Rejected++
		}
		tally[m.seller[id]] = seller
	}
	for _, name := range slices.Sorted(maps.Keys(tally)) {
		if name == "" {
			continue
		}
		if got, err := o.Seller(t.Context(), casework.Everything, name); err != nil || got != tally[name] {
			t.Fatalf("seed %d: %+v, %v; want %+v", seed, got, err, tally[name])
		}
	}
}
