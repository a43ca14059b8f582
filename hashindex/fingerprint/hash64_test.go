package fingerprint

import (
	"bytes"
	"image/jpeg"
	"os"
	"path/filepath"
	"testing"

	"github.com/corona10/goimagehash"

	"touchstone/hashindex"
)

// TestSmallPictureKeepsThe64BitHashes compares with goimagehash over the whole picture, which is
// what hash lists made elsewhere hold.
func TestSmallPictureKeepsThe64BitHashes(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(dataDir(t), "products", "*", "*.jpg"))
	if err != nil {
		t.Fatal(err)
	}
	m := New(Limits{})
	var distances [hashindex.AlgorithmCount][]int
	for i := 0; i < len(files); i += 10 {
		encoded, err := os.ReadFile(files[i])
		if err != nil {
			t.Fatal(err)
		}
		img, err := jpeg.Decode(bytes.NewReader(encoded))
		if err != nil {
			t.Fatal(err)
		}
		want := hashindex.Hashes{
			hashindex.PHash: hash64(goimagehash.PerceptionHash(img)),
			hashindex.DHash: hash64(goimagehash.DifferenceHash(img)),
			hashindex.AHash: hash64(goimagehash.AverageHash(img)),
		}
		got := fingerprintOf(t, m, files[i])
		for _, a := range hashindex.Algorithms()[1:] {
			distances[a] = append(distances[a], got.Hashes[a].Distance(want[a]))
		}
	}
	for _, a := range hashindex.Algorithms()[1:] {
		got := spreadOf(distances[a])
		t.Logf("%s: %v", a, got)
		if got.within4 < 0.95 {
			t.Errorf("%s: %v, want 95 %% within 4", a, got)
		}
	}
}
