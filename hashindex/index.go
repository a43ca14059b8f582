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
	spaces  []*space
	partial *partialSpace // nil without the tier
	catalog atomic.Pointer[catalog]
	applied atomic.Uint64 // the Seq that every space and the catalogue have seen

	commits committer

	// pictures is held shared from storing a picture until the reference that names it is
	// committed, and alone while pictures that nothing names are removed. It is taken before
	// commits' locks.
	pictures sync.RWMutex

	ready      chan struct{} // closed once the spaces hold what the store holds
	loadErr    error         // why they never will; read after ready
	stop       context.CancelFunc
	background sync.WaitGroup // the loader and the saver
	saving     atomic.Bool
	closed     bool // guarded by commits.lead
}

// Storage is what an Index is kept in.
type Storage interface {
	Store
	Snapshots
	Blobs
}

// Config says what an Index is made of. Store, Recipe and NewSearcher are needed.
type Config struct {
	Store       Storage
	Recipe      Recipe
	NewSearcher func(Algorithm) Searcher // a SavedSearcher is saved and loaded, others are replayed

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

// Open returns at once: what the store answers alone is there from the start, while the searchers
// load in the background; until they have, searches answer ErrNotReady (see WaitReady).
// The caller closes the index, then the store.
func Open(config Config) (*Index, error) {
	config = config.withDefaults()
	ix := &Index{
		store:  config.Store,
		recipe: config.Recipe,
		now:    config.Now,
		log:    config.Log,
		spaces: newSpaces(config.NewSearcher),
		ready:  make(chan struct{}),

		partial: newPartialSpace(config),
	}
	if err := ix.loadCatalog(); err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	ix.stop = stop
	ix.background.Go(func() { ix.load(ctx) })
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
	err := ix.saveSpaces(worthSaving)
	if err == nil {
		err = ix.savePartial(worthWriting)
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

// Ready is nil once searches are answered, ErrNotReady while the searchers load, and otherwise why
// they cannot.
func (ix *Index) Ready() error {
	select {
	case <-ix.ready:
		return ix.loadErr
	default:
		return ErrNotReady
	}
}

// WaitReady returns once searches are answered, or with the reason why they will not be.
func (ix *Index) WaitReady(ctx context.Context) error {
	select {
	case <-ix.ready:
		return ix.loadErr
	case <-ctx.Done():
		return ctx.Err()
	}
}
