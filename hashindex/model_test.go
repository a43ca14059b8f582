package hashindex_test

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"touchstone/hashindex"
	"touchstone/hashindex/search/linear"
	"touchstone/hashindex/search/multiindex"
	"touchstone/hashindex/search/searchtest"
	"touchstone/hashindex/store/bolt"
)

// model is the index in words too simple to be wrong: what is there, and a scan of it.
type model struct {
	references map[hashindex.ReferenceID]modelled
	radius     map[string]int
	partial    map[string]hashindex.PartialPolicy
	rows       map[string]string
}

type modelled struct {
	collection string
	hash       hashindex.Hash
	short      hashindex.Hash // the pHash
	disabled   bool
	features   hashindex.Features
}

// match is what the index must answer to the hash: nearest first, then in order of arrival.
func (m model) match(asked hashindex.Hash) []hashindex.ReferenceID {
	var found []hashindex.ReferenceID
	for id, r := range m.references {
		if !r.disabled && r.hash.Distance(asked) <= m.radius[r.collection] {
			found = append(found, id)
		}
	}
	slices.SortFunc(found, func(a, b hashindex.ReferenceID) int {
		if d := m.references[a].hash.Distance(asked) - m.references[b].hash.Distance(asked); d != 0 {
			return d
		}
		return int(a) - int(b)
	})
	return found
}

// matchFull is match for a query that has features: a reference counts as near as its hash or as
// sure as its alignment, whichever is more.
func (m model) matchFull(asked hashindex.Hash, query hashindex.Features) []hashindex.ReferenceID {
	var found []hashindex.ReferenceID
	scores := map[hashindex.ReferenceID]float64{}
	for id, r := range m.references {
		score := -1.0
		if d := r.hash.Distance(asked); d <= m.radius[r.collection] {
			score = 1 - float64(d)/128
		}
		score = max(score, m.aligned(r, query))
		if score >= 0 && !r.disabled {
			found, scores[id] = append(found, id), score
		}
	}
	slices.SortFunc(found, func(a, b hashindex.ReferenceID) int {
		return cmp.Or(cmp.Compare(scores[b], scores[a]), cmp.Compare(a, b))
	})
	return found
}

// aligned is the score of the alignment, −1 without one that the policy lets through.
func (m model) aligned(r modelled, query hashindex.Features) float64 {
	policy := m.partial[r.collection]
	for _, mirrored := range []bool{false, true} {
		a, ok := newPlain(query).Align(r.features, mirrored)
		ofQuery := min(a.QueryCoverage, a.ReferenceCoverage*math.Abs(a.Matrix[0]*a.Matrix[4]))
		if ok && policy.Enabled && max(a.ReferenceCoverage, ofQuery) >= policy.MinCoverage {
			return a.Score
		}
	}
	return -1
}

// run is a random life of an index on a bolt store, beside its model.
type run struct {
	*fixture
	r       *rand.Rand
	folder  string
	bolt    *bolt.Store
	model   model
	centres []hashindex.Hash
}

// TestIndexEqualsItsModelThroughAnyLife adds, removes, disables, changes radii, writes rows, reopens and asks at
// random; every answer must be the model's. TOUCHSTONE_MODEL is how many steps are taken, 1500 when unset.
func TestIndexEqualsItsModelThroughAnyLife(t *testing.T) {
	steps := 1500
	if text := os.Getenv("TOUCHSTONE_MODEL"); text != "" {
		var err error
		if steps, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	for _, searcher := range []string{"multiindex", "bktree", "linear"} {
		t.Run(searcher, func(t *testing.T) {
			x := &run{r: seeded(t), folder: t.TempDir(), fixture: &fixture{t: t}}
			x.model = model{references: map[hashindex.ReferenceID]modelled{}, radius: map[string]int{}, partial: map[string]hashindex.PartialPolicy{}, rows: map[string]string{}}
			for range 5 {
				x.centres = append(x.centres, randomHash(x.r, 256))
			}
			x.open(searcher)
			defer x.shut()
			x.start("a")
			x.start("b")
			for step := range steps {
				x.step(searcher)
				if t.Failed() {
					t.Fatalf("after step %d", step)
				}
			}
		})
	}
}

func (x *run) open(searcher string) {
	x.t.Helper()
	store, err := bolt.Open(x.folder, bolt.Options{})
	if err != nil {
		x.t.Fatal(err)
	}
	x.bolt = store
	x.Index, err = hashindex.Open(hashindex.Config{
		Store: store, Recipe: recipe, Now: func() time.Time { return time.Unix(1e9, 0) },
		NewKept: newTree, NewSearcher: map[string]func(hashindex.Algorithm) hashindex.Searcher{
			"multiindex": func(a hashindex.Algorithm) hashindex.Searcher { return multiindex.New(a.Bits()) },
			"linear":     func(a hashindex.Algorithm) hashindex.Searcher { return linear.New(a.Bits()) },
		}[searcher],
		NewPartialSearcher: searchtest.NewExhaustive, NewAligner: newPlain,
	})
	if err != nil {
		x.t.Fatal(err)
	}
	if err := x.WaitLoaded(x.t.Context()); err != nil {
		x.t.Fatal(err)
	}
}

// shut checks what it closes.
func (x *run) shut() {
	x.t.Helper()
	report, err := x.Check(x.t.Context())
	if err != nil || len(report.Findings) > 0 || report.References != len(x.model.references) {
		x.t.Errorf("check: %d references want %d, findings %v, %v", report.References, len(x.model.references), report.Findings, err)
	}
	if err := x.Close(); err != nil {
		x.t.Error(err)
	}
	if err := x.bolt.Close(); err != nil {
		x.t.Error(err)
	}
}

func (x *run) start(name string) {
	x.collection(name, hashindex.Brand)
	x.model.radius[name] = hashindex.DefaultPolicy().Radius
	x.model.partial[name] = hashindex.DefaultPolicy().Partial
}

func (x *run) step(searcher string) {
	switch n := x.r.IntN(100); {
	case n < 30:
		x.addSome()
	case n < 40:
		x.removeOne()
	case n < 45:
		x.disableOne()
	case n < 47:
		x.changePolicy()
	case n < 48:
		x.shut()
		x.open(searcher)
	case n < 50:
		if err := x.SaveNow(); err != nil {
			x.t.Error(err)
		}
	case n < 53:
		x.askForPart()
	case n < 58:
		x.writeRows()
	case n < 75:
		x.askHashes()
	default:
		x.ask()
	}
}

// near is a hash around one of few centres, so that radii matter.
func (x *run) near() hashindex.Hash {
	h := x.centres[x.r.IntN(len(x.centres))]
	for range x.r.IntN(40) {
		h.Words[x.r.IntN(4)] ^= 1 << x.r.IntN(64)
	}
	return h
}

// nearShort is near for 64 bits.
func (x *run) nearShort() hashindex.Hash {
	h := hashindex.Hash64(x.centres[x.r.IntN(len(x.centres))].Words[0])
	for range x.r.IntN(20) {
		h.Words[0] ^= 1 << x.r.IntN(64)
	}
	return h
}

func (x *run) picture() hashindex.Picture {
	p := picture(x.r)
	p.Frames[0].Hashes[hashindex.PDQ], p.Frames[0].Hashes[hashindex.PHash] = x.near(), x.nearShort()
	p.Frames[0].Dihedral = [hashindex.TransformCount]hashindex.Hash{}
	if x.r.IntN(3) > 0 {
		p.Frames[0].Features = randomFeatures(x.r, 40)
	}
	return p
}

func (x *run) addSome() {
	name := []string{"a", "b"}[x.r.IntN(2)]
	pictures := make([]hashindex.Picture, 1+x.r.IntN(4))
	for i := range pictures {
		pictures[i] = x.picture()
	}
	for i, added := range x.add(name, pictures...) {
		x.model.references[added.ID] = modelled{collection: name, hash: pictures[i].Frames[0].Hashes[hashindex.PDQ], short: pictures[i].Frames[0].Hashes[hashindex.PHash], features: pictures[i].Frames[0].Features}
	}
}

// pick is any reference, chosen without the order of a map.
func (x *run) pick() (hashindex.ReferenceID, bool) {
	var all []hashindex.ReferenceID
	for id := range x.model.references {
		all = append(all, id)
	}
	if len(all) == 0 {
		return 0, false
	}
	slices.Sort(all)
	return all[x.r.IntN(len(all))], true
}

func (x *run) removeOne() {
	id, ok := x.pick()
	if !ok {
		return
	}
	if _, err := x.RemoveReference(x.t.Context(), "", id); err != nil {
		x.t.Error(err)
	}
	delete(x.model.references, id)
}

func (x *run) disableOne() {
	id, ok := x.pick()
	if !ok {
		return
	}
	r := x.model.references[id]
	r.disabled = !r.disabled
	x.model.references[id] = r
	until := time.Time{}
	if r.disabled {
		until = time.Unix(2e9, 0)
	}
	if _, _, err := x.ChangeReference(x.t.Context(), "", id, hashindex.ReferencePatch{DisabledUntil: &until}); err != nil {
		x.t.Error(err)
	}
}

func (x *run) changePolicy() {
	name, radius := []string{"a", "b"}[x.r.IntN(2)], x.r.IntN(65)
	partial := hashindex.PartialPolicy{Enabled: x.r.IntN(3) > 0, MinCoverage: x.r.Float64() / 2}
	x.model.radius[name], x.model.partial[name] = radius, partial
	_, _, err := x.ChangeCollection(x.t.Context(), "", name, func(c *hashindex.Collection) {
		c.Policy.Radius, c.Policy.CopyRadius, c.Policy.Partial = radius, min(radius, c.Policy.CopyRadius), partial
	})
	if err != nil {
		x.t.Error(err)
	}
}

// writeRows puts and removes rows and notes it, in a plan that now and then refuses in the end.
func (x *run) writeRows() {
	rows, refuse := maps.Clone(x.model.rows), x.r.IntN(3) == 0
	key, value, gone := fmt.Sprint(x.r.IntN(20)), fmt.Sprint(x.r.Uint64()), fmt.Sprint(x.r.IntN(20))
	delete(rows, gone)
	rows[key] = value
	_, err := x.Transact(x.t.Context(), "", func(w hashindex.Writer) error {
		_, err := w.Append(noted(key))
		err = errors.Join(err, w.RemoveRow("t", gone), w.PutRow("t", key, []byte(value)))
		if refuse {
			err = errors.Join(err, errRefused)
		}
		return err
	})
	if errors.Is(err, errRefused) != refuse || !refuse && err != nil {
		x.t.Errorf("transact: %v, refused %v", err, refuse)
	}
	if !refuse {
		x.model.rows = rows
	}
	got := map[string]string{}
	err = x.View(x.t.Context(), func(r hashindex.Reader) error {
		for row, err := range r.Rows("t", "") {
			if err != nil {
				return err
			}
			got[row.Key] = string(row.Value)
		}
		return nil
	})
	if err != nil || !maps.Equal(got, x.model.rows) {
		x.t.Errorf("rows %v, %v, want %v", got, err, x.model.rows)
	}
}

func (x *run) ask() {
	p := x.picture()
	asked := p.Frames[0].Hashes[hashindex.PDQ]
	answer, err := x.Match(x.t.Context(), hashindex.Query{Picture: p, Radius: hashindex.PolicyRadius, Effort: hashindex.FastEffort, Limit: hashindex.MaxLimit})
	if err != nil {
		x.t.Error(err)
		return
	}
	if got, want := fmt.Sprint(ids(answer.Matches)), fmt.Sprint(x.model.match(asked)); got != want {
		x.t.Errorf("asked %s: got %s, want %s", asked, got, want)
	}
}

// askHashes asks for the neighbours of a bare hash of either width, at any radius that is allowed.
func (x *run) askHashes() {
	algorithm, asked := hashindex.PDQ, x.near()
	if x.r.IntN(2) == 0 {
		algorithm, asked = hashindex.PHash, x.nearShort()
	}
	radius := x.r.IntN(algorithm.MaxRadius() + 1)
	answer, err := x.MatchHashes(x.t.Context(), hashindex.HashQuery{Algorithm: algorithm, Hashes: []hashindex.Hash{asked}, Radius: radius, Limit: hashindex.MaxLimit})
	if err != nil {
		x.t.Error(err)
		return
	}
	var want [][2]int // distance and reference
	for id, r := range x.model.references {
		known := r.hash
		if algorithm == hashindex.PHash {
			known = r.short
		}
		if d := known.Distance(asked); d <= radius && !r.disabled {
			want = append(want, [2]int{d, int(id)})
		}
	}
	slices.SortFunc(want, func(a, b [2]int) int { return slices.Compare(a[:], b[:]) })
	var got [][2]int
	for _, m := range answer.Results[0] {
		got = append(got, [2]int{m.Distance, int(m.Reference)})
	}
	if want = want[:min(len(want), hashindex.MaxLimit)]; !slices.Equal(got, want) {
		x.t.Errorf("%v within %d of %s: got %v, want %v", algorithm, radius, asked, got, want)
	}
}

// askForPart asks with a part of a reference, perhaps mirrored, in a picture that may be near others.
func (x *run) askForPart() {
	id, ok := x.pick()
	if !ok || x.model.references[id].features.IsZero() {
		return
	}
	known := hashindex.Picture{Frames: []hashindex.Frame{{}}}
	known.Frames[0].Features = x.model.references[id].features
	p := part(x.r, known, [][4]float64{all, middle, other}[x.r.IntN(3)], [][4]float64{all, corner, middle}[x.r.IntN(3)])
	if x.r.IntN(2) == 0 {
		p = mirrored(p)
	}
	asked := x.near()
	p.Frames[0].Hashes[hashindex.PDQ], p.Frames[0].Dihedral[hashindex.Upright] = asked, asked
	answer, err := x.Match(x.t.Context(), hashindex.Query{Picture: p, Radius: hashindex.PolicyRadius, Effort: hashindex.FullEffort, Limit: hashindex.MaxLimit})
	if err != nil {
		x.t.Error(err)
		return
	}
	if got, want := fmt.Sprint(ids(answer.Matches)), fmt.Sprint(x.model.matchFull(asked, p.Frames[0].Features)); got != want {
		x.t.Errorf("asked for a part of %d: got %s, want %s", id, got, want)
	}
}
