package casework_test

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"testing"

	"touchstone/casework"
	"touchstone/hashindex"
	"touchstone/hashindex/store/bolt"
)

const crashFolder = "TOUCHSTONE_CASEWORK_FOLDER" // set in the child that is to be killed

// TestAcknowledgedStepSurvivesAKill has a child record and decide hits in one folder and kills it at a random
// step, again and again: the hit is as it was acknowledged or further, and the invariants hold.
// TOUCHSTONE_CRASHES sets how often, 5 when unset.
func TestAcknowledgedStepSurvivesAKill(t *testing.T) {
	if folder := os.Getenv(crashFolder); folder != "" {
		workForEver(t, folder)
	}
	cycles := 5
	if text := os.Getenv("TOUCHSTONE_CRASHES"); text != "" {
		var err error
		if cycles, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 0))
	folder := t.TempDir()
	for cycle := range cycles {
		said := workAndKill(t, folder, 1+r.IntN(40))
		store, err := bolt.Open(folder, bolt.Options{})
		if err != nil {
			t.Fatal(err)
		}
		o := openOn(t, store)
		for id, steps := range said {
			if h := o.hit(id); len(h.Trail) < steps {
				t.Errorf("seed %d, cycle %d: hit %d has %d steps, %d were acknowledged", seed, cycle, id, len(h.Trail), steps)
			}
		}
		o.close()
		o.closed = true
		if err := store.Close(); err != nil || t.Failed() {
			t.Fatalf("seed %d, cycle %d: %v", seed, cycle, err)
		}
	}
}

// workAndKill runs the child until it has said so many things: of each hit, how many steps it has.
func workAndKill(t *testing.T, folder string, words int) map[casework.HitID]int {
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
	said := map[casework.HitID]int{}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		var id casework.HitID
		var steps int
		if n, _ := fmt.Sscanf(lines.Text(), "ack %d %d.", &id, &steps); n != 2 {
			continue
		}
		said[id] = max(said[id], steps)
		if words--; words == 0 {
			child.Process.Kill()
		}
	}
	child.Wait() // killed, or it has failed and said so
	if words > 0 {
		t.Fatal("the child ended before its time")
	}
	return said
}

// workForEver is the child.
func workForEver(t *testing.T, folder string) {
	store, err := bolt.Open(folder, bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	o := openOn(t, store)
	if _, err := o.index.Collection("shoes"); err != nil {
		o.collection("shoes", hashindex.Brand)
		o.add("shoes", hashOf(1))
	}
	for n := len(o.list(casework.HitFilter{})); ; n++ {
		ruling := o.post(listing(n, fmt.Sprint("seller-", n%3)), hashOf(1))[0]
		fmt.Printf("ack %d 0.\n", ruling.Hit)
		h := o.decide(ruling.Hit, casework.Claim, "")
		fmt.Printf("ack %d %d.\n", h.ID, len(h.Trail))
		h = o.decide(ruling.Hit, []casework.Action{casework.Confirm, casework.Reject}[n%2], []string{"stolen_image", "fair_use"}[n%2])
		fmt.Printf("ack %d %d.\n", h.ID, len(h.Trail))
	}
}
