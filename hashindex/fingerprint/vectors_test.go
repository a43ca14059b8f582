package fingerprint

import (
	"bufio"
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"touchstone/hashindex"
	"touchstone/hashindex/fingerprint/pdq"
)

// dataDir is the folder of real pictures; the test is skipped where there is none.
func dataDir(tb testing.TB) string {
	dir := dataDirOrNone()
	if _, err := os.Stat(dir); err != nil {
		tb.Skipf("no real pictures: %v (set TOUCHSTONE_DATA)", err)
	}
	return dir
}

func dataDirOrNone() string {
	if dir := os.Getenv("TOUCHSTONE_DATA"); dir != "" {
		return dir
	}
	return filepath.Join("..", "..", "..", "shared", "data")
}

// vector is a line of the reference vectors: hashes in the order of vectorTransforms.
type vector struct {
	path    string
	quality int
	hashes  []hashindex.Hash
}

// The reference names its variants by what it does to the picture, counter-clockwise and with "x"
// for the axis mirrored along: rotate90, 180, 270, flip_x, flip_y, flip_plus1, flip_minus1.
var vectorTransforms = []hashindex.Transform{
	hashindex.Upright, hashindex.Turned90, hashindex.Turned180, hashindex.Turned270,
	hashindex.MirroredTurned180, hashindex.Mirrored,
	hashindex.MirroredTurned270, hashindex.MirroredTurned90,
}

func readVectors(tb testing.TB, dir string) (vectors []vector) {
	f, err := os.Open(filepath.Join(dir, "pdq", "vectors.tsv"))
	if err != nil {
		tb.Skipf("no reference vectors: %v", err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		fields := strings.Split(lines.Text(), "\t")
		if fields[0] == "path" {
			continue
		}
		v := vector{path: fields[0]}
		if v.quality, err = strconv.Atoi(fields[1]); err != nil {
			tb.Fatal(err)
		}
		for _, text := range fields[2:] {
			h, err := hashindex.ParseHashFor(hashindex.PDQ, text)
			if err != nil {
				tb.Fatal(err)
			}
			v.hashes = append(v.hashes, h)
		}
		vectors = append(vectors, v)
	}
	if err := lines.Err(); err != nil {
		tb.Fatal(err)
	}
	return vectors
}

func TestHashesEqualTheReferenceImplementation(t *testing.T) {
	dir := dataDir(t)
	m := New(Limits{})
	distances := make([][]int, hashindex.TransformCount)
	for _, v := range readVectors(t, dir) {
		fp := fingerprintOf(t, m, filepath.Join(dir, v.path))
		if d := fp.Quality - v.quality; max(d, -d) > 3 {
			t.Errorf("%s: quality %d, want %d", v.path, fp.Quality, v.quality)
		}
		for i, want := range v.hashes {
			d := fp.Dihedral[vectorTransforms[i]].Distance(want)
			distances[i] = append(distances[i], d)
		}
	}
	for i, ds := range distances {
		got := spreadOf(ds)
		t.Logf("transform %d: %v", vectorTransforms[i], got)
		if got.zero < 0.60 || got.within4 < 0.95 || got.most > 10 {
			t.Errorf("transform %d: %v, want 60 %% equal, 95 %% within 4, all within 10", vectorTransforms[i], got)
		}
	}
}

func TestDerivedVariantsOfTheReferenceVectors(t *testing.T) {
	var distances []int
	for _, v := range readVectors(t, dataDir(t)) {
		if v.quality < hashindex.PoorQuality {
			continue
		}
		derived := pdq.Derive(v.hashes[0])
		for i, want := range v.hashes[1:] {
			distances = append(distances, derived[vectorTransforms[i+1]].Distance(want))
		}
	}
	got := spreadOf(distances)
	t.Log(got)
	if got.p95 > 16 || got.most > 40 {
		t.Errorf("%v, want p95 within 16 and all within 40", got)
	}
}

func fingerprintOf(tb testing.TB, m *Maker, path string) hashindex.Fingerprint {
	tb.Helper()
	encoded, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	picture, err := m.Picture(context.Background(), encoded)
	if err != nil {
		tb.Fatalf("%s: %v", path, err)
	}
	return picture.Frames[0].Fingerprint
}

// spread sums up distances in bits.
type spread struct {
	n             int
	zero, within4 float64 // shares
	median, p95   int
	most          int
}

func spreadOf(distances []int) spread {
	slices.Sort(distances)
	n := len(distances)
	upTo := func(d int) float64 {
		i, _ := slices.BinarySearch(distances, d+1)
		return float64(i) / float64(n)
	}
	at := func(share float64) int { return distances[int(math.Ceil(share*float64(n)))-1] }
	return spread{n: n, zero: upTo(0), within4: upTo(4), median: at(0.5), p95: at(0.95), most: distances[n-1]}
}

func (s spread) String() string {
	return fmt.Sprintf("%d pictures: %.1f %% equal, %.1f %% within 4, median %d, p95 %d, at most %d",
		s.n, 100*s.zero, 100*s.within4, s.median, s.p95, s.most)
}
