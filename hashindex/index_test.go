package hashindex_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"touchstone/hashindex"
	"touchstone/hashindex/search/bktree"
	"touchstone/hashindex/search/linear"
	"touchstone/hashindex/search/searchtest"
	"touchstone/hashindex/store/memory"
)

const recipe = hashindex.Recipe("test")

// fixture is an index over a memory store with a clock that the test moves.
type fixture struct {
	*hashindex.Index
	t     *testing.T
	store hashindex.Storage
	clock time.Time

	closed bool
}

func open(t *testing.T) *fixture {
	t.Helper()
	return openOn(t, memory.New(), recipe)
}

// openOn opens the store; what it opened is checked and closed when the test ends.
func openOn(t *testing.T, store hashindex.Storage, recipe hashindex.Recipe) *fixture {
	t.Helper()
	f := &fixture{t: t, store: store, clock: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	index, err := hashindex.Open(hashindex.Config{
		Store: store, Recipe: recipe, Now: func() time.Time { return f.clock },
		NewKept: newTree, NewPartialSearcher: searchtest.NewExhaustive, NewAligner: newPlain,
	})
	if err != nil {
		t.Fatal(err)
	}
	f.Index = index
	if err := f.WaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.checkAndClose)
	return f
}

func newTree(in hashindex.Pages, name string, a hashindex.Algorithm) hashindex.KeptSearcher {
	return bktree.New(in, name, a.Bits())
}

// close is for tests that open the store again; nothing is checked at their end.
func (f *fixture) close() {
	f.t.Helper()
	f.closed = true
	if err := f.Close(); err != nil {
		f.t.Fatal(err)
	}
}

func (f *fixture) checkAndClose() {
	if f.closed {
		return
	}
	report, err := f.Check(context.Background())
	if err != nil || len(report.Findings) > 0 {
		f.t.Errorf("check: %v %v", report.Findings, err)
	}
	if err := f.Close(); err != nil {
		f.t.Errorf("close: %v", err)
	}
}

func (f *fixture) collection(name string, purpose hashindex.Purpose) {
	f.t.Helper()
	_, _, err := f.CreateCollection(f.t.Context(), "", hashindex.Collection{Name: name, Purpose: purpose, Policy: hashindex.DefaultPolicy()})
	if err != nil {
		f.t.Fatal(err)
	}
}

func (f *fixture) add(collection string, pictures ...hashindex.Picture) []hashindex.Reference {
	f.t.Helper()
	var news []hashindex.NewReference
	for _, p := range pictures {
		news = append(news, hashindex.NewReference{Picture: p})
	}
	added, _, err := f.AddReferences(f.t.Context(), "", collection, news)
	if err != nil {
		f.t.Fatal(err)
	}
	return added
}

func (f *fixture) match(p hashindex.Picture, collections ...string) hashindex.Answer {
	f.t.Helper()
	answer, err := f.Match(f.t.Context(), hashindex.Query{
		Picture: p, Collections: collections, Radius: hashindex.PolicyRadius, Effort: hashindex.FullEffort,
	})
	if err != nil {
		f.t.Fatal(err)
	}
	return answer
}

// picture has random hashes; its variants are random too.
func picture(r *rand.Rand) hashindex.Picture {
	var print hashindex.Fingerprint
	print.Recipe, print.Quality = recipe, 100
	for _, a := range hashindex.Algorithms() {
		print.Hashes[a] = randomHash(r, a.Bits())
	}
	for t := range print.Dihedral {
		print.Dihedral[t] = randomHash(r, 256)
	}
	print.Dihedral[hashindex.Upright] = print.Hashes[hashindex.PDQ]
	return hashindex.Picture{Width: 10, Height: 10, Frames: []hashindex.Frame{{Fingerprint: print}}}
}

func randomHash(r *rand.Rand, bits int) hashindex.Hash {
	if bits == 64 {
		return hashindex.Hash64(r.Uint64())
	}
	return hashindex.Hash256([4]uint64{r.Uint64(), r.Uint64(), r.Uint64(), r.Uint64()})
}

// altered is the picture with so many bits of its PDQ hash turned over.
func altered(p hashindex.Picture, bits int) hashindex.Picture {
	p.Frames = slices.Clone(p.Frames)
	p.Frames[0].Hashes[hashindex.PDQ] = flip(p.Frames[0].Hashes[hashindex.PDQ], bits)
	return p
}

func flip(h hashindex.Hash, bits int) hashindex.Hash {
	for i := range bits {
		h.Words[i%4] ^= 1 << (i / 4)
	}
	return h
}

func seeded(t *testing.T) *rand.Rand {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

func ids(matches []hashindex.Match) (ids []hashindex.ReferenceID) {
	for _, m := range matches {
		ids = append(ids, m.Reference.ID)
	}
	return ids
}

func TestI1AcknowledgedReferenceIsFoundByEveryWriterAtOnce(t *testing.T) {
	f := open(t)
	f.collection("brand", hashindex.Brand)
	var writers sync.WaitGroup
	for w := range 8 {
		writers.Go(func() {
			r := rand.New(rand.NewPCG(uint64(w), 1))
			for range 50 {
				p := picture(r)
				added, seq, err := f.AddReferences(t.Context(), "w", "brand", []hashindex.NewReference{{Picture: p}})
				if err != nil {
					t.Error(err)
					return
				}
				answer := f.match(p)
				if len(answer.Matches) != 1 || answer.Matches[0].Reference.ID != added[0].ID || answer.Seq < seq {
					t.Errorf("added %d at %d, but got %v at %d", added[0].ID, seq, ids(answer.Matches), answer.Seq)
				}
			}
		})
	}
	writers.Wait()
}

func TestI2ReopenedIndexAnswersTheSame(t *testing.T) {
	r := seeded(t)
	store := memory.New()
	first := openOn(t, store, recipe)
	first.collection("brand", hashindex.Brand)
	var pictures []hashindex.Picture
	for range 300 {
		pictures = append(pictures, picture(r))
	}
	added := first.add("brand", pictures...)
	for _, reference := range added[:100] {
		if _, err := first.RemoveReference(t.Context(), "", reference.ID); err != nil {
			t.Fatal(err)
		}
	}
	first.close()
	second := openOn(t, store, recipe)
	second.add("brand", picture(r)) // a tail after the snapshot
	third := openOn(t, store, recipe)
	for i, p := range pictures {
		want := []hashindex.ReferenceID{added[i].ID}
		if i < 100 {
			want = nil
		}
		for _, f := range []*fixture{second, third} {
			if got := ids(f.match(altered(p, 9)).Matches); !slices.Equal(got, want) {
				t.Fatalf("picture %d: got %v, want %v", i, got, want)
			}
		}
	}
}

// liar proposes, for every probe, entries that the store does not bear out.
type liar struct{ hashindex.Searcher }

func (l liar) Search(ctx context.Context, probes []hashindex.Hash, scope hashindex.Scope, found []hashindex.Found) ([]hashindex.Found, error) {
	found, err := l.Searcher.Search(ctx, probes, scope, found)
	for i, p := range probes {
		for id := range hashindex.ReferenceID(20) {
			for frame := range 3 {
				found = append(found, hashindex.Found{Probe: i, Entry: hashindex.Entry{Frame: hashindex.FrameOf(id, frame), Collection: 1, Hash: p}})
			}
		}
	}
	return found, err
}

func TestI3LyingSearcherChangesNoAnswer(t *testing.T) {
	store := memory.New()
	f := &fixture{t: t, store: store}
	index, err := hashindex.Open(hashindex.Config{Store: store, Recipe: recipe,
		NewSearcher: func(a hashindex.Algorithm) hashindex.Searcher { return liar{linear.New(a.Bits())} }})
	if err != nil {
		t.Fatal(err)
	}
	defer index.Close()
	f.Index = index
	if err := index.WaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.collection("brand", hashindex.Brand)
	r := seeded(t)
	known, removed := picture(r), picture(r)
	added := f.add("brand", known, removed)
	if _, err := f.RemoveReference(t.Context(), "", added[1].ID); err != nil {
		t.Fatal(err)
	}
	if got := ids(f.match(known).Matches); !slices.Equal(got, []hashindex.ReferenceID{added[0].ID}) {
		t.Errorf("known picture: got %v", got)
	}
	if got := f.match(removed); got.Status != hashindex.NotMatched {
		t.Errorf("removed picture: got %v %v", got.Status, ids(got.Matches))
	}
	answer, err := f.MatchHashes(t.Context(), hashindex.HashQuery{Algorithm: hashindex.PHash, Hashes: []hashindex.Hash{hashindex.Hash64(1)}, Radius: 3})
	if err != nil || len(answer.Results[0]) != 0 {
		t.Errorf("hash of nothing: got %v, %v", answer.Results, err)
	}
}

func TestI4ReferencesOfAnotherRecipeAreKeptButNeverCompared(t *testing.T) {
	store := memory.New()
	old := openOn(t, store, recipe)
	old.collection("brand", hashindex.Brand)
	p := picture(seeded(t))
	old.add("brand", p)
	updated := openOn(t, store, "test-2")
	p.Frames = slices.Clone(p.Frames)
	p.Frames[0].Recipe = "test-2"
	if got := updated.match(p); got.Status != hashindex.NotMatched {
		t.Errorf("got %v", got.Status)
	}
	if report, err := updated.Check(t.Context()); err != nil || report.OtherRecipe != 1 {
		t.Errorf("check reports %d of another recipe, %v", report.OtherRecipe, err)
	}
}

func TestI5EvidenceVerifiesAndForgedEvidenceDoesNot(t *testing.T) {
	f := open(t)
	f.collection("brand", hashindex.Brand)
	p := picture(seeded(t))
	f.add("brand", p)
	evidence := f.match(altered(p, 20)).Matches[0].Evidence
	if err := evidence.Verify(); err != nil {
		t.Fatal(err)
	}
	forgeries := map[string]func(*hashindex.Evidence){
		"distance":  func(e *hashindex.Evidence) { e.Distance-- },
		"kind":      func(e *hashindex.Evidence) { e.Kind = hashindex.Copy },
		"radius":    func(e *hashindex.Evidence) { e.Radius = 19 },
		"hash":      func(e *hashindex.Evidence) { e.QueryHash.Words[3] ^= 1 << 60 },
		"algorithm": func(e *hashindex.Evidence) { e.Algorithm = hashindex.PHash },
	}
	for name, forge := range forgeries {
		forged := evidence
		forge(&forged)
		if err := forged.Verify(); !errors.Is(err, hashindex.ErrDamaged) {
			t.Errorf("forged %s: got %v", name, err)
		}
	}
}

func TestI6TiesAreBrokenByOrderOfArrival(t *testing.T) {
	f := open(t)
	f.collection("a", hashindex.Brand)
	f.collection("b", hashindex.Work)
	p := picture(seeded(t))
	var want []hashindex.ReferenceID
	for i := range 10 {
		want = append(want, f.add([]string{"b", "a"}[i%2], altered(p, 4))[0].ID)
	}
	closer := f.add("a", altered(p, 1))[0].ID
	want = append([]hashindex.ReferenceID{closer}, want[:9]...)
	for range 5 {
		if got := ids(f.match(p).Matches); !slices.Equal(got, want) {
			t.Fatalf("got %v, want %v", got, want)
		}
	}
}

func TestBenignReferenceSuppressesWhatItOutdoesAndNoMore(t *testing.T) {
	f := open(t)
	f.collection("brand", hashindex.Brand)
	f.collection("charts", hashindex.Benign)
	p := picture(seeded(t))
	closer := f.add("brand", altered(p, 2))[0].ID
	f.add("brand", altered(p, 10), altered(p, 12))
	chart := f.add("charts", altered(p, 10))[0].ID
	for _, asked := range [][]string{nil, {"brand"}} {
		answer := f.match(p, asked...)
		if got := ids(answer.Matches); !slices.Equal(got, []hashindex.ReferenceID{closer}) {
			t.Errorf("asked %v: got %v, want only %d", asked, got, closer)
		}
		if got := ids(answer.Benign); !slices.Equal(got, []hashindex.ReferenceID{chart}) {
			t.Errorf("asked %v: suppressed by %v", asked, got)
		}
	}
}

func TestRadiusIsEachCollectionsOwnUnlessTheQueryAsks(t *testing.T) {
	f := open(t)
	f.collection("wide", hashindex.Brand)
	f.collection("tight", hashindex.Brand)
	if _, _, err := f.ChangeCollection(t.Context(), "", "tight", func(c *hashindex.Collection) {
		c.Policy = hashindex.Policy{Radius: 5, CopyRadius: 5}
	}); err != nil {
		t.Fatal(err)
	}
	p := picture(seeded(t))
	wide, tight := f.add("wide", altered(p, 31))[0].ID, f.add("tight", altered(p, 6))[0].ID
	if got := ids(f.match(p).Matches); !slices.Equal(got, []hashindex.ReferenceID{wide}) {
		t.Errorf("own radii: got %v, want %d", got, wide)
	}
	answer, err := f.Match(t.Context(), hashindex.Query{Picture: p, Radius: 6, Effort: hashindex.FastEffort})
	if got := ids(answer.Matches); err != nil || !slices.Equal(got, []hashindex.ReferenceID{tight}) {
		t.Errorf("radius 6: got %v %v, want %d", got, err, tight)
	}
}

func TestDisabledReferenceComesBackWhenItsTimeIsOver(t *testing.T) {
	f := open(t)
	f.collection("brand", hashindex.Brand)
	p := picture(seeded(t))
	id := f.add("brand", p)[0].ID
	until := f.clock.Add(time.Hour)
	if _, _, err := f.ChangeReference(t.Context(), "", id, hashindex.ReferencePatch{DisabledUntil: &until}); err != nil {
		t.Fatal(err)
	}
	if got := f.match(p); got.Status != hashindex.NotMatched {
		t.Errorf("while disabled: %v", got.Status)
	}
	f.clock = until
	if got := f.match(p); got.Status != hashindex.Matched {
		t.Errorf("afterwards: %v", got.Status)
	}
}

func TestPoorPictureIsUndecidableEvenWhenItsBytesAreKnown(t *testing.T) {
	f := open(t)
	f.collection("brand", hashindex.Brand)
	p := picture(seeded(t))
	p.Frames[0].Quality = hashindex.PoorQuality - 1
	added := f.add("brand", p)[0]
	if got := f.match(p); got.Status != hashindex.Undecidable || len(got.Matches) > 0 || len(got.Tried) > 0 {
		t.Errorf("got %+v", got)
	}
	resembling, err := f.Resembling(t.Context(), added, p, nil)
	if err != nil || !resembling.Poor {
		t.Errorf("the owner is not told: %+v %v", resembling, err)
	}
}

func TestTransformIsTheVariantThatWasFound(t *testing.T) {
	f := open(t)
	f.collection("brand", hashindex.Brand)
	r := seeded(t)
	for want := hashindex.Upright; want < hashindex.TransformCount; want++ {
		reference, query := picture(r), picture(r)
		id := f.add("brand", reference)[0].ID
		query.Frames[0].Dihedral[want] = reference.Frames[0].Hashes[hashindex.PDQ]
		query.Frames[0].Hashes[hashindex.PDQ] = query.Frames[0].Dihedral[hashindex.Upright]
		got := f.match(query).Matches
		if len(got) != 1 || got[0].Reference.ID != id || got[0].Evidence.Transform != want {
			t.Errorf("transform %d: got %+v", want, got)
		}
	}
}

func TestReferenceWithoutPDQIsFoundByItsPHash(t *testing.T) {
	f := open(t)
	f.collection("lists", hashindex.Work)
	p := picture(seeded(t))
	bare := p
	bare.Frames = []hashindex.Frame{{Fingerprint: hashindex.Fingerprint{Recipe: recipe, Quality: hashindex.QualityUnknown}}}
	bare.Frames[0].Hashes[hashindex.PHash] = flip(p.Frames[0].Hashes[hashindex.PHash], 0)
	id := f.add("lists", bare)[0].ID
	got := f.match(p).Matches
	if len(got) != 1 || got[0].Reference.ID != id || got[0].Evidence.Algorithm != hashindex.PHash || got[0].Evidence.Kind != hashindex.Near {
		t.Errorf("got %+v", got)
	}
}

func TestResemblingNamesEarlierReferencesOnly(t *testing.T) {
	f := open(t)
	f.collection("mine", hashindex.Brand)
	f.collection("theirs", hashindex.Brand)
	p := picture(seeded(t))
	conflict := f.add("theirs", altered(p, 3))[0].ID
	added := f.add("mine", p, altered(p, 1))
	for i, want := range [][]hashindex.ReferenceID{nil, {added[0].ID}} {
		got, err := f.Resembling(t.Context(), added[i], altered(p, i), nil)
		if err != nil || !slices.Equal(ids(got.NearDuplicates), want) || !slices.Equal(ids(got.Conflicts), []hashindex.ReferenceID{conflict}) {
			t.Errorf("reference %d: duplicates %v want %v, conflicts %v, %v", i, ids(got.NearDuplicates), want, ids(got.Conflicts), err)
		}
	}
}

func TestRefusedWriteChangesNothingAndSpoilsNoOther(t *testing.T) {
	f := open(t)
	f.collection("brand", hashindex.Brand)
	r := seeded(t)
	twice := []hashindex.NewReference{{ExternalID: "x", Picture: picture(r)}, {ExternalID: "x", Picture: picture(r)}}
	var writers sync.WaitGroup
	for i := range 20 {
		fine := []hashindex.NewReference{{ExternalID: fmt.Sprint(i), Picture: picture(r)}}
		writers.Go(func() {
			if _, _, err := f.AddReferences(t.Context(), "", "brand", twice); !errors.Is(err, hashindex.ErrExists) {
				t.Errorf("the same name twice: %v", err)
			}
		})
		writers.Go(func() {
			if _, _, err := f.AddReferences(t.Context(), "", "brand", fine); err != nil {
				t.Error(err)
			}
		})
	}
	writers.Wait()
	if info, err := f.Collection("brand"); err != nil || info.References != 20 || f.Seq() != 21 {
		t.Errorf("%d references at seq %d, want 20 at 21; %v", info.References, f.Seq(), err)
	}
}

func TestRemovedPictureIsDeletedOnceNothingShowsIt(t *testing.T) {
	f := open(t)
	f.collection("brand", hashindex.Brand)
	encoded := []byte("a picture")
	p := picture(seeded(t))
	p.Content = hashindex.DigestOf(encoded)
	news := []hashindex.NewReference{{Picture: p, Encoded: encoded}, {Picture: p, Encoded: encoded}}
	added, _, err := f.AddReferences(t.Context(), "", "brand", news)
	if err != nil {
		t.Fatal(err)
	}
	for i, reference := range added {
		if _, _, err := f.Image(reference.ID); err != nil {
			t.Errorf("image %d: %v", i, err)
		}
		if _, err := f.RemoveReference(t.Context(), "", reference.ID); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := f.store.Blob(p.Content); !errors.Is(err, hashindex.ErrNotFound) {
		t.Errorf("blob after the last removal: %v", err)
	}
}

func TestBadQueriesAreRefused(t *testing.T) {
	f := open(t)
	f.collection("brand", hashindex.Brand)
	p := picture(seeded(t))
	queries := map[string]hashindex.Query{
		"radius":     {Picture: p, Radius: 65, Effort: hashindex.FastEffort},
		"effort":     {Picture: p, Effort: "some"},
		"limit":      {Picture: p, Effort: hashindex.FastEffort, Limit: 1001},
		"collection": {Picture: p, Effort: hashindex.FastEffort, Collections: []string{"none"}},
	}
	for name, q := range queries {
		if _, err := f.Match(t.Context(), q); !errors.Is(err, hashindex.ErrInvalid) && !errors.Is(err, hashindex.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := f.MatchHashes(t.Context(), hashindex.HashQuery{Algorithm: hashindex.PDQ, Hashes: []hashindex.Hash{hashindex.Hash64(1)}})
	if !errors.Is(err, hashindex.ErrInvalid) {
		t.Errorf("a hash of another width: %v", err)
	}
}

func TestClosedIndexRefusesWrites(t *testing.T) {
	f := open(t)
	f.close()
	_, _, err := f.CreateCollection(t.Context(), "", hashindex.Collection{Name: "late", Purpose: hashindex.Brand})
	if !errors.Is(err, hashindex.ErrClosed) {
		t.Errorf("got %v", err)
	}
}

func TestComparingTwoPicturesSaysWhatTheIndexWould(t *testing.T) {
	r := seeded(t)
	for _, bits := range []int{0, 10, 11, 31, 32} {
		f := open(t)
		f.collection("brand", hashindex.Brand)
		reference := picture(r)
		f.add("brand", reference)
		query := picture(r)
		query.Frames[0].Dihedral[hashindex.Mirrored] = flip(reference.Frames[0].Hashes[hashindex.PDQ], bits)
		compared := hashindex.Compare(reference, query, hashindex.DefaultPolicy(), nil)
		evidence, status := compared.Evidence, compared.Status
		answer := f.match(query)
		if status != answer.Status || evidence.Transform != hashindex.Mirrored || evidence.Distance != bits {
			t.Errorf("%d bits: compare says %s, %+v; match says %s", bits, status, evidence, answer.Status)
		}
		if len(answer.Matches) > 0 && answer.Matches[0].Evidence != evidence {
			t.Errorf("%d bits: compare's evidence %+v, match's %+v", bits, evidence, answer.Matches[0].Evidence)
		}
	}
}

func TestPoorFrameDecidesNothingBesideAGoodOne(t *testing.T) {
	r := seeded(t)
	reference, query := picture(r), picture(r)
	flat := query.Frames[0]
	flat.Quality, flat.Dihedral = 0, reference.Frames[0].Dihedral
	query.Frames = append(query.Frames, flat)
	if c := hashindex.Compare(reference, query, hashindex.DefaultPolicy(), nil); c.Status != hashindex.NotMatched {
		t.Errorf("%s by frame %d", c.Status, c.QueryFrame)
	}
	query.Frames = query.Frames[1:]
	if c := hashindex.Compare(reference, query, hashindex.DefaultPolicy(), nil); c.Status != hashindex.Undecidable {
		t.Errorf("the poor frame alone: %s", c.Status)
	}
}

func TestManyHashesInACrowdOfEqualReferencesAnswerInOrder(t *testing.T) {
	f := open(t)
	f.collection("brand", hashindex.Brand)
	p := picture(seeded(t))
	crowd := make([]hashindex.Picture, 3000)
	for i := range crowd {
		crowd[i] = p
	}
	added := f.add("brand", crowd...)
	query := hashindex.HashQuery{Algorithm: hashindex.PDQ, Radius: 31, Limit: 5}
	for i := range 1001 {
		query.Hashes = append(query.Hashes, flip(p.Frames[0].Hashes[hashindex.PDQ], i%33))
	}
	for _, query.Each = range []int{1, 8} {
		answer, err := f.MatchHashes(t.Context(), query)
		if err != nil {
			t.Fatal(err)
		}
		for i, result := range answer.Results {
			distance := i * query.Each % 33
			if query.Each == 8 { // the nearest of eight in a row
				distance = 33
				for n := i * 8; n < min(i*8+8, 1001); n++ {
					distance = min(distance, n%33)
				}
			}
			if distance > 31 {
				if len(result) != 0 {
					t.Errorf("result %d of %d: got %v beyond the radius", i, query.Each, result)
				}
				continue
			}
			if len(result) != 5 {
				t.Errorf("result %d of %d: %d matches, want 5", i, query.Each, len(result))
			}
			for n, m := range result {
				if m.Reference != added[n].ID || m.Distance != distance {
					t.Errorf("result %d of %d: match %d is %+v, want reference %d at %d", i, query.Each, n, m, added[n].ID, distance)
				}
			}
		}
	}
}

// TestAVideoOfEqualFramesHidesNoReference: more candidates are asked for when the first ones are all
// of one reference, or have all been removed.
func TestAVideoOfEqualFramesHidesNoReference(t *testing.T) {
	f := open(t)
	f.collection("brand", hashindex.Brand)
	image := picture(seeded(t))
	video := image
	for range 3000 {
		video.Frames = append(video.Frames, image.Frames[0])
	}
	added := f.add("brand", video, image, image)
	query := hashindex.HashQuery{Algorithm: hashindex.PDQ, Radius: 31, Limit: 3, Each: 2}
	for i := range 8 {
		query.Hashes = append(query.Hashes, flip(image.Frames[0].Hashes[hashindex.PDQ], i))
	}
	answer, err := f.MatchHashes(t.Context(), query)
	if err != nil || len(answer.Results) != 4 {
		t.Fatalf("%d results, error %v", len(answer.Results), err)
	}
	for i, result := range answer.Results {
		if len(result) != 3 {
			t.Fatalf("result %d: %v, want three references", i, result)
		}
		for n, m := range result {
			if m.Reference != added[n].ID || m.Distance != 2*i {
				t.Errorf("result %d: match %d is %+v, want reference %d at %d", i, n, m, added[n].ID, 2*i)
			}
		}
	}
}

// counted counts the references that are read.
type counted struct {
	hashindex.Storage
	reads int
}

func (c *counted) View(do func(hashindex.Reader) error) error {
	return c.Storage.View(func(r hashindex.Reader) error { return do(countedReader{r, c}) })
}

type countedReader struct {
	hashindex.Reader
	store *counted
}

func (r countedReader) Reference(id hashindex.ReferenceID) (hashindex.Reference, error) {
	r.store.reads++
	return r.Reader.Reference(id)
}

func TestAFullAnswerIsNotComparedWithTheRestOfACrowd(t *testing.T) {
	store := &counted{Storage: memory.New()}
	f := openOn(t, store, recipe)
	f.collection("brand", hashindex.Brand)
	p := picture(seeded(t))
	added := f.add("brand", slices.Repeat([]hashindex.Picture{p}, 500)...)
	store.reads = 0
	got := f.match(p).Matches
	if len(got) != hashindex.DefaultLimit || got[0].Reference.ID != added[0].ID || store.reads > 2*hashindex.DefaultLimit {
		t.Errorf("%d matches, %d references read; want %d and little more", len(got), store.reads, hashindex.DefaultLimit)
	}
	f.collection("charts", hashindex.Benign)
	f.add("charts", p)
	if answer := f.match(p); len(answer.Matches) != 0 || len(answer.Benign) != 1 {
		t.Errorf("%d matches, %d benign; want the crowd suppressed", len(answer.Matches), len(answer.Benign))
	}
}
