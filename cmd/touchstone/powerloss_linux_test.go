package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"touchstone/api"
	"touchstone/fixtures"
	"touchstone/fixtures/faultfs"
	"touchstone/hashindex"
	"touchstone/hashindex/fingerprint"
)

const (
	powerFolder = "TOUCHSTONE_POWER_FOLDER" // set in the child that writes to the disk
	powerSeed   = "TOUCHSTONE_POWER_SEED"
	powerOps    = "TOUCHSTONE_POWER_OPERATIONS"
)

// TestAcknowledgedWriteSurvivesAPowerLoss has a child write to a disk that loses at a power cut what was not
// synced, and cuts the power before every sync: each time the store must open, be whole, and hold all that the
// child had acknowledged, casework's history and state of one piece. TOUCHSTONE_POWER_LOSSES is how many workloads of 500
// operations, with lists of thousands that make what is derived be saved too; unset, one of 40 and without.
func TestAcknowledgedWriteSurvivesAPowerLoss(t *testing.T) {
	if folder := os.Getenv(powerFolder); folder != "" {
		writeToDisk(t, folder)
		return
	}
	workloads, operations := 1, 40
	if text := os.Getenv("TOUCHSTONE_POWER_LOSSES"); text != "" {
		var err error
		if workloads, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
		operations = 500
	}
	first := uint64(time.Now().UnixNano())
	for n := range workloads {
		seed := first + uint64(n)
		begun := time.Now()
		cuts, lost := cutThePower(t, seed, operations, faultfs.Options{})
		t.Logf("seed %d: the power was cut %d times, %d lost something, %.0f ms a cut", seed, cuts, len(lost), float64(time.Since(begun).Milliseconds())/float64(max(1, cuts)))
		for _, err := range lost {
			t.Errorf("seed %d: %v", seed, err)
		}
		if cuts < operations {
			t.Errorf("seed %d: %d cuts in %d operations", seed, cuts, operations)
		}
		if t.Failed() {
			return
		}
	}
}

// The proof can fail: on a disk that only says that it synced, acknowledged writes are lost.
func TestPowerLossOnADiskThatLiesIsNoticed(t *testing.T) {
	if _, lost := cutThePower(t, 1, 20, faultfs.Options{Lies: true}); len(lost) == 0 {
		t.Error("nothing was lost")
	}
}

// cutThePower runs one workload and returns what each cut lost.
func cutThePower(t *testing.T, seed uint64, operations int, options faultfs.Options) (cuts int, lost []error) {
	t.Helper()
	random := rand.New(rand.NewPCG(seed, 1))
	images := make(chan faultfs.Image)
	options.BeforeSync = func(d *faultfs.Disk) { images <- d.Cut(random) }
	folder := t.TempDir()
	disk, err := faultfs.Mount(folder, options)
	if err != nil {
		t.Skipf("no file system can be mounted here: %v", err)
	}
	var judges sync.WaitGroup
	var mu sync.Mutex // guards cuts and lost
	for range 2 {
		judges.Go(func() {
			for image := range images {
				err := afterPowerLoss(image)
				mu.Lock()
				cuts++
				if err != nil {
					lost = append(lost, fmt.Errorf("cut %d: %w", cuts, err))
				}
				mu.Unlock()
			}
		})
	}
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestAcknowledgedWriteSurvivesAPowerLoss$")
	child.Env = append(os.Environ(), powerFolder+"="+folder, powerSeed+"="+strconv.FormatUint(seed, 10), powerOps+"="+strconv.Itoa(operations))
	out, failed := child.CombinedOutput()
	if err := disk.Unmount(); err != nil {
		t.Error(err)
	}
	close(images)
	judges.Wait()
	if failed != nil {
		t.Errorf("seed %d: the child: %v\n%s", seed, failed, out)
	}
	return cuts, lost
}

// afterPowerLoss opens what the disk has and compares it with what was acknowledged.
func afterPowerLoss(image faultfs.Image) (err error) {
	folder, err := os.MkdirTemp("", "powerloss-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	if err := image.WriteTo(folder); err != nil {
		return err
	}
	acknowledged := linesOf(image.Said)
	data := filepath.Join(folder, "data")
	if _, err := os.Stat(data); errors.Is(err, os.ErrNotExist) && len(acknowledged) == 0 {
		return nil // the power went before there was a folder
	}
	h, err := openHouse(context.Background(), data, writing)
	if err != nil {
		return fmt.Errorf("it does not open: %w", err)
	}
	defer func() { err = errors.Join(err, h.close()) }()
	report, err := h.index.Check(context.Background())
	if err == nil {
		err = h.desk.Check(context.Background(), func(f hashindex.Finding) { report.Findings = append(report.Findings, f) })
	}
	if err != nil {
		return err
	}
	if len(report.Findings) > 0 {
		return fmt.Errorf("check finds: %v", report.Findings)
	}
	if len(acknowledged) == 0 {
		return nil
	}
	// Check has followed the chain of digests, so that the last stands for all before it.
	last := acknowledged[len(acknowledged)-1]
	var seq hashindex.Seq
	if _, err := fmt.Sscan(last, &seq); err != nil {
		return err
	}
	changes, err := h.index.Changes(context.Background(), seq-1, 1)
	if err == nil && (len(changes) == 0 || lineOf(changes[0]) != last) {
		err = fmt.Errorf("change %s was acknowledged and is gone", last)
	}
	return err
}

// lineOf is what is told the world of a change.
func lineOf(c hashindex.Change) string { return fmt.Sprintf("%d %v", c.Seq, c.Digest) }

// linesOf are the whole lines: the last may have been under way.
func linesOf(said []byte) (lines []string) {
	for line := range bytes.Lines(said) {
		if whole, ok := bytes.CutSuffix(line, []byte("\n")); ok {
			lines = append(lines, string(whole))
		}
	}
	return lines
}

// worker is the child's store and what it has written so far.
type worker struct {
	*house
	random     *rand.Rand
	maker      *fingerprint.Maker
	references []hashindex.ReferenceID
	cases      powerCases
	named      int
	lists      []int // operations that add thousands of references at once
}

// writeToDisk is the child: operations of every kind, and the store closed and opened again in between, so
// that what is derived is saved as well.
func writeToDisk(t *testing.T, folder string) {
	seed, _ := strconv.ParseUint(os.Getenv(powerSeed), 10, 64)
	operations, _ := strconv.Atoi(os.Getenv(powerOps))
	said, err := os.Create(filepath.Join(folder, faultfs.Said))
	if err != nil {
		t.Fatal(err)
	}
	out := bufio.NewWriter(said)
	w := &worker{random: rand.New(rand.NewPCG(seed, 2)), maker: fingerprint.New(fingerprint.Limits{})}
	if operations >= 500 { // late, for a cut costs the more the longer the history is
		w.lists = []int{operations * 3 / 4, operations * 7 / 8}
	}
	for done := range operations {
		if w.house == nil || w.random.IntN(60) == 0 || slices.Contains(w.lists, done-5) {
			w.reopen(t, filepath.Join(folder, "data"))
		}
		seq, err := w.operate(t.Context(), done)
		if err != nil {
			t.Fatalf("operation %d: %v", done, err)
		}
		if err := acknowledge(w.house, seq, out); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.close(), said.Close()); err != nil {
		t.Fatal(err)
	}
}

func (w *worker) reopen(t *testing.T, data string) {
	if w.house != nil {
		if err := w.close(); err != nil {
			t.Fatal(err)
		}
	}
	var err error
	if w.house, err = open(data, writing, plan{searcher: "linear", config: api.Config{Access: api.Trusted}}, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	if err := w.index.WaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// acknowledge tells the world of the change, and so of all before it: their digests are chained.
func acknowledge(h *house, seq hashindex.Seq, out *bufio.Writer) error {
	changes, err := h.index.Changes(context.Background(), seq-1, 1)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, lineOf(changes[0]))
	return out.Flush()
}

func (w *worker) operate(ctx context.Context, n int) (hashindex.Seq, error) {
	if n == 0 {
		_, seq, err := w.index.CreateCollection(ctx, "", hashindex.Collection{Name: "bags", Purpose: hashindex.Brand, Policy: hashindex.DefaultPolicy()})
		return seq, err
	}
	switch kind := w.random.IntN(20); {
	case slices.Contains(w.lists, n): // enough for the tree to be kept when the store is closed
		return w.add(ctx, w.bare(4200))
	case kind < 6 || len(w.references) == 0:
		return w.add(ctx, w.bare(1+w.random.IntN(20)))
	case kind < 8:
		return w.addPicture(ctx)
	case kind < 10:
		note := fmt.Sprint("note ", n)
		_, seq, err := w.index.ChangeReference(ctx, "", w.any(), hashindex.ReferencePatch{Note: &note})
		return seq, err
	case kind < 12:
		at := w.random.IntN(len(w.references))
		seq, err := w.index.RemoveReference(ctx, "", w.references[at])
		w.references = append(w.references[:at], w.references[at+1:]...)
		return seq, err
	case kind < 18:
		return w.cases.operate(ctx, w)
	default:
		return w.index.Transact(ctx, "", func(tx hashindex.Writer) error {
			if err := tx.PutRow("proof", strconv.Itoa(n%7), bytes.Repeat([]byte{byte(n)}, n)); err != nil {
				return err
			}
			_, err := tx.Append(hashindex.Change{Kind: hashindex.Noted, Note: hashindex.Note{Topic: "proof", Subject: strconv.Itoa(n), Body: []byte("{}")}})
			return err
		})
	}
}

func (w *worker) any() hashindex.ReferenceID { return w.references[w.random.IntN(len(w.references))] }

func (w *worker) name() string { w.named++; return strconv.Itoa(w.named) }

func (w *worker) add(ctx context.Context, news []hashindex.NewReference) (hashindex.Seq, error) {
	added, seq, err := w.index.AddReferences(ctx, "", "bags", news)
	for _, reference := range added {
		w.references = append(w.references, reference.ID)
	}
	return seq, err
}

// bare are references of random hashes alone.
func (w *worker) bare(n int) []hashindex.NewReference {
	news := make([]hashindex.NewReference, n)
	for i := range news {
		frame := hashindex.Frame{Fingerprint: hashindex.Fingerprint{Recipe: fingerprint.Recipe, Quality: hashindex.QualityUnknown}}
		frame.Hashes[hashindex.PDQ] = hashindex.Hash256([4]uint64{w.random.Uint64(), w.random.Uint64(), w.random.Uint64(), w.random.Uint64()})
		news[i] = hashindex.NewReference{ExternalID: w.name(), Picture: hashindex.Picture{Frames: []hashindex.Frame{frame}}}
	}
	return news
}

// addPicture adds one with its features, and keeps its bytes.
func (w *worker) addPicture(ctx context.Context) (hashindex.Seq, error) {
	encoded := fixtures.EncodeJPEG(fixtures.Product(w.random.IntN(1000)), 60+w.random.IntN(40))
	picture, err := w.maker.Detailed(ctx, encoded)
	if err != nil {
		return 0, err
	}
	return w.add(ctx, []hashindex.NewReference{{ExternalID: w.name(), Picture: picture, Encoded: encoded}})
}
