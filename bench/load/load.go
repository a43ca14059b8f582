// Package load drives a server over HTTP and says how fast it answers: batches of hashes, pictures, and
// additions at a steady rate at the same time.
package load

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Stream is one kind of request, sent again and again.
type Stream struct {
	Name string
	Unit string // what a request carries several of: "hashes"
	Each int    // so many

	// Rate is how many requests a second are due, whether or not those before are answered (an open
	// loop); their time counts from when they were due. 0: each worker sends the next request once the
	// one before is answered (a closed loop).
	Rate    float64
	Workers int // requests under way at once, at most

	Send func(ctx context.Context, n int) error // the n-th request, answered and read

	next int // requests sent in earlier phases
}

// Config says what to send, and for how long.
type Config struct {
	Streams []*Stream

	// Disturbing streams run in every second phase only, so that the others are measured with them and
	// without in turn.
	Disturbing []*Stream

	Phases int           // at least 1; with Disturbing at least 2
	Phase  time.Duration // how long each takes

	Progress func() // called after each phase
}

// Run sends until the phases are over and returns a row for each stream, two for one that is measured
// with a disturbance and without.
func Run(ctx context.Context, config Config) ([]Row, error) {
	if config.Phases < 1 || config.Phase <= 0 || len(config.Disturbing) > 0 && config.Phases < 2 {
		return nil, fmt.Errorf("%d phases of %v are too little", config.Phases, config.Phase)
	}
	samples := map[key]*sample{}
	for n := range config.Phases {
		streams, disturbed := config.Streams, n%2 == 1 && len(config.Disturbing) > 0
		if disturbed {
			streams = append(append([]*Stream{}, config.Streams...), config.Disturbing...)
		}
		if err := runPhase(ctx, config.Phase, streams, disturbed, samples); err != nil {
			return nil, err
		}
		if config.Progress != nil {
			config.Progress()
		}
	}
	return rows(config, samples), nil
}

// key names what a sample is of.
type key struct {
	stream    *Stream
	disturbed bool
}

func runPhase(ctx context.Context, long time.Duration, streams []*Stream, disturbed bool, samples map[key]*sample) error {
	begun := time.Now()
	results := make([]*sample, len(streams))
	var phase sync.WaitGroup
	for i, s := range streams {
		phase.Go(func() { results[i] = s.run(ctx, begun, long) })
	}
	phase.Wait()
	for i, s := range streams {
		k := key{s, disturbed}
		if samples[k] == nil {
			samples[k] = &sample{}
		}
		samples[k].add(results[i])
	}
	return ctx.Err()
}

// run sends one phase's requests.
func (s *Stream) run(ctx context.Context, begun time.Time, long time.Duration) *sample {
	turns := &turns{stream: s, begun: begun, end: begun.Add(long)}
	parts := make([]sample, s.Workers)
	var workers sync.WaitGroup
	for w := range parts {
		workers.Go(func() { parts[w].collect(ctx, turns) })
	}
	workers.Wait()
	all := &sample{took: time.Since(begun)}
	for i := range parts {
		all.add(&parts[i])
	}
	s.next += turns.given
	return all
}

// turns hands out requests to workers.
type turns struct {
	stream     *Stream
	begun, end time.Time
	mu         sync.Mutex // guards given
	given      int
}

// take is the number of the next request and when it is due; false when the phase is over.
func (t *turns) take() (n int, due time.Time, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	due = time.Now()
	if t.stream.Rate > 0 {
		due = t.begun.Add(time.Duration(float64(t.given) / t.stream.Rate * float64(time.Second)))
	}
	if !due.Before(t.end) {
		return 0, due, false
	}
	t.given++
	return t.stream.next + t.given - 1, due, true
}

// collect sends requests until there are no more.
func (s *sample) collect(ctx context.Context, turns *turns) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		n, due, ok := turns.take()
		if !ok {
			return
		}
		if wait := time.Until(due); wait > 0 {
			timer.Reset(wait)
			select {
			case <-timer.C:
			case <-ctx.Done():
				return
			}
		}
		err := turns.stream.Send(ctx, n)
		if errors.Is(err, context.Canceled) {
			return
		}
		s.note(time.Since(due), err)
	}
}
