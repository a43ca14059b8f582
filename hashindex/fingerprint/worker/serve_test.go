package worker

import (
	"bytes"
	"os"
	"os/exec"
	"testing"
)

// TestChildGivesUpWhatNobodyWaitsFor: a child whose pool was killed right after it had asked for something that takes
// seconds ends without having done it.
func TestChildGivesUpWhatNobodyWaitsFor(t *testing.T) {
	pool := New(Options{})
	defer pool.Close()
	var request bytes.Buffer
	if err := writeMessage(&request, askWarm, nil); err != nil {
		t.Fatal(err)
	}
	child := exec.Command(os.Args[0], Verb, pool.orders)
	child.Stdin = &request
	if said, err := child.CombinedOutput(); err != nil || len(said) > 0 {
		t.Errorf("it ended with %v, and said %q", err, said)
	}
}
