package quality_test

import (
	"context"
	"fmt"
	"image"
	"slices"
	"strings"
	"sync"
	"testing"

	"touchstone/bench/quality"
	"touchstone/fixtures"
	"touchstone/hashindex"
	"touchstone/hashindex/fingerprint"
	"touchstone/hashindex/search/linear"
	"touchstone/hashindex/store/memory"
)

func run(t *testing.T, sources []quality.Source, same quality.Groups) quality.Report {
	t.Helper()
	index, err := hashindex.Open(hashindex.Config{Store: memory.New(), Recipe: fingerprint.Recipe,
		NewSearcher: func(a hashindex.Algorithm) hashindex.Searcher { return linear.New(a.Bits()) }})
	if err != nil {
		t.Fatal(err)
	}
	defer index.Close()
	if err := index.WaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	maker := fingerprint.New(fingerprint.Limits{})
	report, err := quality.Run(t.Context(), sources, quality.Config{
		Index: index, Fingerprint: maker.Picture, Same: same, Sample: 4, Seed: 7, Workers: 2,
		Only:   []string{"mirror", "crop5", "collage4"},
		Decode: func(ctx context.Context, encoded []byte) (image.Image, error) { return maker.Still(ctx, encoded) },
	})
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// products are generated once for all tests.
var products = sync.OnceValue(func() (list []quality.Source) {
	for i := range 12 {
		list = append(list, quality.Source{Name: fmt.Sprintf("set/%d.jpg", i), Encoded: fixtures.EncodeJPEG(fixtures.Product(i), 85)})
	}
	return list
})

func sources(n int) []quality.Source { return slices.Clone(products()[:n]) }

func counts(t *testing.T, r quality.Report, attack, method string) quality.Counts {
	t.Helper()
	for _, row := range r.Rows {
		for _, c := range row.Methods {
			if row.Attack == attack && strings.HasPrefix(c.Method, method) {
				return c
			}
		}
	}
	t.Fatalf("no row %s %s", attack, method)
	return quality.Counts{}
}

func TestMirroredCopiesAreFoundByTheTiersAlone(t *testing.T) {
	report := run(t, sources(12), quality.Groups{})
	if c := counts(t, report, "mirror", "touchstone"); c.Copies == 0 || c.Found != c.Copies || c.First != c.Found {
		t.Errorf("touchstone: %+v", c)
	}
	if c := counts(t, report, "mirror", "PDQ"); c.Found != 0 {
		t.Errorf("upright PDQ: %+v", c)
	}
}

func TestUnusablePicturesAreCountedNotMeasured(t *testing.T) {
	set := append(sources(8), quality.Source{Name: "notes.txt", Encoded: []byte("no picture")})
	report := run(t, set, quality.Groups{})
	if report.Unusable != 1 || report.References+report.Strangers != 8 {
		t.Errorf("%d unusable, %d references, %d strangers", report.Unusable, report.References, report.Strangers)
	}
}

func TestStrangerThatIsRegisteredUnderAnotherNameIsAFalseAnswerUnlessDeclared(t *testing.T) {
	set := sources(12)
	twins := sources(12)
	var pairs strings.Builder
	for i := range twins {
		twins[i].Name = fmt.Sprintf("set/%d-twin.jpg", i)
		fmt.Fprintf(&pairs, "set/%d.jpg\tset/%d-twin.jpg\t0\n", i, i)
	}
	undeclared := counts(t, run(t, append(set, twins...), quality.Groups{}), "untouched", "touchstone")
	same, err := quality.Groups{}.Read(strings.NewReader(pairs.String()))
	if err != nil {
		t.Fatal(err)
	}
	declared := counts(t, run(t, append(set, twins...), same), "untouched", "touchstone")
	if undeclared.False == 0 || declared.False != 0 || declared.Found != declared.Copies {
		t.Errorf("undeclared %+v, declared %+v", undeclared, declared)
	}
}
