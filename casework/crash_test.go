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

// TestAcknowledgedStepSurvivesAKill has a child leave sightings, record and decide hits and move notices in one folder and
// kills it at a random step, again and again: each is as it was acknowledged or further, and the invariants hold, history
// and state of one piece among them. TOUCHSTONE_CRASHES sets how often, 5 when unset.
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
	acknowledged := map[string]int{}
	for cycle := range cycles {
		said := workAndKill(t, folder, 20+r.IntN(40)) // after 20 there is something of each kind
		store, err := bolt.Open(folder, bolt.Options{})
		if err != nil {
			t.Fatal(err)
		}
		o := openOn(t, store)
		for what, steps := range said {
			acknowledged[what.kind]++
			if got := o.steps(what); got < steps {
				t.Errorf("seed %d, cycle %d: %v has %d steps, %d were acknowledged", seed, cycle, what, got, steps)
			}
		}
		o.close()
		o.closed = true
		if err := store.Close(); err != nil || t.Failed() {
			t.Fatalf("seed %d, cycle %d: %v", seed, cycle, err)
		}
	}
	t.Logf("%d kills, acknowledged: %v", cycles, acknowledged)
	for _, kind := range []string{"hit", "notice", "seen"} {
		if acknowledged[kind] == 0 {
			t.Errorf("nothing was acknowledged of kind %q", kind)
		}
	}
}

// known is what the child speaks of.
type known struct {
	kind string // hit, notice, or seen: the sightings, of which each is a step
	id   int
}

// steps are how many there are of what is known.
func (o *office) steps(k known) int {
	o.t.Helper()
	switch k.kind {
	case "hit":
		return len(o.hit(casework.HitID(k.id)).Trail)
	case "notice":
		n, err := o.Notice(o.t.Context(), casework.Everything, casework.NoticeID(k.id))
		o.must(err)
		return len(n.Trail)
	default:
		return o.seen()
	}
}

// seen is how many sightings there are of the child's picture.
func (o *office) seen() int {
	o.t.Helper()
	shoes, err := o.index.Collection("shoes")
	o.must(err)
	n, _, err := o.WouldFind(o.t.Context(), shoes.Collection, hashed(hashOf(1)))
	o.must(err)
	return n
}

// workAndKill runs the child until it has said so many things: of each, how many steps it has.
func workAndKill(t *testing.T, folder string, words int) map[known]int {
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
	said := map[known]int{}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		var what known
		var steps int
		if n, _ := fmt.Sscanf(lines.Text(), "ack %s %d %d.", &what.kind, &what.id, &steps); n != 3 {
			continue
		}
		said[what] = max(said[what], steps)
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
		o.right("shoes")
	}
	for n := int(o.index.Seq()); ; n++ { // the history grows faster than n, so that no listing comes twice
		hit := o.post(listing(n, fmt.Sprint("seller-", n%3)), hashOf(1))[0].Hit
		fmt.Printf("ack hit %d 0.\n", hit)
		h := o.decide(hit, casework.Claim, "")
		fmt.Printf("ack hit %d %d.\n", hit, len(h.Trail))
		h = o.decide(hit, []casework.Action{casework.Confirm, casework.Reject}[n%2], []string{"stolen_image", "fair_use"}[n%2])
		fmt.Printf("ack hit %d %d.\n", hit, len(h.Trail))
		if n%2 == 0 {
			notice := o.notice(true, hit)
			fmt.Printf("ack notice %d %d.\n", notice.ID, len(notice.Trail))
			notice = o.step(notice.ID, orderOf([]casework.NoticeAction{casework.AcceptNotice, casework.RefuseNotice}[n/2%2]))
			fmt.Printf("ack notice %d %d.\n", notice.ID, len(notice.Trail))
		}
		if n%3 == 0 {
			seen := o.seen()
			o.must(o.Flush(t.Context()))
			fmt.Printf("ack seen 0 %d.\n", seen)
		}
	}
}
