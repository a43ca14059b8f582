package hashindex

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// Index joins a store, which is the truth, with searchers derived from it. Its methods are safe
// for concurrent use; reads never wait for the disk of a write.
type Index struct {
	store   Storage
	recipe  Recipe
	now     func() time.Time
	log     *slog.Logger
	newKept func(in Pages, name string, a Algorithm) KeptSearcher // may be nil
	spaces  []*space
	partial *partialSpace // nil without the tier
	catalog atomic.Pointer[catalog]
	applied atomic.Uint64                 // the Seq that every space and the catalogue have seen
	moved   atomic.Pointer[chan struct{}] // closed, and another in its place, whenever applied moves

	commits committer
	whole   durations // of searches of the tiers copy and near

	// pictures is held shared from storing a picture until the reference that names it is
	// committed, and alone while pictures that nothing names are removed. It is taken before
	// commits' locks.
	pictures sync.RWMutex

	hashes     chan struct{} // closed once hashes are searched, or never will be
	ready      chan struct{} // closed once searches of every tier are answered
	hashesErr  error         // why not; read after hashes
	readyErr   error         // why they never will be; read after ready
	loaded     chan struct{} // closed once the searchers in memory answer
	loadedErr  error         // why they never will; read after loaded
	rent       rent
	lifetime   context.Context // of what runs in the background
	stop       context.CancelFunc
	background sync.WaitGroup // the loader and the saver
	saving     atomic.Bool
	closed     bool // guarded by commits.lead
}

// Storage is what an Index is kept in.
type Storage interface {
	Store
	Snapshots
	Pages
	Blobs
}

// Config says what an Index is made of. Store, Recipe and one of NewKept and NewSearcher are needed.
type Config struct {
	Store  Storage
	Recipe Recipe

	// NewKept makes the searcher that is kept in the store under the name; nil: none is.
	NewKept func(in Pages, name string, a Algorithm) KeptSearcher

	// NewSearcher makes the one in memory, which answers once it is loaded from the one that is kept,
	// or where none is, from the history. Nil: none is in memory.
	NewSearcher func(Algorithm) Searcher

	// Lazy puts off loading those in memory until searching what is kept has cost as much time as
	// loading would. A program that asks a few questions then never pays for it.
	Lazy bool

	// What tier partial needs; without either of them the index has no such tier.
	NewPartialSearcher func() PartialSearcher
	NewAligner         func(query Features) Aligner

	Now func() time.Time // the clock; time.Now by default
	Log *slog.Logger     // nothing by default
}

func (c Config) withDefaults() Config {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

// Open returns at once: what the store answers alone is there from the start. Searches are answered
// once the changes have been read that what is kept in the store does not cover, within milliseconds
// as a rule; until then they answer ErrNotReady (see WaitReady). The searchers in memory load in the
// background and take over. The caller closes the index, then the store.
func Open(config Config) (*Index, error) {
	config = config.withDefaults()
	ix := &Index{
		store:   config.Store,
		recipe:  config.Recipe,
		now:     config.Now,
		log:     config.Log,
		newKept: config.NewKept,
		spaces:  newSpaces(),
		ready:   make(chan struct{}),
		loaded:  make(chan struct{}),
		hashes:  make(chan struct{}),
		rent:    rent{enter: make(chan struct{})},

		partial: newPartialSpace(config),
	}
	ix.move()
	if err := ix.loadCatalog(); err != nil {
		return nil, err
	}
	ix.lifetime, ix.stop = context.WithCancel(context.Background())
	ix.background.Go(func() { ix.load(ix.lifetime, config) })
	return ix, nil
}

// Close waits for what runs in the background and saves the searchers where that spares the next
// Open more than it costs now. Writes that come later answer ErrClosed.
func (ix *Index) Close() error {
	if ix.shut() {
		return nil
	}
	ix.stop()
	ix.background.Wait()
	if ix.Ready() != nil {
		return nil
	}
	err := ix.saveKept(worthSaving)
	if err == nil {
		err = ix.savePartial((*partialSpace).worthSaving)
	}
	if errors.Is(err, ErrReadOnly) {
		return nil
	}
	return err
}

// shut lets no further commit in, nor anything start in the background, and says whether the index
// was shut before.
func (ix *Index) shut() (before bool) {
	ix.commits.lead.Lock()
	defer ix.commits.lead.Unlock()
	before, ix.closed = ix.closed, true
	return before
}

// Recipe is the recipe that the index searches by.
func (ix *Index) Recipe() Recipe { return ix.recipe }

// Seq is the last change that searches see.
func (ix *Index) Seq() Seq { return Seq(ix.applied.Load()) }

// Ready is nil once searches are answered in every tier, ErrNotReady until then, and otherwise why they
// cannot be. MatchHashes answers from WaitHashes on.
func (ix *Index) Ready() error {
	select {
	case <-ix.ready:
		return ix.readyErr
	default:
		return ErrNotReady
	}
}

// WaitReady returns once Ready is nil, or with the reason why it will not be.
func (ix *Index) WaitReady(ctx context.Context) error {
	select {
	case <-ix.ready:
		return ix.readyErr
	case <-ctx.Done():
		return ctx.Err()
	}
}

// HashesReady is Ready for MatchHashes alone, which need no features of tier partial.
func (ix *Index) HashesReady() error {
	select {
	case <-ix.hashes:
		return ix.hashesErr
	default:
		return ErrNotReady
	}
}

// WaitHashes returns once MatchHashes answers, which is before the features of tier partial are there,
// or with the reason why it will not.
func (ix *Index) WaitHashes(ctx context.Context) error {
	select {
	case <-ix.hashes:
		return ix.hashesErr
	case <-ctx.Done():
		return ctx.Err()
	}
}

// WaitLoaded returns once the searchers in memory answer, where there are any, or with the reason why
// they will not. With Config.Lazy that may be never.
func (ix *Index) WaitLoaded(ctx context.Context) error {
	select {
	case <-ix.loaded:
		return ix.loadedErr
	case <-ctx.Done():
		return ctx.Err()
	}
}
