package hashindex_test

import (
	"bytes"
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

// TestIndexEqualsItsModelThroughAnyLife adds, removes, changes, writes rows, reopens, compacts, backs up and restores at
// random, as many removals and changes as additions, and asks; every answer must be the model's, and whenever it is closed
// all that the index holds. TOUCHSTONE_MODEL is how many steps are taken, 4000 when unset, in lives of 4000 at most: each
// has its own size, about which the number of references moves.
func TestIndexEqualsItsModelThroughAnyLife(t *testing.T) {
	steps := lifeSteps
	if text := os.Getenv("TOUCHSTONE_MODEL"); text != "" {
		var err error
		if steps, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	did := map[string]int{}
	lives := 0
	for left := steps; left > 0; left -= lifeSteps {
		lives++
		if !t.Run(fmt.Sprint("life-", lives), func(t *testing.T) {
			live(t, rand.New(rand.NewPCG(seed, uint64(lives))), min(left, lifeSteps), did)
		}) {
			t.Fatalf("seed %d, life %d", seed, lives)
		}
	}
	t.Logf("%d steps in %d lives; did %v", steps, lives, did)
	for _, kind := range kinds {
		if did[kind.name] == 0 {
			t.Errorf("no step was to %s", kind.name)
		}
	}
}

// lifeSteps bound a life, for each time that it is closed all its history is walked.
const lifeSteps = 4000

// life is a random life of an index on a bolt store, beside its model.
type life struct {
	*fixture
	r       *rand.Rand
	folder  string
	bolt    *bolt.Store
	opened  int // times
	model   model
	centres []hashindex.Hash
	size    int            // that the number of references moves about
	did     map[string]int // steps of each kind, and questions asked of each searcher
}

// kinds of steps, with how many of a thousand are of each.
var kinds = []struct {
	share int
	name  string
	do    func(*life)
}{
	{250, "add or remove", (*life).churn},
	{125, "change a reference", (*life).changeOne},
	{15, "change a policy", (*life).changePolicy},
	{10, "make or remove a collection", (*life).collectionComesOrGoes},
	{60, "write rows", (*life).writeRows},
	{15, "save", func(x *life) { x.must(x.SaveNow()) }},
	{5, "reopen", func(x *life) { x.shut(); x.open() }},
	{3, "compact", (*life).compact},
	{3, "back up and restore", (*life).restore},
	{14, "ask for a part", (*life).askForPart},
	{250, "ask for pictures", (*life).ask},
	{250, "ask for hashes", (*life).askHashes},
}

func live(t *testing.T, r *rand.Rand, steps int, did map[string]int) {
	x := &life{r: r, folder: t.TempDir(), fixture: &fixture{t: t}, model: newModel(), did: did}
	x.size = int(math.Exp2(3 + 9*r.Float64())) // 8 to 4096
	for range 5 {
		x.centres = append(x.centres, randomHash(r, 256))
	}
	x.open()
	x.newCollection("a")
	x.newCollection("b")
	x.addSome(x.size / 2)
	for step := range steps {
		x.step()
		if t.Failed() {
			t.Fatalf("after step %d, about %d references", step, x.size)
		}
	}
	x.shut()
}

func (x *life) step() {
	n := x.r.IntN(1000)
	for _, kind := range kinds {
		if n -= kind.share; n < 0 {
			x.did[kind.name]++
			kind.do(x)
			return
		}
	}
}

func (x *life) must(err error) {
	x.t.Helper()
	if err != nil {
		x.t.Fatal(err)
	}
}

// searchersInTurn are those that a life is opened with. A searcher in memory is asked whatever it costs, so that
// small lives ask it too; "cheapest" chooses as a server does, between it and what is kept.
var searchersInTurn = []struct {
	name string
	make func(hashindex.Algorithm) hashindex.Searcher
}{
	{"multiindex", func(a hashindex.Algorithm) hashindex.Searcher { return free{multiindex.New(a.Bits())} }},
	{"bktree", nil},
	{"linear", func(a hashindex.Algorithm) hashindex.Searcher {
		return struct{ hashindex.Searcher }{linear.New(a.Bits())}
	}},
	{"cheapest", func(a hashindex.Algorithm) hashindex.Searcher { return multiindex.New(a.Bits()) }},
}

// free hides the costs.
type free struct{ hashindex.BulkSearcher }

func (x *life) searcher() string { return searchersInTurn[x.opened%len(searchersInTurn)].name }

func (x *life) open() {
	x.t.Helper()
	store, err := bolt.Open(x.folder, bolt.Options{})
	x.must(err)
	x.bolt = store
	x.opened++
	x.Index, err = hashindex.Open(hashindex.Config{
		Store: store, Recipe: recipe, Now: func() time.Time { return time.Unix(1e9, 0) },
		NewKept: newTree, NewSearcher: searchersInTurn[x.opened%len(searchersInTurn)].make,
		NewPartialSearcher: searchtest.NewExhaustive, NewAligner: newPlain,
	})
	x.must(err)
	x.must(x.WaitLoaded(x.t.Context()))
}

// shut compares all that it closes with the model.
func (x *life) shut() {
	x.t.Helper()
	report, err := x.Check(x.t.Context())
	if err != nil || len(report.Findings) > 0 || report.References != len(x.model.references) {
		x.t.Errorf("check: %d references want %d, findings %v, %v", report.References, len(x.model.references), report.Findings, err)
	}
	if x.Seq() != x.model.seq {
		x.t.Errorf("the history ends at %d, want %d", x.Seq(), x.model.seq)
	}
	x.compareCollections()
	x.compareRows()
	x.must(x.Close())
	x.must(x.bolt.Close())
}

func (x *life) compareCollections() {
	x.t.Helper()
	infos, err := x.Collections()
	x.must(err)
	if len(infos) != len(x.model.collections) {
		x.t.Errorf("collections %v, want %v", infos, x.model.collections)
	}
	for _, info := range infos {
		if info.Policy != x.model.collections[info.Name] {
			x.t.Errorf("collection %s has policy %+v, want %+v", info.Name, info.Policy, x.model.collections[info.Name])
		}
		list, err := x.References(x.t.Context(), info.Name, 0, math.MaxInt)
		x.must(err)
		var got []hashindex.ReferenceID
		for _, r := range list {
			got = append(got, r.ID)
			x.compare(r)
		}
		if want := x.model.ids(info.Name); !slices.Equal(got, want) || info.References != len(want) {
			x.t.Errorf("collection %s holds %d, %v, want %v", info.Name, info.References, got, want)
		}
	}
}

func (x *life) compare(r hashindex.Reference) {
	x.t.Helper()
	want := x.model.references[r.ID]
	hashes := r.Frames[0].Hashes
	if r.ExternalID != want.name || r.Note != want.note || r.DisabledUntil.IsZero() == want.disabled ||
		hashes[hashindex.PDQ] != want.hash || hashes[hashindex.PHash] != want.short || r.Content.IsZero() != (want.encoded == nil) {
		x.t.Errorf("reference %+v, want %+v", r, want)
	}
	if want.encoded != nil {
		if picture, err := x.Picture(r.Content); err != nil || !bytes.Equal(picture, want.encoded) {
			x.t.Errorf("picture of %d: %x, %v, want %x", r.ID, picture, err, want.encoded)
		}
	}
}

func (x *life) compareRows() {
	x.t.Helper()
	got := map[string]string{}
	x.must(x.View(x.t.Context(), func(r hashindex.Reader) error {
		for row, err := range r.Rows("t", "") {
			if err != nil {
				return err
			}
			got[row.Key] = string(row.Value)
		}
		return nil
	}))
	if !maps.Equal(got, x.model.rows) {
		x.t.Errorf("rows %v, want %v", got, x.model.rows)
	}
}

func (x *life) compact() {
	x.shut()
	if _, _, err := bolt.Compact(x.folder, bolt.Options{}); err != nil {
		x.t.Fatal(err)
	}
	x.open()
}

// restore backs up, lives on for a moment, and goes back to the moment of the backup in another folder.
func (x *life) restore() {
	var backup bytes.Buffer
	_, err := x.bolt.Backup(x.t.Context(), &backup)
	x.must(err)
	then := x.model.clone()
	for range x.r.IntN(4) {
		x.churn()
		x.writeRows()
	}
	x.shut()
	x.must(os.RemoveAll(x.folder))
	x.model, x.folder = then, x.folder+"r"
	_, err = bolt.Restore(x.t.Context(), x.folder, &backup)
	x.must(err)
	x.open()
}

func (x *life) newCollection(name string) {
	policy := hashindex.DefaultPolicy()
	_, seq, err := x.CreateCollection(x.t.Context(), "", hashindex.Collection{Name: name, Purpose: hashindex.Brand, Policy: policy})
	x.must(err)
	x.model.collections[name], x.model.seq = policy, seq
}

// collectionComesOrGoes makes the third collection, or removes it once it is empty; before that it may not.
func (x *life) collectionComesOrGoes() {
	if _, there := x.model.collections["c"]; !there {
		x.newCollection("c")
		return
	}
	left := x.model.ids("c")
	if len(left) > 0 && x.r.IntN(2) == 0 {
		for _, id := range left {
			x.remove(id)
		}
		left = nil
	}
	seq, err := x.RemoveCollection(x.t.Context(), "", "c")
	if len(left) > 0 {
		if !errors.Is(err, hashindex.ErrNotEmpty) {
			x.t.Errorf("removing a collection of %d references: %v", len(left), err)
		}
		return
	}
	x.must(err)
	delete(x.model.collections, "c")
	x.model.seq = seq
}

// near is a hash around one of few centres, so that radii matter.
func (x *life) near() hashindex.Hash {
	h := x.centres[x.r.IntN(len(x.centres))]
	for range x.r.IntN(70) {
		h.Words[x.r.IntN(4)] ^= 1 << x.r.IntN(64)
	}
	return h
}

// nearShort is near for 64 bits.
func (x *life) nearShort() hashindex.Hash {
	h := hashindex.Hash64(x.centres[x.r.IntN(len(x.centres))].Words[0])
	for range x.r.IntN(20) {
		h.Words[0] ^= 1 << x.r.IntN(64)
	}
	return h
}

func (x *life) picture() hashindex.Picture {
	p := picture(x.r)
	frame := &p.Frames[0]
	frame.Hashes[hashindex.PDQ], frame.Hashes[hashindex.PHash] = x.near(), x.nearShort()
	frame.Dihedral = [hashindex.TransformCount]hashindex.Hash{}
	return p
}

// newReference is any reference: with or without external id, PDQ, features and picture. Those with features are at
// most a few hundred, for each is compared when a part is asked for. Pictures are few, so that references share them.
func (x *life) newReference() hashindex.NewReference {
	n := hashindex.NewReference{Picture: x.picture()}
	frame := &n.Picture.Frames[0]
	if x.r.IntN(2) == 0 {
		n.ExternalID = fmt.Sprint("x", x.r.IntN(8*x.size))
	}
	if x.r.IntN(8) == 0 {
		frame.Hashes[hashindex.PDQ] = hashindex.Hash{}
	}
	if x.r.IntN(max(200, x.size)) < 100 {
		frame.Features = randomFeatures(x.r, 40)
	}
	if x.r.IntN(4) == 0 {
		n.Encoded = bytes.Repeat([]byte{byte(x.r.IntN(20))}, 1+x.r.IntN(3))
		n.Picture.Content = hashindex.DigestOf(n.Encoded)
	}
	return n
}

// churn adds or removes up to four references, so that their number moves about the life's size.
func (x *life) churn() {
	n := 1 + x.r.IntN(4)
	if x.r.IntN(2*x.size) >= len(x.model.references) {
		x.addSome(n)
		return
	}
	for range n {
		if id, ok := x.pick(); ok {
			x.remove(id)
		}
	}
}

// addSome adds so many, or none when an external id is taken.
func (x *life) addSome(n int) {
	into := x.collectionOrTwo()[0]
	news := make([]hashindex.NewReference, n)
	taken := false
	names := map[string]bool{}
	for i := range news {
		news[i] = x.newReference()
		name := news[i].ExternalID
		if n > 4 && (names[name] || x.model.holds(into, name)) {
			name, news[i].ExternalID = "", ""
		}
		taken = taken || names[name] || x.model.holds(into, name)
		names[name] = name != ""
	}
	added, seq, err := x.AddReferences(x.t.Context(), "", into, news)
	if taken {
		if !errors.Is(err, hashindex.ErrExists) {
			x.t.Errorf("an external id that is taken: %v", err)
		}
		return
	}
	x.must(err)
	x.model.seq = seq
	for i, n := range news {
		frame := n.Picture.Frames[0]
		x.model.references[added[i].ID] = modelled{
			collection: into, name: n.ExternalID, hash: frame.Hashes[hashindex.PDQ], short: frame.Hashes[hashindex.PHash],
			features: frame.Features, encoded: n.Encoded,
		}
	}
}

// pick is any reference, chosen without the order of a map.
func (x *life) pick() (hashindex.ReferenceID, bool) {
	all := x.model.ids("")
	if len(all) == 0 {
		return 0, false
	}
	return all[x.r.IntN(len(all))], true
}

func (x *life) remove(id hashindex.ReferenceID) {
	seq, err := x.RemoveReference(x.t.Context(), "", id)
	x.must(err)
	delete(x.model.references, id)
	x.model.seq = seq
}

// changeOne disables a reference or enables it, or gives it another note.
func (x *life) changeOne() {
	id, ok := x.pick()
	if !ok {
		return
	}
	r, patch := x.model.references[id], hashindex.ReferencePatch{}
	if x.r.IntN(2) == 0 {
		r.note = fmt.Sprint("note ", x.r.Uint64())
		patch.Note = &r.note
	} else {
		r.disabled = !r.disabled
		patch.DisabledUntil = new(time.Time)
		if r.disabled {
			*patch.DisabledUntil = time.Unix(2e9, 0)
		}
	}
	_, seq, err := x.ChangeReference(x.t.Context(), "", id, patch)
	x.must(err)
	x.model.references[id], x.model.seq = r, seq
}

func (x *life) changePolicy() {
	name := x.collectionOrTwo()[0]
	policy := x.model.collections[name]
	policy.Radius, policy.Radius64 = x.r.IntN(65), x.r.IntN(17)
	policy.CopyRadius = min(policy.Radius, policy.CopyRadius)
	policy.Partial = hashindex.PartialPolicy{Enabled: x.r.IntN(3) > 0, MinCoverage: x.r.Float64() / 2}
	_, seq, err := x.ChangeCollection(x.t.Context(), "", name, func(c *hashindex.Collection) { c.Policy = policy })
	x.must(err)
	x.model.collections[name], x.model.seq = policy, seq
}

// writeRows puts and removes rows and notes it, in a plan that now and then refuses in the end.
func (x *life) writeRows() {
	refuse := x.r.IntN(3) == 0
	key, value, gone := fmt.Sprint(x.r.IntN(20)), fmt.Sprint(x.r.Uint64()), fmt.Sprint(x.r.IntN(20))
	seq, err := x.Transact(x.t.Context(), "", func(w hashindex.Writer) error {
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
		delete(x.model.rows, gone)
		x.model.rows[key] = value
		x.model.seq = seq
	}
	x.compareRows()
}

// collectionOrTwo are one or two of the collections, seldom the third.
func (x *life) collectionOrTwo() []string {
	names := []string{"a", "b"}
	if _, there := x.model.collections["c"]; there && x.r.IntN(20) == 0 {
		names[0] = "c"
	}
	x.r.Shuffle(2, func(i, j int) { names[i], names[j] = names[j], names[i] })
	return names[:1+x.r.IntN(2)]
}

// scope is where a question looks, how far, and how much is enough.
func (x *life) scope(widest int) (collections []string, radius, limit int) {
	if x.r.IntN(3) == 0 {
		collections = x.collectionOrTwo()
	}
	radius, limit = x.r.IntN(widest+1), hashindex.MaxLimit
	if x.r.IntN(4) == 0 {
		radius = hashindex.PolicyRadius
	}
	if x.r.IntN(4) == 0 {
		limit = 1 + x.r.IntN(5)
	}
	return collections, radius, limit
}

func (x *life) ask() {
	q := hashindex.Query{Picture: x.picture(), Effort: hashindex.FastEffort}
	q.Collections, q.Radius, q.Limit = x.scope(hashindex.PDQ.MaxRadius())
	x.matchesModel(q)
}

// askForPart asks with a part of a reference, perhaps mirrored, in a picture that may be near others.
func (x *life) askForPart() {
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
	x.matchesModel(hashindex.Query{Picture: p, Radius: hashindex.PolicyRadius, Effort: hashindex.FullEffort, Limit: hashindex.MaxLimit})
}

func (x *life) matchesModel(q hashindex.Query) {
	x.t.Helper()
	x.did["questions of "+x.searcher()]++
	answer, err := x.Match(x.t.Context(), q)
	x.must(err)
	if got, want := ids(answer.Matches), x.model.match(q); !slices.Equal(got, want) {
		x.t.Errorf("%s asked for %v in %v within %d, %s, limit %d: got %v, want %v", x.searcher(), q.Picture.Frames[0].Hashes, q.Collections, q.Radius, q.Effort, q.Limit, got, want)
	}
}

// askHashes asks for the neighbours of bare hashes of either width, at any radius that is allowed.
func (x *life) askHashes() {
	q := hashindex.HashQuery{Algorithm: hashindex.PDQ}
	hash := x.near
	if x.r.IntN(2) == 0 {
		q.Algorithm, hash = hashindex.PHash, x.nearShort
	}
	for range 1 + x.r.IntN(4) {
		q.Hashes = append(q.Hashes, hash())
	}
	q.Collections, q.Radius, q.Limit = x.scope(q.Algorithm.MaxRadius())
	x.did["questions of "+x.searcher()] += len(q.Hashes)
	answer, err := x.MatchHashes(x.t.Context(), q)
	x.must(err)
	for i, asked := range q.Hashes {
		var got []hashindex.ReferenceID
		for _, m := range answer.Results[i] {
			got = append(got, m.Reference)
		}
		if want := x.model.matchHash(q, asked); !slices.Equal(got, want) {
			x.t.Errorf("%s asked for %s in %v within %d, limit %d: got %v, want %v", x.searcher(), asked, q.Collections, q.Radius, q.Limit, got, want)
		}
	}
}
