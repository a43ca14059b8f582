// Package gate lets in as much work as a server can do in time, and turns the rest away at once: a
// queue that grows makes everybody late and nobody faster.
//
// A Lane bounds how much of one sort is under way and how long it is waited for. A Budget bounds what
// requests hold, in all and for each client.
package gate

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Busy is work that is turned away.
type Busy struct {
	Lane  string
	After time.Duration // by when those who wait now will have had their turn
}

func (e *Busy) Error() string { return fmt.Sprintf("the lane for %s is full", e.Lane) }

// Config says how wide a lane is.
type Config struct {
	Name     string
	AtOnce   int           // pieces of work under way
	Patience time.Duration // no piece waits longer, whatever a turn takes
	Usual    time.Duration // how long one takes, until that has been measured
}

// Lane is where work of one sort waits for its turn, first come, first served. Whoever would have to
// wait for more than a few turns is turned away at once. The bound follows what a turn takes: at four
// fifths of its capacity a lane hardly ever gets there, and however many come, those let in are late by
// no more than that.
type Lane struct {
	Config

	mu      sync.Mutex // guards what follows
	active  int
	waiting []chan struct{} // closed when it is their turn
	mean    time.Duration   // that a piece takes with all that resumes it, a moving average
	turned  uint64          // away
}

// NewLane is an empty lane.
func NewLane(config Config) *Lane { return &Lane{Config: config, mean: config.Usual} }

// Enter waits for a turn, or turns the work away with a *Busy. Leave ends the turn; calling it again
// does nothing.
func (l *Lane) Enter(ctx context.Context) (leave func(), err error) {
	turn, err := l.queue(entering)
	if err != nil {
		return nil, err
	}
	if turn == nil {
		return l.leaver(entering), nil
	}
	patience := time.NewTimer(l.Patience)
	defer patience.Stop()
	select {
	case <-turn:
		return l.leaver(entering), nil
	case <-ctx.Done():
		return l.giveUp(turn, entering, ctx.Err())
	case <-patience.C: // longer than was to be expected
		return l.giveUp(turn, entering, l.busy())
	}
}

// Wait is Enter for work that is let in anyhow, in its turn: what a client sends piece by piece, as fast
// as it is answered.
func (l *Lane) Wait(ctx context.Context) (leave func(), err error) { return l.wait(ctx, waiting) }

// Resume is Enter for work that goes on with what was let in before. It is not turned away, and comes
// next: what has been done must not be wasted, nor be late twice.
func (l *Lane) Resume(ctx context.Context) (leave func(), err error) { return l.wait(ctx, resuming) }

func (l *Lane) wait(ctx context.Context, as manner) (leave func(), err error) {
	turn, _ := l.queue(as)
	if turn == nil {
		return l.leaver(as), nil
	}
	select {
	case <-turn:
		return l.leaver(as), nil
	case <-ctx.Done():
		return l.giveUp(turn, as, ctx.Err())
	}
}

// manner is how work comes to a lane.
type manner int

const (
	entering manner = iota
	waiting
	resuming
)

// queue takes the next turn at once, which is nil, or a place in the queue.
func (l *Lane) queue(as manner) (turn chan struct{}, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.active < l.AtOnce && len(l.waiting) == 0 {
		l.active++
		return nil, nil
	}
	if expected := l.expected(); as == entering && expected > l.bearable() {
		l.turned++
		return nil, &Busy{l.Name, expected}
	}
	turn = make(chan struct{})
	if as == resuming {
		l.waiting = slices.Insert(l.waiting, 0, turn)
	} else {
		l.waiting = append(l.waiting, turn)
	}
	return turn, nil
}

// expected is how long whoever comes now has to wait.
func (l *Lane) expected() time.Duration {
	return time.Duration(len(l.waiting)+1) * l.mean / time.Duration(l.AtOnce)
}

// maxTurns is how many turns whoever comes may have to wait for. At four fifths of the capacity 99 of 100
// wait for less than five (TestFiveTimesTheCapacityLeavesWhatIsLetInOnTime), so that four are never
// twice the usual, and one of a hundred is turned away that need not be.
const maxTurns = 4

// slack lets bursts of work that takes next to no time in.
const slack = 10 * time.Millisecond

func (l *Lane) bearable() time.Duration { return min(l.Patience, max(slack, maxTurns*l.mean)) }

func (l *Lane) busy() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.turned++
	return &Busy{l.Name, l.expected()}
}

// giveUp takes the place out of the queue. If its turn has come meanwhile, the work is let in all the
// same: it will find out for itself that nobody wants it.
func (l *Lane) giveUp(turn chan struct{}, as manner, why error) (leave func(), err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := slices.Index(l.waiting, turn)
	if i < 0 {
		return l.leaver(as), nil
	}
	l.waiting = slices.Delete(l.waiting, i, i+1)
	return nil, why
}

// leaver ends the turn that begins now.
func (l *Lane) leaver(as manner) func() {
	begun := time.Now()
	return sync.OnceFunc(func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		const inertia = 16
		if as != resuming { // whose time counts for the piece that it resumes
			l.mean -= l.mean / inertia
		}
		l.mean += time.Since(begun) / inertia
		if len(l.waiting) == 0 {
			l.active--
			return
		}
		close(l.waiting[0]) // whose turn takes the place of this one
		l.waiting = slices.Delete(l.waiting, 0, 1)
	})
}

// Figures say what a lane is doing.
type Figures struct {
	Active, Waiting int
	Mean            time.Duration // that a piece takes, with all that resumes it
	TurnedAway      uint64        // since the start
}

// Figures are those of now.
func (l *Lane) Figures() Figures {
	l.mu.Lock()
	defer l.mu.Unlock()
	return Figures{l.active, len(l.waiting), l.mean, l.turned}
}
