package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"touchstone/api/client"
	"touchstone/api/wire"
)

// TestStopLosesNothingThatWasAcknowledged stops a server again and again while clients write and ask as
// fast as they can. Each time it says at /readyz that it is stopping, answers what is under way, and
// ends in good order; in the end every write that was acknowledged is there. TOUCHSTONE_STOPS=200 stops
// it so many times instead of three, and measures how long each takes.
func TestStopLosesNothingThatWasAcknowledged(t *testing.T) {
	stops, long := 3, false
	if n, err := strconv.Atoi(os.Getenv("TOUCHSTONE_STOPS")); err == nil {
		stops, long = n, true
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	data := filepath.Join(t.TempDir(), "data")
	touchstone(t, exitOK, "collections", "create", "list", "--purpose", "work", "--data", data)
	l := &visitors{acknowledged: map[string]bool{}}
	var slowest time.Duration
	for stop := range stops {
		drain := "0s"
		if stop == 0 {
			drain = "4s" // long enough to be seen
		}
		took := l.during(t, rng, data, drain)
		slowest = max(slowest, took)
		if (stop+1)%50 == 0 || stop+1 == stops {
			t.Logf("%d stops, %d writes acknowledged, the slowest stop took %s", stop+1, len(l.acknowledged), slowest)
		}
	}
	if long && slowest > stopsWithin {
		t.Errorf("a stop took %s", slowest)
	}
	listed := touchstone(t, exitOK, "export", "--collection", "list", "--data", data)
	there := map[string]int{}
	for line := range strings.Lines(listed) {
		id, _, _ := strings.Cut(line, ",")
		there[id]++
	}
	for id := range l.acknowledged {
		if there[id] != 1 {
			t.Errorf("%s was acknowledged and is there %d times", id, there[id])
		}
	}
	touchstone(t, exitOK, "check", "--data", data)
}

// visitors are clients that write and ask.
type visitors struct {
	mu           sync.Mutex
	acknowledged map[string]bool
	next         int
	odd          []string
}

// during starts a server, loads it, and stops it after a random number of writes; it says how long the
// stop took.
func (l *visitors) during(t *testing.T, rng *rand.Rand, data, drain string) time.Duration {
	t.Helper()
	server := serveChild(t, data, "--drain", drain)
	base := server.base
	enough := make(chan struct{})
	var wrote atomic.Int64
	many := 10 + rng.Int64N(30)
	var clients sync.WaitGroup
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for range 4 {
		clients.Go(func() {
			l.write(ctx, client.New(base, nil), func() {
				if wrote.Add(1) == many {
					close(enough)
				}
			})
		})
	}
	clients.Go(func() { l.ask(ctx, client.New(base, nil)) })
	<-enough
	begun := time.Now()
	stopping := make(chan bool, 1)
	clients.Go(func() { stopping <- saysStopping(ctx, base) })
	log := server.stop(t)
	took := time.Since(begun)
	cancel()
	clients.Wait()
	if drain != "0s" && !<-stopping {
		t.Error("the server never said at /readyz that it was stopping")
	}
	if at := strings.Index(log, "level=ERROR"); at >= 0 {
		t.Errorf("the log holds an error:\n%.2000s", log[at:])
	}
	if len(l.odd) > 0 {
		t.Errorf("%d odd answers, such as %s", len(l.odd), l.odd[0])
	}
	return took
}

// write adds references until the server lets nobody in.
func (l *visitors) write(ctx context.Context, c *client.Client, wrote func()) {
	for ctx.Err() == nil {
		id := l.newID()
		_, err := c.AddHashes(ctx, "list", []wire.HashReference{{ExternalID: id, Hashes: wire.Hashes{PHash: fmt.Sprintf("%016x", hashOf(id))}}})
		if l.note(id, err) != nil {
			return
		}
		wrote()
	}
}

func (l *visitors) newID() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.next++
	return fmt.Sprint("r", l.next)
}

func hashOf(id string) (h uint64) {
	for _, b := range []byte(id) {
		h = (h ^ uint64(b)) * 0x9e3779b97f4a7c15
	}
	return h
}

// note keeps what was acknowledged. A server that stops may refuse a connection, or say that it stops,
// but not answer anything else.
func (l *visitors) note(id string, err error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err == nil {
		l.acknowledged[id] = true
		return nil
	}
	if problem, ok := errors.AsType[*client.Problem](err); ok && problem.Code != "stopping" {
		l.odd = append(l.odd, err.Error())
	}
	return err
}

// ask looks hashes up for as long as it is answered.
func (l *visitors) ask(ctx context.Context, c *client.Client) {
	for ctx.Err() == nil {
		answer, err := c.MatchHashes(ctx, wire.MatchHashRequest{Algorithm: "phash", Hashes: []string{"0123456789abcdef"}})
		if err != nil || len(answer.Results) != 1 {
			return
		}
	}
}

// saysStopping asks at /readyz until nobody answers, and whether the server said before that it stops.
func saysStopping(ctx context.Context, base string) bool {
	fresh := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}} // as a load balancer does
	for {
		request, err := http.NewRequestWithContext(ctx, "GET", base+"/readyz", nil)
		if err != nil {
			return false
		}
		response, err := fresh.Do(request)
		if err != nil {
			return false
		}
		response.Body.Close()
		if response.StatusCode == http.StatusServiceUnavailable {
			return true
		}
	}
}
