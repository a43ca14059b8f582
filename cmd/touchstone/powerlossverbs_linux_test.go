package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"touchstone/fixtures"
	"touchstone/fixtures/faultfs"
	"touchstone/hashindex"
	"touchstone/hashindex/fingerprint"
)

// TestRestoreAndCompactSurviveAPowerLoss cuts the power before every sync of a restore and of a compaction, and once
// they have said that they are done. A folder that is restored is there whole or not at all, and then for good; one that
// is compacted is whole all the time.
func TestRestoreAndCompactSurviveAPowerLoss(t *testing.T) {
	backup, changes := smallBackup(t)
	folder := t.TempDir()
	var images []faultfs.Image // added to only while the disk is held, by a verb that this test waits for
	random := rand.New(rand.NewPCG(1, 3))
	disk, err := faultfs.Mount(folder, faultfs.Options{BeforeSync: func(d *faultfs.Disk) {
		for range 4 {
			images = append(images, d.Cut(random))
		}
	}})
	if err != nil {
		t.Skipf("no file system can be mounted here: %v", err)
	}
	defer disk.Unmount()
	for _, verb := range [][]string{{"restore", backup}, {"compact"}} {
		images = nil
		child := exec.CommandContext(t.Context(), os.Args[0], append(verb, "--data", filepath.Join(folder, "data"))...)
		child.Env = append(os.Environ(), "TOUCHSTONE_RUN_AS_COMMAND=1")
		if out, err := child.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", verb, err, out)
		}
		under := len(images)
		images = append(images, disk.CutNow(random), disk.CutNow(random))
		if under < 8 {
			t.Errorf("%v: the power was cut %d times", verb, under)
		}
		for n, image := range images {
			if verb[0] == "compact" || n >= under || slices.Contains(image.Folders, "data") {
				image.Said = changes
			}
			if err := afterPowerLoss(image); err != nil {
				t.Errorf("%v, cut %d of %d: %v", verb, n, len(images), err)
			}
		}
	}
}

// smallBackup is a backup of a store with some of everything, and its changes as they are acknowledged.
func smallBackup(t *testing.T) (path string, changes []byte) {
	t.Helper()
	data := filepath.Join(t.TempDir(), "data")
	h, err := openHouse(t.Context(), data, writing)
	if err != nil {
		t.Fatal(err)
	}
	w := &worker{house: h, random: rand.New(rand.NewPCG(1, 4)), maker: fingerprint.New(fingerprint.Limits{})}
	for n := range 12 {
		if _, err := w.operate(t.Context(), n); err != nil {
			t.Fatal(err)
		}
	}
	encoded := fixtures.EncodeJPEG(fixtures.Logo(1), 80)
	picture, err := w.maker.Stored(t.Context(), encoded)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.add(t.Context(), []hashindex.NewReference{{Picture: picture, Encoded: encoded}}); err != nil {
		t.Fatal(err)
	}
	all, err := h.index.Changes(context.Background(), 0, 10_000)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range all {
		changes = fmt.Appendf(changes, "%d %v\n", c.Seq, c.Digest)
	}
	if err := h.close(); err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(t.TempDir(), "store.backup")
	touchstone(t, exitOK, "backup", path, "--data", data)
	return path, changes
}
