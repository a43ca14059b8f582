package hashindex_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"touchstone/hashindex"
	"touchstone/hashindex/search/searchtest"
	"touchstone/hashindex/store/memory"
)

var (
	all    = [4]float64{0, 0, 1, 1}
	middle = [4]float64{0.25, 0.25, 0.75, 0.75}
	corner = [4]float64{0, 0, 0.5, 0.5}
	other  = [4]float64{0.5, 0.5, 1, 1}
)

func TestPartOfAReferenceIsFound(t *testing.T) {
	r := seeded(t)
	f := open(t)
	f.collection("brand", hashindex.Brand)
	scenes := []hashindex.Picture{scene(r), scene(r), scene(r)}
	added := f.add("brand", scenes...)
	for name, each := range map[string]struct {
		query                      hashindex.Picture
		ofReference, ofQuery, left float64 // left: of the reference's top left corner
		transform                  hashindex.Transform
	}{
		"crop":               {part(r, scenes[1], middle, all), 0.25, 1, -0.5, hashindex.Upright},
		"picture in picture": {part(r, scenes[1], all, corner), 1, 0.25, 0, hashindex.Upright},
		"part in part":       {part(r, scenes[1], other, corner), 0.25, 0.25, -0.5, hashindex.Upright},
		"mirrored crop":      {mirrored(part(r, scenes[1], middle, all)), 0.25, 1, 1.5, hashindex.Mirrored},
	} {
		answer := f.match(each.query)
		if fmt.Sprint(answer.Tried) != "[copy near partial]" || answer.Status != hashindex.Matched || len(answer.Matches) != 1 {
			t.Errorf("%s: %s, tried %v, %d matches", name, answer.Status, answer.Tried, len(answer.Matches))
			continue
		}
		m := answer.Matches[0]
		if m.Reference.ID != added[1].ID || m.Evidence.Kind != hashindex.Partial || m.Evidence.Transform != each.transform {
			t.Errorf("%s: reference %d, %s, transform %d", name, m.Reference.ID, m.Evidence.Kind, m.Evidence.Transform)
		}
		if !about(m.ReferenceCoverage, each.ofReference) || !about(m.QueryCoverage, each.ofQuery) || !about(m.QueryQuad[0][0], each.left) {
			t.Errorf("%s: %.3f of the reference, %.3f of the query, at %.3f", name, m.ReferenceCoverage, m.QueryCoverage, m.QueryQuad)
		}
		if m.Score != m.Evidence.Alignment.Score || m.Evidence.Distance <= m.Evidence.Radius {
			t.Errorf("%s: score %v, distance %d", name, m.Score, m.Evidence.Distance)
		}
		if err := m.Evidence.VerifyAlignment(scenes[1].Frames[0].Features, each.query.Frames[0].Features, newPlain); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func about(got, want float64) bool { return math.Abs(got-want) < 0.12 }

func TestFastEffortNeverTriesPartial(t *testing.T) {
	r := seeded(t)
	f := open(t)
	f.collection("brand", hashindex.Brand)
	p := scene(r)
	f.add("brand", p)
	query := hashindex.Query{Picture: part(r, p, middle, all), Radius: hashindex.PolicyRadius, Effort: hashindex.FastEffort}
	answer, err := f.Match(t.Context(), query)
	if err != nil || answer.Status != hashindex.NotMatched || fmt.Sprint(answer.Tried) != "[copy near]" {
		t.Errorf("%+v, %v", answer, err)
	}
}

func TestI5PartialEvidenceIsVerifiedWithoutTheIndex(t *testing.T) {
	r := seeded(t)
	f := open(t)
	f.collection("brand", hashindex.Brand)
	reference := scene(r)
	f.add("brand", reference)
	query := part(r, reference, middle, all)
	match := f.match(query).Matches[0]
	if err := match.Evidence.Verify(); err != nil {
		t.Error(err)
	}
	for claim, falsify := range map[string]func(*hashindex.Evidence){
		"kind":        func(e *hashindex.Evidence) { e.Kind = hashindex.Near },
		"distance":    func(e *hashindex.Evidence) { e.Distance-- },
		"coverage":    func(e *hashindex.Evidence) { e.Alignment.ReferenceCoverage, e.Alignment.QueryCoverage = 0.01, 0.01 },
		"outline":     func(e *hashindex.Evidence) { e.Alignment.QueryQuad[2][0] += 0.01 },
		"matrix":      func(e *hashindex.Evidence) { e.Alignment.Matrix[2] = math.NaN() },
		"score":       func(e *hashindex.Evidence) { e.Alignment.Score = 1.1 },
		"no evidence": func(e *hashindex.Evidence) { e.Alignment = hashindex.AlignmentEvidence{} },
	} {
		e := match.Evidence
		falsify(&e)
		if e.Verify() == nil {
			t.Errorf("a false %s was believed", claim)
		}
	}
	for claim, falsify := range map[string]func(*hashindex.Evidence){
		"correlation":        func(e *hashindex.Evidence) { e.Alignment.Correlation = 0.5 },
		"corners":            func(e *hashindex.Evidence) { e.Alignment.Inliers++ },
		"query's features":   func(e *hashindex.Evidence) { e.Alignment.QueryFeatures[3]++ },
		"reference's digest": func(e *hashindex.Evidence) { e.Alignment.ReferenceFeatures[3]++ },
	} {
		e := match.Evidence
		falsify(&e)
		if e.VerifyAlignment(reference.Frames[0].Features, query.Frames[0].Features, newPlain) == nil {
			t.Errorf("a false %s was believed", claim)
		}
	}
	if c := hashindex.Compare(reference, query, hashindex.DefaultPolicy(), newPlain); c.Status != hashindex.Matched || c.Evidence != match.Evidence || !c.Alike {
		t.Errorf("compare says %s, %+v, and match %+v", c.Status, c.Evidence, match.Evidence)
	}
	if c := hashindex.Compare(reference, scene(r), hashindex.DefaultPolicy(), newPlain); c.Status != hashindex.NotMatched || c.Alike {
		t.Errorf("compare of strangers says %s", c.Status)
	}
}

// TestI2FeaturesAreLoadedOrReplayed opens again with the state of the searcher as it was saved, and
// without: both must hold what the store does, which Check says.
func TestI2FeaturesAreLoadedOrReplayed(t *testing.T) {
	r := seeded(t)
	store := memory.New()
	first := openOn(t, store, recipe)
	first.collection("brand", hashindex.Brand)
	scenes := []hashindex.Picture{scene(r), scene(r), scene(r), scene(r)}
	added := first.add("brand", scenes...)
	first.add("brand", picture(r)) // has no features
	remove(first, added[0].ID)
	first.close()
	second := openOn(t, store, recipe)
	if seq, _, err := store.LoadSnapshot("partial1@test/exhaustive"); err != nil || seq != second.Seq() {
		t.Errorf("snapshot of %d, %v, want %d", seq, err, second.Seq())
	}
	remove(second, added[1].ID)
	second.add("brand", scene(r))
	second.closed = true // not closed: its snapshot must lack what it did
	third := openOn(t, store, recipe)
	if err := store.SaveSnapshot("partial1@test/exhaustive", 3, []byte("not a state")); err != nil {
		t.Fatal(err)
	}
	fourth := openOn(t, store, recipe)
	for _, f := range []*fixture{second, third, fourth} {
		for i, want := range []int{0, 0, 1, 1} {
			if got := len(f.match(part(r, scenes[i], middle, all)).Matches); got != want {
				t.Errorf("scene %d: %d matches, want %d", i, got, want)
			}
		}
		report, err := f.Check(t.Context())
		if err != nil || len(report.Findings) > 0 || report.Searchers["partial"] != 3 {
			t.Errorf("%+v, %v, want 3 frames in tier partial", report, err)
		}
	}
}

func remove(f *fixture, id hashindex.ReferenceID) {
	f.t.Helper()
	if _, err := f.RemoveReference(f.t.Context(), "", id); err != nil {
		f.t.Fatal(err)
	}
}

// lying is a searcher that holds what it was not given.
type lying struct{ hashindex.PartialSearcher }

func (lying) Entries(yield func(hashindex.FeatureEntry) bool) {
	yield(hashindex.FeatureEntry{Frame: 1, Collection: 1, Sum: 1})
}

func TestI2CheckFindsFeaturesThatAreNotTheStores(t *testing.T) {
	f := openWith(t, func() hashindex.PartialSearcher { return lying{searchtest.NewExhaustive()} }, newPlain)
	report, err := f.Check(t.Context())
	if err != nil || len(report.Findings) != 1 || report.Findings[0].Invariant != "I2" {
		t.Errorf("%+v, %v", report.Findings, err)
	}
	f.close()
}

// openWith opens an empty index with this tier partial.
func openWith(t *testing.T, searcher func() hashindex.PartialSearcher, aligner func(hashindex.Features) hashindex.Aligner) *fixture {
	t.Helper()
	f := &fixture{t: t, store: memory.New(), clock: time.Unix(1e9, 0)}
	var err error
	f.Index, err = hashindex.Open(hashindex.Config{
		Store: f.store, Recipe: recipe, Now: func() time.Time { return f.clock },
		NewKept:            newTree,
		NewPartialSearcher: searcher, NewAligner: aligner,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := f.WaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.checkAndClose)
	return f
}

func TestQueryIsLookedAtCloserWhereNothingIsFound(t *testing.T) {
	r := seeded(t)
	f := open(t)
	f.collection("brand", hashindex.Brand)
	reference := scene(r)
	added := f.add("brand", reference)[0]
	looks := 0
	query, small := scene(r), part(r, reference, all, corner)
	features := &query.Frames[0].Features
	features.Closer = func() hashindex.Features {
		looks++
		closer := small.Frames[0].Features
		closer.Width, closer.Height = features.Width, features.Height
		return closer
	}
	answer := f.match(query)
	if got := ids(answer.Matches); !slices.Equal(got, []hashindex.ReferenceID{added.ID}) || looks != 1 {
		t.Fatalf("matches %v after %d closer looks", got, looks)
	}
	e := answer.Matches[0].Evidence
	if !e.Alignment.Closer {
		t.Error("the evidence does not say that the query was looked at closer")
	}
	if err := e.VerifyAlignment(reference.Frames[0].Features, *features, newPlain); err != nil {
		t.Error(err)
	}
	if c := hashindex.Compare(reference, query, hashindex.DefaultPolicy(), newPlain); c.Evidence != e || !c.Alike {
		t.Errorf("compare says %+v, and match %+v", c.Evidence, e)
	}
	asked := *features
	asked.Closer = nil
	if e.VerifyAlignment(reference.Frames[0].Features, asked, newPlain) == nil {
		t.Error("believed without a closer look")
	}
	looks = 0
	found := part(r, reference, middle, all)
	found.Frames[0].Features.Closer = features.Closer
	if answer := f.match(found); len(answer.Matches) != 1 || answer.Matches[0].Evidence.Alignment.Closer || looks != 0 {
		t.Errorf("%d matches, and %d closer looks at what was found without", len(answer.Matches), looks)
	}
}

func TestPartialPolicyDecidesWhatIsSearched(t *testing.T) {
	r := seeded(t)
	f := open(t)
	f.collection("brand", hashindex.Brand)
	p := scene(r)
	f.add("brand", p)
	crop, small := part(r, p, middle, all), part(r, p, other, corner) // a quarter of it: all of the query, and a quarter
	for _, each := range []struct {
		policy      hashindex.PartialPolicy
		crop, small int
		tried       string
	}{
		{hashindex.PartialPolicy{Enabled: true, MinCoverage: 0.1}, 1, 1, "[copy near partial]"},
		{hashindex.PartialPolicy{Enabled: true, MinCoverage: 0.5}, 1, 0, "[copy near partial]"},
		{hashindex.PartialPolicy{Enabled: true, MinCoverage: 0}, 1, 1, "[copy near partial]"},
		{hashindex.PartialPolicy{MinCoverage: 0.1}, 0, 0, "[copy near]"},
	} {
		_, _, err := f.ChangeCollection(t.Context(), "", "brand", func(c *hashindex.Collection) { c.Policy.Partial = each.policy })
		if err != nil {
			t.Fatal(err)
		}
		a, b := f.match(crop), f.match(small)
		if len(a.Matches) != each.crop || len(b.Matches) != each.small || fmt.Sprint(a.Tried) != each.tried {
			t.Errorf("%+v: %d and %d matches, want %d and %d; tried %v", each.policy, len(a.Matches), len(b.Matches), each.crop, each.small, a.Tried)
		}
	}
	if parts, err := f.SearchesParts([]string{"brand"}, nil); parts || err != nil {
		t.Errorf("with the tier off: %v, %v", parts, err)
	}
	f.collection("work", hashindex.Work)
	if parts, err := f.SearchesParts(nil, nil); !parts || err != nil {
		t.Errorf("with one collection that has it: %v, %v", parts, err)
	}
	if _, err := f.SearchesParts([]string{"none"}, nil); !errors.Is(err, hashindex.ErrNotFound) {
		t.Errorf("of no collection: %v", err)
	}
	for _, least := range []float64{-0.1, 1.1, math.NaN()} {
		_, _, err := f.ChangeCollection(t.Context(), "", "brand", func(c *hashindex.Collection) { c.Policy.Partial.MinCoverage = least })
		if !errors.Is(err, hashindex.ErrInvalid) {
			t.Errorf("a minimum of %v: %v", least, err)
		}
	}
}

func TestPartialKeepsToCollectionsAndEnabledReferences(t *testing.T) {
	r := seeded(t)
	f := open(t)
	f.collection("a", hashindex.Brand)
	f.collection("b", hashindex.Work)
	p := scene(r)
	inA, inB := f.add("a", p)[0], f.add("b", p)[0]
	crop := part(r, p, middle, all)
	if got := ids(f.match(crop).Matches); !slices.Equal(got, []hashindex.ReferenceID{inA.ID, inB.ID}) {
		t.Errorf("equal ones in the order %v", got)
	}
	if got := ids(f.match(crop, "b").Matches); !slices.Equal(got, []hashindex.ReferenceID{inB.ID}) {
		t.Errorf("in b: %v", got)
	}
	until := f.clock.Add(time.Hour)
	if _, _, err := f.ChangeReference(t.Context(), "", inA.ID, hashindex.ReferencePatch{DisabledUntil: &until}); err != nil {
		t.Fatal(err)
	}
	if got := ids(f.match(crop).Matches); !slices.Equal(got, []hashindex.ReferenceID{inB.ID}) {
		t.Errorf("with one disabled: %v", got)
	}
	f.clock = until
	if got := ids(f.match(crop).Matches); len(got) != 2 {
		t.Errorf("enabled again: %v", got)
	}
	answer, err := f.Match(t.Context(), hashindex.Query{Picture: crop, Radius: hashindex.PolicyRadius, Effort: hashindex.FullEffort, Limit: 1})
	if err != nil || !slices.Equal(ids(answer.Matches), []hashindex.ReferenceID{inA.ID}) {
		t.Errorf("limited to one: %v, %v", ids(answer.Matches), err)
	}
}

func TestBenignPartSuppressesWhatItCovers(t *testing.T) {
	r := seeded(t)
	f := open(t)
	f.collection("brand", hashindex.Brand)
	f.collection("charts", hashindex.Benign)
	photo, chart := scene(r), scene(r)
	both := together(photo, part(r, chart, all, corner)) // the official picture has the chart in its corner
	official := f.add("brand", both)[0]
	benign := f.add("charts", chart)[0]
	for name, each := range map[string]struct {
		query hashindex.Picture
		want  []hashindex.ReferenceID
	}{
		"the chart alone":              {part(r, chart, all, middle), nil},
		"a crop of the chart":          {part(r, chart, middle, all), nil},
		"the official picture, small":  {part(r, both, all, middle), []hashindex.ReferenceID{official.ID}},
		"its photo beside the chart":   {together(part(r, photo, all, corner), part(r, chart, all, other)), []hashindex.ReferenceID{official.ID}},
		"a crop of it without a chart": {part(r, both, other, all), []hashindex.ReferenceID{official.ID}},
	} {
		answer := f.match(each.query)
		if got := ids(answer.Matches); !slices.Equal(got, each.want) {
			t.Errorf("%s: %v, want %v; benign %v", name, got, each.want, ids(answer.Benign))
		}
		if len(each.want) == 0 && !slices.Equal(ids(answer.Benign), []hashindex.ReferenceID{benign.ID}) {
			t.Errorf("%s: suppressed by %v", name, ids(answer.Benign))
		}
	}
}

func TestReferenceIsAnsweredOnceWithTheBetterOfItsTiers(t *testing.T) {
	r := seeded(t)
	f := open(t)
	f.collection("brand", hashindex.Brand)
	p := scene(r)
	added := f.add("brand", p)[0]
	query := altered(part(r, p, all, all), 0)
	query.Frames[0].Hashes[hashindex.PDQ] = flip(p.Frames[0].Hashes[hashindex.PDQ], 30)
	query.Frames[0].Dihedral[hashindex.Upright] = query.Frames[0].Hashes[hashindex.PDQ]
	for _, limit := range []int{1, 10} {
		answer, err := f.Match(t.Context(), hashindex.Query{Picture: query, Radius: hashindex.PolicyRadius, Effort: hashindex.FullEffort, Limit: limit})
		if err != nil || len(answer.Matches) != 1 {
			t.Fatalf("%+v, %v", answer, err)
		}
		m := answer.Matches[0]
		if m.Reference.ID != added.ID || m.Evidence.Kind != hashindex.Near || m.Evidence.Distance != 30 || m.ReferenceCoverage != 1 {
			t.Errorf("reference %d, %s at %d, coverage %v", m.Reference.ID, m.Evidence.Kind, m.Evidence.Distance, m.ReferenceCoverage)
		}
		if m.Score != m.Evidence.Alignment.Score || m.Score < 0.99 || m.Evidence.Verify() != nil {
			t.Errorf("score %v, of the alignment %v", m.Score, m.Evidence.Alignment.Score)
		}
	}
}

func TestReferenceWithoutFeaturesIsFoundAsAWholeOnly(t *testing.T) {
	r := seeded(t)
	f := open(t)
	f.collection("brand", hashindex.Brand)
	p := scene(r)
	bare := p
	bare.Frames = slices.Clone(p.Frames)
	bare.Frames[0].Features = hashindex.Features{}
	f.add("brand", bare)
	if got := f.match(part(r, p, middle, all)); len(got.Matches) != 0 {
		t.Errorf("%v", ids(got.Matches))
	}
	if got := f.match(p); len(got.Matches) != 1 || got.Matches[0].Evidence.Kind != hashindex.Copy {
		t.Errorf("%v", ids(got.Matches))
	}
}

func TestTiersAreThoseThatFingerprintsAllow(t *testing.T) {
	r := seeded(t)
	f := open(t)
	f.collection("brand", hashindex.Brand)
	lone, poor, foreign := picture(r), scene(r), scene(r)
	lone.Frames[0].Hashes[hashindex.PDQ] = hashindex.Hash{}
	poor.Frames[0].Quality = 10
	foreign.Frames[0].Recipe = "another"
	added := f.add("brand", scene(r), picture(r), lone, poor, foreign)
	for i, want := range []string{"[copy near partial]", "[copy near]", "[near]", "[]", "[]"} {
		if got := fmt.Sprint(added[i].Tiers(recipe)); got != want {
			t.Errorf("reference %d: %s, want %s", i, got, want)
		}
	}
}

func TestFeaturesThatCannotBeStoredAreRefused(t *testing.T) {
	r := seeded(t)
	f := open(t)
	f.collection("brand", hashindex.Brand)
	p := scene(r)
	p.Frames[0].Features.Keypoints[0].X = 641 * 64
	_, _, err := f.AddReferences(t.Context(), "", "brand", []hashindex.NewReference{{Picture: p}})
	if !errors.Is(err, hashindex.ErrDamaged) {
		t.Errorf("got %v", err)
	}
}

// counting counts what a query costs, and may end its time.
type counting struct {
	hashindex.PartialSearcher
	proposed, aligned int
	after             func()
}

func (c *counting) Propose(ctx context.Context, query hashindex.Features, scope hashindex.Scope, limit int) ([]hashindex.Proposal, error) {
	c.proposed++
	return c.PartialSearcher.Propose(ctx, query, scope, limit)
}

func (c *counting) newAligner(query hashindex.Features) hashindex.Aligner {
	return countingAligner{newPlain(query), c}
}

type countingAligner struct {
	hashindex.Aligner
	*counting
}

func (c countingAligner) Align(reference hashindex.Features, mirrored bool) (hashindex.Alignment, bool) {
	c.aligned++
	if c.after != nil {
		c.after()
	}
	return c.Aligner.Align(reference, mirrored)
}

func TestPartialQueryIsBounded(t *testing.T) {
	r := seeded(t)
	c := &counting{PartialSearcher: searchtest.NewExhaustive()}
	f := openWith(t, func() hashindex.PartialSearcher { return c }, c.newAligner)
	f.collection("brand", hashindex.Brand)
	var scenes []hashindex.Picture
	for range 50 {
		scenes = append(scenes, scene(r))
	}
	f.add("brand", scenes...)
	film := part(r, scenes[0], middle, all)
	for i := range 63 {
		film.Frames = append(film.Frames, part(r, scenes[i%50], middle, all).Frames...)
	}
	answer := f.match(film)
	if c.proposed != 8 || c.aligned > 8*20 || len(answer.Matches) < 8 {
		t.Errorf("%d frames asked, %d alignments, %d matches", c.proposed, c.aligned, len(answer.Matches))
	}
	stats, err := f.Stats()
	if p := stats.Partial; err != nil || p.Took.Count != 1 || p.Proposals != 160 || int(p.Aligned) != c.aligned || int(p.Matched) != len(answer.Matches) {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestPartialQueryEndsWithItsTime(t *testing.T) {
	r := seeded(t)
	ctx, stop := context.WithCancel(t.Context())
	c := &counting{PartialSearcher: searchtest.NewExhaustive(), after: stop}
	f := openWith(t, func() hashindex.PartialSearcher { return c }, c.newAligner)
	f.collection("brand", hashindex.Brand)
	f.add("brand", scene(r), scene(r), scene(r))
	_, err := f.Match(ctx, hashindex.Query{Picture: scene(r), Radius: hashindex.PolicyRadius, Effort: hashindex.FullEffort})
	if !errors.Is(err, context.Canceled) || c.aligned != 1 {
		t.Errorf("after %d alignments: %v", c.aligned, err)
	}
}

func TestAddedReferenceIsToldOfWholesOnly(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	f := open(t)
	f.collection("brand", hashindex.Brand)
	p := scene(r)
	f.add("brand", p)
	crop := part(r, p, middle, all)
	result, err := f.Resembling(t.Context(), f.add("brand", crop)[0], crop, nil)
	if err != nil || len(result.NearDuplicates) != 0 {
		t.Errorf("%+v, %v", result, err)
	}
}
