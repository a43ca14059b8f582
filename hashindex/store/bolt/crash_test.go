package bolt_test

import (
	"bufio"
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"touchstone/hashindex"
	"touchstone/hashindex/store/bolt"
	"touchstone/hashindex/store/storetest"
)

const crashFolder = "TOUCHSTONE_CRASH_FOLDER" // set in the child that is to be killed

// TestAcknowledgedChangeSurvivesAKill has a child write into one store and kills it at a random
// moment, again and again. TOUCHSTONE_CRASHES sets how often, 20 when unset.
func TestAcknowledgedChangeSurvivesAKill(t *testing.T) {
	if folder := os.Getenv(crashFolder); folder != "" {
		writeForEver(t, folder)
	}
	cycles := 20
	if text := os.Getenv("TOUCHSTONE_CRASHES"); text != "" {
		var err error
		if cycles, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 0))
	folder := t.TempDir()
	total := 0
	for cycle := range cycles {
		acknowledged := writeAndKill(t, folder, time.Duration(1+random.IntN(120))*time.Millisecond)
		total += len(acknowledged)
		if survived(t, folder, acknowledged); t.Failed() {
			t.Fatalf("seed %d, cycle %d", seed, cycle)
		}
	}
	if total == 0 {
		t.Error("no change was ever acknowledged")
	}
	t.Logf("%d updates acknowledged in %d cycles", total, cycles)
}

// acknowledgement is what the child says after an Update.
type acknowledgement struct {
	seq    hashindex.Seq
	digest string
}

// writeAndKill runs the child until a while after its first word.
func writeAndKill(t *testing.T, folder string, life time.Duration) (all []acknowledgement) {
	t.Helper()
	child := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	child.Env = append(os.Environ(), crashFolder+"="+folder)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if len(all) == 0 {
			time.AfterFunc(life, func() { child.Process.Kill() })
		}
		var a acknowledgement
		if n, _ := fmt.Sscanf(lines.Text(), "ack %d %64s.", &a.seq, &a.digest); n == 2 && len(a.digest) == 64 {
			all = append(all, a)
		}
	}
	if child.Wait(); child.ProcessState.Exited() {
		t.Fatalf("the child ended by itself: %v", child.ProcessState)
	}
	return all
}

func survived(t *testing.T, folder string, acknowledged []acknowledgement) {
	t.Helper()
	s := openBolt(t, folder)
	defer s.Close()
	storetest.Clean(t, s)
	digests := map[hashindex.Seq]string{}
	err := s.View(func(r hashindex.Reader) error {
		for c, err := range r.Changes(0) {
			if err != nil {
				return err
			}
			digests[c.Seq] = c.Digest.String()
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	for _, a := range acknowledged {
		if digests[a.seq] != a.digest {
			t.Errorf("change %d was acknowledged as %s and is %q", a.seq, a.digest, digests[a.seq])
		}
	}
	if _, _, err := s.LoadSnapshot("state"); err != nil && len(acknowledged) > 10 {
		t.Errorf("snapshot: %v", err)
	}
	err = s.ViewRuns("run", func(runs []hashindex.Run) error { return checkRuns(runs) })
	if err != nil {
		t.Error(err)
	}
}

// checkRuns compares each page with what the child put there.
func checkRuns(runs []hashindex.Run) error {
	for _, run := range runs {
		n := 0
		for want := range somePages(run.After ^ run.UpTo) {
			got, err := run.Page(n)
			if err != nil || !bytes.Equal(got, want) {
				return fmt.Errorf("page %d of the run after %d up to %d is not as it was saved: %w", n, run.After, run.UpTo, err)
			}
			n++
		}
		if n != run.Pages {
			return fmt.Errorf("run after %d: %d pages, want %d", run.After, run.Pages, n)
		}
	}
	return nil
}

// saveSomeRun saves what came after the last run or, now and then, in place of some of them.
func saveSomeRun(s *bolt.Store, round int, upTo hashindex.Seq) error {
	var after hashindex.Seq
	err := s.ViewRuns("run", func(runs []hashindex.Run) error {
		keep := len(runs) - round%3
		if keep > 0 {
			after = runs[keep-1].UpTo
		}
		return checkRuns(runs)
	})
	if err != nil {
		return err
	}
	return s.SaveRun("run", after, upTo, somePages(after^upTo))
}

// writeForEver is the child.
func writeForEver(t *testing.T, folder string) {
	s := openBolt(t, folder)
	c := collectionToWrite(t, s)
	for round := 0; ; round++ {
		picture := []byte(fmt.Sprint(time.Now(), round))
		if err := s.PutBlobs(t.Context(), [][]byte{picture}); err != nil {
			t.Fatal(err)
		}
		last := writeSome(t, s, c, round, hashindex.DigestOf(picture))
		fmt.Printf("ack %d %v.\n", last.Seq, last.Digest)
		if err := saveSomeRun(s, round, last.Seq); err != nil {
			t.Fatal(err)
		}
		if round%8 == 7 {
			if err := s.SaveSnapshot("state", last.Seq, make([]byte, round*1000)); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func collectionToWrite(t *testing.T, s *bolt.Store) hashindex.CollectionID {
	var c hashindex.Collection
	err := s.View(func(r hashindex.Reader) (err error) {
		c, err = r.CollectionNamed("bench")
		return err
	})
	if err != nil {
		return createCollection(t, s)
	}
	return c.ID
}

// writeSome adds, changes and removes, and returns the last change.
func writeSome(t *testing.T, s *bolt.Store, c hashindex.CollectionID, round int, content hashindex.Digest) (last hashindex.Change) {
	err := s.Update(func(w hashindex.Writer) error {
		head, _ := w.Head()
		for i := range 1 + round%30 {
			addition := storetest.Addition(c, fmt.Sprintf("%d-%d", head, i), uint64(i))
			if i == 0 {
				addition.Reference.Content = content
			}
			addition = storetest.Featured(addition, strings.Repeat(fmt.Sprint("corner ", head, i), 300))
			added, err := w.Append(addition)
			if err != nil {
				return err
			}
			kind := []hashindex.ChangeKind{hashindex.ReferenceChanged, hashindex.ReferenceRemoved}[i%2]
			if last, err = w.Append(storetest.Later(kind, added.Reference)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return last
}
