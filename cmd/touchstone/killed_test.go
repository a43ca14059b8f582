package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"touchstone/api"
	"touchstone/api/client"
	"touchstone/api/wire"
)

// TestKilledServerKeepsWhatItAcknowledged has clients add references under Idempotency-Keys, and record and decide hits,
// while the server is killed, 1 to 500 ms after its start or after its first answers, and send again what was not
// answered. Whatever was acknowledged must be there under its id, and nothing twice. TOUCHSTONE_KILLS is how often it is
// killed, four times when unset.
func TestKilledServerKeepsWhatItAcknowledged(t *testing.T) {
	kills := 4
	if text := os.Getenv("TOUCHSTONE_KILLS"); text != "" {
		var err error
		if kills, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	var data string
	var w *keyedWrites
	var cases *killedCases
	acknowledged, repeated, decided := 0, 0, 0
	for kill := range kills {
		if kill%50 == 0 { // or checking what piles up would take the most time
			data, w = filepath.Join(t.TempDir(), "data"), &keyedWrites{ids: map[int]string{}}
			touchstone(t, exitOK, "collections", "create", "list", "--purpose", "work", "--data", data)
			cases = newKilledCases(t, data)
		}
		life := time.Duration(1+rng.IntN(500)) * time.Millisecond
		before, decidedBefore := len(w.ids), len(cases.decided)
		if kill%2 == 0 {
			duringALife(t, data, life, w, cases)
		} else {
			killAtStart(t, data, life)
		}
		touchstone(t, exitOK, "check", "--data", data)
		repeated += len(w.open)
		if err := verifyKilled(t, data, rng, w, cases); err != nil {
			t.Fatalf("seed %d, kill %d: %v", seed, kill, err)
		}
		acknowledged, decided = acknowledged+len(w.ids)-before, decided+len(cases.decided)-decidedBefore
		if (kill+1)%50 == 0 || kill+1 == kills {
			t.Logf("%d kills: %d writes acknowledged, %d of them sent again because the answer was lost, and %d hits recorded and decided", kill+1, acknowledged, repeated, decided)
		}
	}
	if acknowledged == 0 || repeated == 0 || decided == 0 {
		t.Error("want writes and decisions that were acknowledged, and answers that were lost")
	}
}

// verifyKilled asks what the killed server has left, served by this process: the next life begins with a server again.
func verifyKilled(t *testing.T, data string, rng *rand.Rand, w *keyedWrites, cases *killedCases) error {
	t.Helper()
	house, err := open(data, writing, plan{searcher: defaultSearcher, config: api.Config{Access: api.Trusted}}, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	if err := house.index.WaitReady(t.Context()); err != nil {
		return errors.Join(err, house.close())
	}
	server := httptest.NewServer(house.handler)
	err = errors.Join(w.verify(t.Context(), server.URL, rng), cases.verify(t.Context(), client.New(server.URL, nil)))
	server.Close()
	return errors.Join(err, house.close())
}

// killAtStart kills a server that many a time is not up yet.
func killAtStart(t *testing.T, data string, life time.Duration) {
	t.Helper()
	server := startChild(t, data)
	time.AfterFunc(life, func() { server.cmd.Process.Kill() })
	if err := server.wait(); server.cmd.ProcessState.Exited() {
		t.Fatalf("the server ended by itself: %v", err)
	}
}

// keyedWrites are additions that differ in their number alone; the store would take each twice.
type keyedWrites struct {
	mu   sync.Mutex // guards what follows
	next int
	ids  map[int]string // of what was acknowledged
	open []int          // sent, and not answered
	odd  []error
}

// duringALife has clients write to a server that is killed a while after its first answers.
func duringALife(t *testing.T, data string, life time.Duration, w *keyedWrites, cases *killedCases) {
	t.Helper()
	server := serveChild(t, data)
	ctx, dead := context.WithCancel(t.Context())
	answered := make(chan struct{})
	var first sync.Once
	var clients sync.WaitGroup
	for range 4 {
		clients.Go(func() {
			for w.write(ctx, server.base, w.number()) {
				first.Do(func() { close(answered) })
			}
			first.Do(func() { close(answered) }) // or a server that answers nothing would live for ever
		})
	}
	decided := make(chan struct{})
	clients.Go(func() { cases.work(ctx, client.New(server.base, nil), sync.OnceFunc(func() { close(decided) })) })
	<-answered
	<-decided
	time.AfterFunc(life, func() { server.cmd.Process.Kill() })
	server.wait()
	dead()
	clients.Wait()
}

func (w *keyedWrites) number() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.next++
	return w.next
}

// write sends the addition and notes what became of it. It reports whether there was an answer.
func (w *keyedWrites) write(ctx context.Context, base string, number int) bool {
	id, err := send(ctx, base, number)
	w.mu.Lock()
	defer w.mu.Unlock()
	problem, refused := errors.AsType[*client.Problem](err)
	switch {
	case err == nil:
		if known := w.ids[number]; known != "" && known != id {
			w.odd = append(w.odd, fmt.Errorf("write %d is acknowledged as %s and then as %s", number, known, id))
		}
		w.ids[number] = id
	case refused && problem.Status != http.StatusServiceUnavailable:
		w.odd = append(w.odd, fmt.Errorf("write %d: %w", number, err))
	default:
		w.open = append(w.open, number)
	}
	return err == nil || refused
}

// send adds the reference of the number, under a key of its own.
func send(ctx context.Context, base string, number int) (id string, err error) {
	body, err := json.Marshal(wire.HashReference{Hashes: wire.Hashes{PHash: codeOf(fmt.Sprint(number))}, Meta: map[string]string{"number": fmt.Sprint(number)}})
	if err != nil {
		return "", err
	}
	request, err := http.NewRequestWithContext(ctx, "POST", base+"/v1/collections/list/references", bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Idempotency-Key", fmt.Sprint("write-", number))
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return "", err
	}
	if response.StatusCode != http.StatusCreated {
		problem := &client.Problem{}
		err := json.Unmarshal(text, &problem.Problem)
		problem.Status = response.StatusCode
		return "", errors.Join(problem, err)
	}
	var added wire.AddedReferences
	if err := json.Unmarshal(text, &added); err != nil {
		return "", err
	}
	return added.References[0].ID, nil
}

// verify sends again what was not answered and something that was, and compares what the server holds with what
// it has acknowledged.
func (w *keyedWrites) verify(ctx context.Context, base string, rng *rand.Rand) error {
	again := w.open
	w.open = nil
	for range min(3, w.next) {
		again = append(again, 1+rng.IntN(w.next))
	}
	for _, number := range again {
		w.write(ctx, base, number)
	}
	if len(w.open) > 0 {
		return fmt.Errorf("writes %v are not answered", w.open)
	}
	held := map[string]string{}
	for r, err := range client.New(base, nil).AllReferences(ctx, "list") {
		if err != nil {
			return err
		}
		if other := held[r.Meta["number"]]; other != "" {
			return fmt.Errorf("write %s is there twice, as %s and %s", r.Meta["number"], other, r.ID)
		}
		held[r.Meta["number"]] = r.ID
	}
	for number, id := range w.ids {
		if got := held[fmt.Sprint(number)]; got != id {
			return fmt.Errorf("write %d was acknowledged as %s and is there as %q", number, id, got)
		}
	}
	if len(held) != len(w.ids) {
		return fmt.Errorf("%d references are there, of %d acknowledged writes", len(held), len(w.ids))
	}
	return errors.Join(w.odd...)
}
