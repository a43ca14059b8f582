package casework_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
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

	seen    map[string]int                             // sightings of the picture of a collection
	notices map[casework.NoticeID]casework.NoticeState // of one hit each
	about   map[casework.NoticeID]casework.HitID
}

// TestDeskEqualsItsModel does random things to desks on real stores and to maps, and compares them, across closing,
// compacting, restoring and opening. TOUCHSTONE_MODEL is how many steps are taken, 150 when unset, in lives of so many.
func TestDeskEqualsItsModel(t *testing.T) {
	steps := deskSteps
	if text := os.Getenv("TOUCHSTONE_MODEL"); text != "" {
		var err error
		if steps, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	for life := range (steps + deskSteps - 1) / deskSteps {
		if !t.Run(fmt.Sprint("life-", life), func(t *testing.T) { liveOfDesk(t, rand.New(rand.NewPCG(seed, uint64(life)))) }) {
			t.Fatalf("seed %d, life %d", seed, life)
		}
	}
}

const deskSteps = 150

func liveOfDesk(t *testing.T, r *rand.Rand) {
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
		map[casework.HitID]int{}, map[casework.HitID]string{}, map[casework.HitID]string{},
		map[string]int{}, map[casework.NoticeID]casework.NoticeState{}, map[casework.NoticeID]casework.HitID{}}
	collections := []string{"shoes", "bags"}
	for i, name := range collections {
		o.collection(name, hashindex.Brand)
		o.add(name, hashOf(uint64(i)))
	}
	o.right("shoes")
	for step := range deskSteps {
		switch k := r.IntN(24); {
		case k == 0:
			shut()
			folder = moved(t, folder, r.IntN(3))
			o, shut = open()
		case k >= 20:
			m.moveNotice(o, r)
		case k < 9:
			m.post(o, r, collections)
		case k == 9:
			o.must(o.Flush(t.Context()))
		default:
			m.decide(o, r)
		}
		if step%50 == 0 {
			m.compare(t, o)
		}
	}
	m.compare(t, o)
	shut()
}

// moved is the folder as it is, compacted, or another one that was restored from its backup.
func moved(t *testing.T, folder string, how int) string {
	t.Helper()
	switch how {
	case 1:
		if _, _, err := bolt.Compact(folder, bolt.Options{}); err != nil {
			t.Fatal(err)
		}
	case 2:
		store, err := bolt.Open(folder, bolt.Options{ReadOnly: true})
		if err != nil {
			t.Fatal(err)
		}
		var backup bytes.Buffer
		_, err = store.Backup(t.Context(), &backup)
		folder = filepath.Join(t.TempDir(), "restored")
		if err = errors.Join(err, store.Close()); err == nil {
			_, err = bolt.Restore(t.Context(), folder, &backup)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

func (m *model) post(o *office, r *rand.Rand, collections []string) {
	which := r.IntN(len(collections))
	s := casework.Subject{Listing: fmt.Sprint("l", r.IntN(30))}
	if r.IntN(3) > 0 {
		s.Seller = fmt.Sprint("s", len(s.Listing)%2) // a listing has one seller
	}
	ruling := o.post(s, hashOf(uint64(which)))[0]
	m.seen[collections[which]]++
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

// moveNotice drafts a notice about any hit or moves one, where it may and where it may not.
func (m *model) moveNotice(o *office, r *rand.Rand) {
	if len(m.states) == 0 {
		return
	}
	if r.IntN(2) == 0 || len(m.notices) == 0 {
		hit := casework.HitID(1 + r.IntN(len(m.states)))
		n, _, err := o.AddNotice(o.t.Context(), "ann", casework.Everything, casework.NewNotice{Holder: owner, Hits: []casework.HitID{hit}, Text: "ours"})
		stands := m.states[hit] == casework.Confirmed || m.states[hit] == casework.Actioned
		if allowed := stands && m.of[hit] == "shoes" && !m.isAbout(hit); (err == nil) != allowed {
			o.t.Fatalf("a notice about hit %d, %s of %s: %v", hit, m.states[hit], m.of[hit], err)
		}
		if err == nil {
			m.notices[n.ID], m.about[n.ID] = casework.NoticeDrafted, hit
		}
		return
	}
	id := casework.NoticeID(1 + r.IntN(len(m.notices)))
	was := m.notices[id]
	action := []casework.NoticeAction{casework.SubmitNotice, casework.WithdrawNotice, casework.RefuseNotice}[r.IntN(3)]
	to := map[casework.NoticeAction]map[casework.NoticeState]casework.NoticeState{
		casework.SubmitNotice:   {casework.NoticeDrafted: casework.NoticeSubmitted},
		casework.WithdrawNotice: {casework.NoticeDrafted: casework.NoticeWithdrawn, casework.NoticeSubmitted: casework.NoticeWithdrawn},
		casework.RefuseNotice:   {casework.NoticeSubmitted: casework.NoticeRefused},
	}[action][was]
	_, _, err := o.MoveNotice(o.t.Context(), "bob", casework.Everything, id, orderOf(action))
	if (err == nil) != (to != "") {
		o.t.Fatalf("%s of a notice that is %s: %v", action, was, err)
	}
	if err == nil {
		m.notices[id] = to
	}
}

// isAbout reports whether a notice that is not at its end is about the hit.
func (m *model) isAbout(hit casework.HitID) bool {
	for id, state := range m.notices {
		if m.about[id] == hit && (state == casework.NoticeDrafted || state == casework.NoticeSubmitted) {
			return true
		}
	}
	return false
}

func (m *model) compareNotices(o *office) {
	o.t.Helper()
	for id, state := range m.notices {
		n, err := o.Notice(o.t.Context(), casework.Everything, id)
		if err != nil || n.State != state || len(n.Items) != 1 || n.Items[0].Hit != m.about[id] {
			o.t.Fatalf("notice %+v, %v; want %s about hit %d", n, err, state, m.about[id])
		}
	}
}

func (m *model) compareSightings(o *office, collections []string) {
	o.t.Helper()
	for i, name := range collections {
		info, err := o.index.Collection(name)
		o.must(err)
		if got, _, err := o.WouldFind(o.t.Context(), info.Collection, hashed(hashOf(uint64(i)))); err != nil || got != m.seen[name] {
			o.t.Fatalf("%d sightings of the picture of %s, %v; want %d", got, name, err, m.seen[name])
		}
	}
}

func (m *model) compare(t *testing.T, o *office) {
	t.Helper()
	o.check()
	m.compareNotices(o)
	m.compareSightings(o, []string{"shoes", "bags"})
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
				t.Fatalf("%s of %s: %v, want %v", state, name, got, want)
			}
		}
	}
	tally := map[string]casework.Seller{}
	for id, s := range m.states {
		h := o.hit(id)
		if h.Count != m.counts[id] || h.State != s {
			t.Fatalf("hit %d is %s, seen %d times; want %s and %d", id, h.State, h.Count, s, m.counts[id])
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
			t.Fatalf("%+v, %v; want %+v", got, err, tally[name])
		}
	}
}
