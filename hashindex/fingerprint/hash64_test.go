package fingerprint

import (
	"bytes"
	"image/jpeg"
	"os"
	"path/filepath"
	"testing"

	"touchstone/hashindex"
)

// realPictures are the product photos that are JPEGs.
func realPictures(tb testing.TB) []string {
	files, err := filepath.Glob(filepath.Join(dataDir(tb), "products", "*", "*.jpg"))
	if err != nil {
		tb.Fatal(err)
	}
	return files
}

func mustRead(tb testing.TB, path string) []byte {
	tb.Helper()
	encoded, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	return encoded
}

// TestSmallPictureKeepsThe64BitHashes compares with goimagehash over the whole picture, which is
// what hash lists made elsewhere hold.
func TestSmallPictureKeepsThe64BitHashes(t *testing.T) {
	files := realPictures(t)
	m := New(Limits{})
	var distances [hashindex.AlgorithmCount][]int
	for i := 0; i < len(files); i += 10 {
		img, err := jpeg.Decode(bytes.NewReader(mustRead(t, files[i])))
		if err != nil {
			t.Fatal(err)
		}
		want := hashes64(img)
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
