package fingerprint

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"touchstone/hashindex"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden is a fingerprint as the golden file holds it.
type golden struct {
	Picture string
	Quality int
	Hashes  map[string]string
	Turned  []string // PDQ, by transform
}

// TestRecipeIsUnchanged pins every bit of the recipe. If it fails, a decoder, the toolchain or our
// own code has changed what fingerprints are: stored ones would no longer be comparable, so it
// takes a new Recipe, never a silent -update.
func TestRecipeIsUnchanged(t *testing.T) {
	var got []golden
	for i, size := range [][2]int{{64, 64}, {200, 130}, {400, 533}, {1200, 900}, {701, 333}} {
		img := scenery(size[0], size[1], uint64(i))
		got = append(got,
			goldenOf(t, fmt.Sprintf("scenery %d as jpeg", i), encodeJPEG(t, img)),
			goldenOf(t, fmt.Sprintf("scenery %d as png", i), encodePNG(t, img)))
	}
	got = append(got,
		goldenOf(t, "scenery 1 turned by exif", exifJPEG(encodeJPEG(t, scenery(600, 450, 1)), 6)),
		goldenOf(t, "logo", encodePNG(t, logo(300))),
		goldenOf(t, "gif", encodeGIF(t, 3, 100)))
	compareGolden(t, filepath.Join("testdata", string(Recipe)+".json"), got)
}

func goldenOf(t *testing.T, name string, encoded []byte) golden {
	fp := mustPicture(t, encoded).Frames[0].Fingerprint
	g := golden{Picture: name, Quality: fp.Quality, Hashes: map[string]string{}}
	for _, a := range hashindex.Algorithms() {
		g.Hashes[a.String()] = fp.Hashes[a].String()
	}
	for _, h := range fp.Dihedral {
		g.Turned = append(g.Turned, h.String())
	}
	return g
}

func compareGolden(t *testing.T, path string, got []golden) {
	t.Helper()
	text, err := json.MarshalIndent(got, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	text = append(text, '\n')
	if *update {
		if err := os.WriteFile(path, text, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	stored, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var want []golden
	if err := json.Unmarshal(stored, &want); err != nil {
		t.Fatal(err)
	}
	for i := range want {
		if i >= len(got) || fmt.Sprint(got[i]) != fmt.Sprint(want[i]) {
			t.Errorf("got  %+v\nwant %+v", got[i], want[i])
		}
	}
}
