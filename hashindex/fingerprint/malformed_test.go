package fingerprint

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"touchstone/hashindex"
)

// TestHostileFilesAreDecodedOrRefused goes through every odd file there is. Whatever the file, the
// answer is a picture, or a refusal that names its reason, and it comes soon.
func TestHostileFilesAreDecodedOrRefused(t *testing.T) {
	root := filepath.Join(dataDir(t), "malformed")
	m := contained(Limits{})
	counts := map[string]int{}
	var slowest time.Duration
	var slowestPath string
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		encoded, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		start := time.Now()
		picture, err := m.Picture(context.Background(), encoded)
		if took := time.Since(start); took > slowest {
			slowest, slowestPath = took, path
		}
		counts[outcome(picture, err)]++
		if err != nil && refusalOf(err) == refusalOf(errors.New("")) {
			t.Errorf("%s: %v is no refusal", path, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range slices.Sorted(maps.Keys(counts)) {
		t.Logf("%4d %s", counts[key], key)
	}
	t.Logf("slowest: %v, %s", slowest, slowestPath)
}

func outcome(picture hashindex.Picture, err error) string {
	if err != nil {
		return "refused: " + refusalOf(err)
	}
	return fmt.Sprintf("accepted: %s", picture.Format)
}

// TestPngSuite holds the decoder to Willem van Schaik's suite: names beginning with x are damaged.
func TestPngSuite(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(dataDir(t), "malformed", "pngsuite", "*.png"))
	if err != nil || len(files) == 0 {
		t.Skipf("no PngSuite: %v", err)
	}
	for _, path := range files {
		encoded, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		_, err = contained(Limits{}).Picture(context.Background(), encoded)
		if damaged := strings.HasPrefix(filepath.Base(path), "x"); damaged != (err != nil) {
			t.Errorf("%s: %v", path, err)
		}
	}
}
