package hashindex_test

import (
	"errors"
	"reflect"
	"testing"

	"touchstone/hashindex"
)

// TestCollectionsOutsideWithinHaveNoPart compares each answer with that of an index that never had them.
func TestCollectionsOutsideWithinHaveNoPart(t *testing.T) {
	r := seeded(t)
	p, q := picture(r), picture(r)
	alone, both := open(t), open(t)
	for _, f := range []*fixture{alone, both} {
		f.collection("mine", hashindex.Brand)
		f.collection("theirs", hashindex.Brand)
		f.collection("harmless", hashindex.Benign)
		f.add("mine", altered(p, 3), q)
	}
	both.add("theirs", p, altered(q, 2))
	both.add("harmless", p)
	within := hashindex.Within{"mine", "not there yet"}
	for n, asked := range []hashindex.Picture{p, q} {
		query := hashindex.Query{Picture: asked, Within: within, Radius: hashindex.PolicyRadius, Effort: hashindex.FullEffort}
		got, err := both.Match(t.Context(), query)
		if err != nil {
			t.Fatal(err)
		}
		if want := alone.match(asked, "mine"); len(want.Matches) != 1 || !reflect.DeepEqual(ids(got.Matches), ids(want.Matches)) || len(got.Benign) > 0 {
			t.Errorf("query %d: %v and %d benign, want %v", n, ids(got.Matches), len(got.Benign), ids(want.Matches))
		}
		query.Within = hashindex.Within{}
		if got, err := both.Match(t.Context(), query); err != nil || len(got.Matches) > 0 || len(got.Benign) > 0 {
			t.Errorf("query %d within nothing: %+v, %v", n, got, err)
		}
		hashes := hashindex.HashQuery{Algorithm: hashindex.PDQ, Hashes: []hashindex.Hash{asked.Frames[0].Hashes[hashindex.PDQ]}, Radius: 10, Within: within}
		if got, err := both.MatchHashes(t.Context(), hashes); err != nil || len(got.Results[0]) != 1 || got.Results[0][0].Collection != "mine" {
			t.Errorf("hash %d: %+v, %v", n, got, err)
		}
	}
	for name, err := range map[string]error{
		"Match": func() error {
			_, err := both.Match(t.Context(), hashindex.Query{Picture: p, Collections: []string{"theirs"}, Within: within, Radius: hashindex.PolicyRadius, Effort: hashindex.FullEffort})
			return err
		}(),
		"MatchHashes": func() error {
			_, err := both.MatchHashes(t.Context(), hashindex.HashQuery{Algorithm: hashindex.PDQ, Collections: []string{"theirs"}, Within: within})
			return err
		}(),
		"SearchesParts": func() error {
			_, err := both.SearchesParts([]string{"theirs"}, within)
			return err
		}(),
	} {
		if !errors.Is(err, hashindex.ErrNotFound) {
			t.Errorf("%s in a collection outside: %v", name, err)
		}
	}
	added := both.add("mine", altered(p, 1))[0]
	if got, err := both.Resembling(t.Context(), added, p, within); err != nil || len(got.NearDuplicates) != 1 || len(got.Conflicts) != 0 {
		t.Errorf("%d duplicates, %d conflicts, %v", len(got.NearDuplicates), len(got.Conflicts), err)
	}
}
