package searchtest

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"touchstone/hashindex"
)

// edits drives the searcher and a map through the same random edits, in bursts large enough for
// whatever structure it has to grow and to shrink.
func edits(t *testing.T, bits int, fresh func() hashindex.Searcher) {
	rapid.Check(t, func(t *rapid.T) {
		d := newDriver(t, bits, fresh)
		t.Repeat(map[string]func(*rapid.T){
			"add":       func(t *rapid.T) { d.add(rapid.SampledFrom([]int{1, 9, 300, 2500}).Draw(t, "n")) },
			"duplicate": func(*rapid.T) { d.duplicate() },
			"remove":    func(t *rapid.T) { d.remove(rapid.SampledFrom([]int{1, 9, 300, 2500}).Draw(t, "n")) },
			"empty":     func(*rapid.T) { d.remove(len(d.model)) },
			"mix":       func(*rapid.T) { d.mix(200) },
			"save":      func(t *rapid.T) { d.save(t) },
			"reload":    func(t *rapid.T) { d.reload(t, fresh()) },
			"":          d.check,
		})
	})
}

// driver applies edits to both.
type driver struct {
	bits     int
	rng      *rand.Rand
	searcher hashindex.Searcher
	model    model
	next     int // the next new frame
	saved    hashindex.Seq
	centres  []hashindex.Hash
}

func newDriver(t *rapid.T, bits int, fresh func() hashindex.Searcher) *driver {
	rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
	centres := []hashindex.Hash{random(rng, bits), random(rng, bits), random(rng, bits)}
	return &driver{bits: bits, rng: rng, searcher: fresh(), model: model{}, centres: centres}
}

func (d *driver) apply(edits ...hashindex.Edit) {
	d.searcher.Apply(edits)
	d.model.apply(edits)
}

// entry is a new one: half near a centre, the others anywhere.
func (d *driver) entry() hashindex.Entry {
	d.next++
	h := random(d.rng, d.bits)
	if d.rng.IntN(2) == 0 {
		h = flip(d.rng, d.centres[d.rng.IntN(len(d.centres))], d.rng.IntN(6))
	}
	// Frames come in no order: 7919 is a prime, the factor of no other frame below 1<<20 entries.
	return hashindex.Entry{Frame: frame(d.next * 7919 % (1 << 20)), Collection: hashindex.CollectionID(1 + d.rng.IntN(3)), Hash: h}
}

// held are n of what is held, in an order that the seed alone decides.
func (d *driver) held(n int) []hashindex.Entry {
	all := make([]hashindex.Entry, 0, len(d.model))
	for _, e := range d.model {
		all = append(all, e)
	}
	slices.SortFunc(all, func(a, b hashindex.Entry) int { return cmp.Compare(a.Frame, b.Frame) })
	d.rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all[:min(n, len(all))]
}

func (d *driver) add(n int) {
	edits := make([]hashindex.Edit, n)
	for i := range edits {
		edits[i].Entry = d.entry()
	}
	d.apply(edits...)
}

// duplicate adds what is held again under new frames.
func (d *driver) duplicate() {
	for _, e := range d.held(40) {
		twin := d.entry()
		twin.Hash = e.Hash
		d.apply(hashindex.Edit{Entry: twin})
	}
}

func (d *driver) remove(n int) {
	var edits []hashindex.Edit
	for _, e := range d.held(n) {
		edits = append(edits, hashindex.Edit{Entry: e, Removed: true})
	}
	d.apply(edits...)
}

// mix is one Apply of additions and removals, some of an entry that it added.
func (d *driver) mix(n int) {
	var edits []hashindex.Edit
	for _, e := range d.held(n) {
		added := d.entry()
		edits = append(edits, hashindex.Edit{Entry: added}, hashindex.Edit{Entry: e, Removed: true})
		if d.rng.IntN(4) == 0 {
			edits = append(edits, hashindex.Edit{Entry: added, Removed: true})
		}
	}
	d.apply(edits...)
}

// reload goes on with a searcher that was loaded from this one's entries, or with what is kept of it.
func (d *driver) reload(t *rapid.T, into hashindex.Searcher) {
	switch s := d.searcher.(type) {
	case hashindex.BulkSearcher:
		into.(hashindex.BulkSearcher).Load(s.Stats().Entries, s.Entries)
		d.searcher = into
	case hashindex.KeptSearcher:
		d.save(t)
		if upTo, err := s.Open(); err != nil || upTo != d.saved {
			t.Fatalf("opened up to %d, error %v; want %d", upTo, err, d.saved)
		}
	default:
		t.Skip("is neither loaded nor kept")
	}
}

// save goes on with a searcher of which more is kept.
func (d *driver) save(t *rapid.T) {
	s, ok := d.searcher.(hashindex.KeptSearcher)
	if !ok {
		t.Skip("is not kept")
	}
	d.saved++
	if err := s.Save(d.saved)(); err != nil {
		t.Fatalf("save: %v", err)
	}
}

func (d *driver) check(t *rapid.T) {
	checkHeld(t, d.searcher, d.model)
	var scope hashindex.Scope
	for c := range hashindex.CollectionID(3) {
		scope.Allow(c+1, rapid.IntRange(0, d.bits/4).Draw(t, "radius"))
	}
	probes := append([]hashindex.Hash{random(d.rng, d.bits)}, d.centres...)
	check(t, d.searcher, d.model, probes, scope)
}

func brokenEdits(t *testing.T, bits int, fresh func() hashindex.Searcher) {
	s, m, set := fresh(), model{}, Codes(5, bits, 2000)
	s.Apply(addAll(set, 2))
	m.apply(addAll(set, 2))
	other := hashindex.Entry{Frame: frame(5), Collection: 1, Hash: set[6]}
	absent := hashindex.Entry{Frame: frame(1 << 20), Collection: 1, Hash: set[0]}
	s.Apply([]hashindex.Edit{
		{Entry: other},                   // a frame that is there, with another hash
		{Entry: addAll(set, 2)[7].Entry}, // exactly what is there
		{Entry: other, Removed: true},    // there, but not with this hash
		{Entry: absent, Removed: true},   // not there, though the hash is
	})
	checkHeld(t, s, m)
	var scope hashindex.Scope
	scope.Allow(1, 0)
	scope.Allow(2, 0)
	check(t, s, m, set[:20], scope)

	fresh().Apply([]hashindex.Edit{{Entry: absent, Removed: true}}) // nothing at all is there
}

// equalHashes takes a blink; were it quadratic in equal hashes, it would outlast the test's time.
func equalHashes(t *testing.T, bits int, fresh func() hashindex.Searcher) {
	n := 1_000_000
	if testing.Short() {
		n /= 10
	}
	s, rng := fresh(), rand.New(rand.NewPCG(6, 6))
	equal, centre := random(rng, bits), random(rng, bits)
	edits := make([]hashindex.Edit, n)
	for i := range edits {
		edits[i].Entry = hashindex.Entry{Frame: frame(i), Collection: 1, Hash: equal}
		if i%100 == 0 { // so that a tree has a reason to split
			edits[i].Hash = flip(rng, centre, 8)
		}
	}
	s.Apply(edits)
	for i := range edits {
		edits[i].Removed = true
	}
	s.Apply(edits[:n-3])
	m := model{}
	for _, e := range edits[n-3:] {
		m[e.Frame] = e.Entry
	}
	checkHeld(t, s, m)
	var scope hashindex.Scope
	scope.Allow(1, 3)
	check(t, s, m, []hashindex.Hash{equal, centre}, scope)
}

func emptied(t *testing.T, bits int, fresh func() hashindex.Searcher) {
	s, set := fresh(), Codes(8, bits, 50_000)
	edits := addAll(set, 1)
	s.Apply(edits)
	full := s.Stats().Bytes
	for i := range edits {
		edits[i].Removed = true
	}
	s.Apply(edits)
	checkHeld(t, s, model{})
	if left := s.Stats().Bytes; left > full/10 {
		t.Errorf("emptied: %d bytes held, of %d when full; want a tenth at most", left, full)
	}
	m := model{}
	s.Apply(addAll(set[:100], 1))
	m.apply(addAll(set[:100], 1))
	checkHeld(t, s, m)
}
