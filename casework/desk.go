package casework

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"touchstone/hashindex"
)

// Config says what a Desk works with. Index, Variants and NewSearcher are needed.
type Config struct {
	Index *hashindex.Index

	// Variants derives the PDQ hashes of the turned and mirrored picture from that of the upright one.
	Variants func(hashindex.Hash) [hashindex.TransformCount]hashindex.Hash

	// NewSearcher makes what sightings' PDQ hashes are searched by.
	NewSearcher func(hashindex.Algorithm) hashindex.Searcher

	// Lazy puts off loading the sightings until something is looked back for, which then waits for it.
	Lazy bool

	Flush time.Duration    // how often counters and sightings are written, and what is due is done; a second
	Now   func() time.Time // the clock; time.Now by default
	Log   *slog.Logger     // nothing by default
}

func (c Config) withDefaults() Config {
	if c.Flush == 0 {
		c.Flush = time.Second
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

// Desk is where the cases of an index are worked on. Its methods are safe for concurrent use.
type Desk struct {
	index    *hashindex.Index
	variants func(hashindex.Hash) [hashindex.TransformCount]hashindex.Hash
	clock    func() time.Time
	log      *slog.Logger
	flush    time.Duration
	lazy     bool

	policy     atomic.Pointer[Policy]
	policyLead sync.Mutex // held by whoever sets the policy

	again     again
	sightings sightings
	floods    floods
	retro     retro
	kick      chan struct{} // wakes the clerk

	ready chan struct{} // closed once what an earlier process left is done

	lifetime context.Context // of the clerk
	stop     context.CancelFunc
	clerk    sync.WaitGroup
	working  sync.Mutex // held through Flush and Sweep: one at a time; taken after loading
	loading  sync.Mutex // held by whoever loads the sightings
}

// Open returns at once; sightings are loaded in the background. The caller closes the desk, then the
// index.
func Open(config Config) (*Desk, error) {
	config = config.withDefaults()
	if config.Index == nil || config.Variants == nil || config.NewSearcher == nil {
		return nil, errors.New("casework: Config needs an Index, Variants and NewSearcher")
	}
	d := &Desk{
		index: config.Index, variants: config.Variants, clock: config.Now, log: config.Log, flush: config.Flush, lazy: config.Lazy,
		kick: make(chan struct{}, 1), ready: make(chan struct{}),
	}
	d.lifetime, d.stop = context.WithCancel(context.Background())
	var last uint64
	err := d.index.View(d.lifetime, func(r hashindex.Reader) error {
		p, err := loadPolicy(r)
		if err != nil {
			return err
		}
		d.policy.Store(&p)
		if err := errors.Join(d.retro.remember(r), d.floods.remember(r, d.now(), p.FloodWindow.d())); err != nil {
			return err
		}
		last, err = hashindex.LoadRow[uint64](r, counters, "sighting")
		if errors.Is(err, hashindex.ErrNotFound) {
			err = nil
		}
		return err
	})
	if err != nil {
		d.stop()
		return nil, err
	}
	d.sightings.open(config.NewSearcher(hashindex.PDQ), last)
	d.clerk.Go(d.work)
	return d, nil
}

// WaitReady returns once sightings are searched, unless that was put off, and once what an earlier process
// had left to be looked back for is done.
func (d *Desk) WaitReady(ctx context.Context) error {
	select {
	case <-d.ready:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close writes what was gathered and waits for what runs in the background.
func (d *Desk) Close() error {
	d.stop()
	d.clerk.Wait()
	err := d.Flush(context.Background())
	if errors.Is(err, hashindex.ErrReadOnly) || errors.Is(err, hashindex.ErrClosed) {
		return nil
	}
	return err
}

// now is to the microsecond and in UTC, as the store keeps times.
func (d *Desk) now() time.Time { return d.clock().UTC().Truncate(time.Microsecond) }

// work is what the clerk does until the desk closes.
func (d *Desk) work() {
	if !d.lazy {
		if err := d.loadSightings(d.lifetime); err != nil && d.lifetime.Err() == nil {
			d.log.Error("sightings not loaded: new references are not looked back for", "err", err)
		}
	}
	tick := time.NewTicker(d.flush)
	defer tick.Stop()
	deadlines, rest := d.now(), d.now()
	caughtUp := sync.OnceFunc(func() { close(d.ready) })
	defer caughtUp()
	for {
		err := errors.Join(d.Flush(d.lifetime), d.lookBackForOthers(d.lifetime))
		if at := d.now(); !d.lazy && due(at, deadlines, deadlinesEvery) {
			deadlines, err = at, errors.Join(err, d.sweepDeadlines(d.lifetime))
		}
		if at := d.now(); !d.lazy && due(at, rest, restEvery) {
			rest, err = at, errors.Join(err, d.Sweep(d.lifetime))
		}
		if err != nil && d.lifetime.Err() == nil && !errors.Is(err, hashindex.ErrReadOnly) {
			d.log.Warn("casework not written; it will be tried again", "err", err)
		}
		caughtUp()
		select {
		case <-d.lifetime.Done():
			return
		case <-tick.C:
		case <-d.kick:
		}
	}
}

// due reports whether it is time again, as it is after a clock went back.
func due(at, last time.Time, every time.Duration) bool {
	return at.Sub(last) >= every || at.Before(last)
}

// How often what is due by the clock is looked for: claims and notices are few, while rights, and the hits whose
// pictures are kept, are all read.
const (
	deadlinesEvery = 10 * time.Second
	restEvery      = 30 * time.Minute
)

// wake lets the clerk work before its time.
func (d *Desk) wake() {
	select {
	case d.kick <- struct{}{}:
	default: // it was woken already
	}
}

// Flush writes the counters and sightings that were gathered.
func (d *Desk) Flush(ctx context.Context) error {
	d.working.Lock()
	defer d.working.Unlock()
	return errors.Join(d.flushCounters(ctx), d.flushSightings(ctx), d.flushRetro(ctx))
}

// Sweep does what is due by the clock: claims, rights' terms and notices' deadlines that are over, pictures
// that the policy keeps no longer.
func (d *Desk) Sweep(ctx context.Context) error {
	err := d.sweepDeadlines(ctx)
	d.working.Lock()
	defer d.working.Unlock()
	return errors.Join(err, d.expireRights(ctx), d.sweepPictures(ctx))
}

func (d *Desk) sweepDeadlines(ctx context.Context) error {
	d.working.Lock()
	defer d.working.Unlock()
	return errors.Join(d.forgetFloods(ctx), d.expireClaims(ctx), d.sweepNotices(ctx))
}
