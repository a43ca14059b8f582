package hashindex

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"runtime"
	"sync"
	"time"
)

// replayBatch is how many changes a replay hands to the searchers at a time.
const replayBatch = 10_000

// load brings up the searchers: first those that are kept in the store, which answer once they have
// been fed the changes that they do not hold yet, then those in memory, from what the first hold.
func (ix *Index) load(ctx context.Context, config Config) {
	started := time.Now()
	if config.NewKept != nil {
		ix.openKept()
	} else {
		ix.addInMemory(config)
	}
	replayed, err := ix.catchUp(ctx, ix.all())
	if config.Lazy {
		ix.rent.set(ix.all())
	}
	err = unlessClosed(ctx, err)
	ix.hashesErr = err
	close(ix.hashes)
	if err == nil {
		err = unlessClosed(ctx, ix.loadPartial(ctx))
	}
	ix.readyErr = err
	close(ix.ready)
	if err != nil {
		ix.loadedErr = err
		close(ix.loaded)
		ix.logNotLoaded("searchers not loaded", err)
		return
	}
	ix.log.Info("searches are answered", "seq", ix.Seq(), "replayed", replayed, "took", time.Since(started))
	ix.loadInMemory(ctx, config)
}

// unlessClosed is err, but ErrClosed where loading was given up because the index is being closed: nothing
// is wrong then, and nobody has to mend it.
func unlessClosed(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return fmt.Errorf("while loading: %w", ErrClosed)
	}
	return err
}

func (ix *Index) logNotLoaded(message string, err error, about ...any) {
	level := slog.LevelError
	if errors.Is(err, ErrClosed) {
		level = slog.LevelInfo
	}
	ix.log.Log(context.Background(), level, message, append(about, "err", err)...)
}

// all are the searchers there are, with their spaces.
func (ix *Index) all() feeds {
	var all feeds
	for _, s := range ix.spaces {
		for _, f := range *s.feeds.Load() {
			all = append(all, fed{s, f})
		}
	}
	return all
}

// fed is a searcher and the space that it is of.
type fed struct {
	*space
	*feed
}

type feeds []fed

// openKept takes up what is kept. What is not good is not used: the history is replayed instead.
func (ix *Index) openKept() {
	for _, s := range ix.spaces {
		f := ix.newKeeper(s)
		seq, err := f.kept.Open()
		if seq > ix.Seq() {
			seq, err = 0, fmt.Errorf("kept up to change %d, but the history ends at %d: %w", seq, ix.Seq(), ErrDamaged)
			f.kept.Reset()
		}
		if err != nil {
			ix.log.Warn("what is kept of a searcher is not used; replaying instead", "space", s.name, "from", seq, "err", err)
		}
		f.applied, f.saved = seq, seq
		f.held.Store(int64(f.Stats().Entries))
		s.add(f)
	}
}

// newKeeper names what is kept by the recipe too, because a space holds the hashes of that recipe
// alone (I4).
func (ix *Index) newKeeper(s *space) *feed {
	kept := ix.newKept(ix.store, s.name+"@"+string(ix.recipe), s.algorithm)
	f := newFeed(kept)
	f.kept = kept
	return f
}

func (ix *Index) addInMemory(config Config) {
	for _, s := range ix.spaces {
		s.add(newFeed(config.NewSearcher(s.algorithm)))
	}
}

// catchUp feeds the searchers all that was committed, and lets them go live before any other commit
// can come between, so that from here on apply misses nothing (I2).
func (ix *Index) catchUp(ctx context.Context, to feeds) (replayed int, err error) {
	if replayed, err = ix.replay(ctx, to); err != nil {
		return replayed, err
	}
	ix.commits.lead.Lock()
	defer ix.commits.lead.Unlock()
	late, err := ix.replay(ctx, to)
	for _, f := range to {
		f.live.Store(err == nil)
	}
	return replayed + late, err
}

// replay applies the changes that some of the searchers have not seen and counts them.
func (ix *Index) replay(ctx context.Context, to feeds) (count int, err error) {
	from := ix.Seq()
	for _, f := range to {
		from = min(from, f.applied)
	}
	for {
		changes, err := ix.Changes(ctx, from, replayBatch)
		if err != nil || len(changes) == 0 {
			return count, err
		}
		has := algorithmsOf(changes)
		for _, f := range to {
			f.feedTo(f.feed, ix.recipe, changes, has)
		}
		count += len(changes)
		from = changes[len(changes)-1].Seq
	}
}

// loadInMemory makes the searchers in memory, space by space, and puts them before the kept ones.
func (ix *Index) loadInMemory(ctx context.Context, config Config) {
	defer close(ix.loaded)
	if config.NewKept == nil || config.NewSearcher == nil {
		return
	}
	if config.Lazy {
		if err := ix.rent.wait(ctx); err != nil {
			ix.loadedErr = err
			return
		}
	}
	started := time.Now()
	if ix.loadedErr = ix.loadSpaces(ctx, config); ix.loadedErr == nil {
		ix.log.Info("searchers in memory answer", "seq", ix.Seq(), "took", time.Since(started))
	}
}

// loadSpaces loads the spaces on all processors.
func (ix *Index) loadSpaces(ctx context.Context, config Config) error {
	spaces := make(chan *space, len(ix.spaces))
	for _, s := range ix.spaces {
		spaces <- s
	}
	close(spaces)
	errs := make([]error, runtime.GOMAXPROCS(0))
	var workers sync.WaitGroup
	for i := range errs {
		workers.Go(func() {
			for s := range spaces {
				if err := unlessClosed(ctx, ix.loadSpace(ctx, s, config.NewSearcher(s.algorithm))); err != nil {
					errs[i] = err
					ix.logNotLoaded("searchers in memory not loaded; what is kept goes on answering", err, "space", s.name)
					return
				}
			}
		})
	}
	workers.Wait()
	return errors.Join(errs...)
}

// loadSpace fills the searcher from the one that is kept. One that turns out to be damaged is made anew
// from the history first.
func (ix *Index) loadSpace(ctx context.Context, s *space, searcher Searcher) error {
	f := newFeed(searcher)
	for kept := s.keeper(); ; kept = s.keeper() {
		err := ix.fill(ctx, f, kept)
		if err == nil {
			break
		}
		if errors.Is(err, ErrDamaged) {
			err = ix.mend(ctx, s, kept, err)
		}
		if err != nil {
			return err
		}
	}
	s.addLocked(ix, f)
	_, err := ix.catchUp(ctx, feeds{{s, f}})
	return err
}

// fill gives the searcher the entries of the kept one. Writers wait until these stand still, which they
// do when the first is yielded, and no longer.
func (ix *Index) fill(ctx context.Context, f, kept *feed) error {
	ix.commits.lead.Lock()
	unlock := sync.OnceFunc(ix.commits.lead.Unlock)
	defer unlock()
	n := kept.Stats().Entries
	f.applied = kept.applied
	taken := 0
	entries := func(yield func(Entry) bool) {
		for e := range kept.Entries {
			unlock()
			taken++
			if taken%replayBatch == 0 && ctx.Err() != nil || !yield(e) {
				return
			}
		}
	}
	take(f.Searcher, n, entries)
	if err := ctx.Err(); err != nil {
		return err
	}
	f.held.Store(int64(taken))
	if taken != n {
		return fmt.Errorf("%d entries of %d could be read: %w", taken, n, ErrDamaged)
	}
	return nil
}

// take gives the entries to a searcher that is empty, or takes as many at once.
func take(s Searcher, n int, entries iter.Seq[Entry]) {
	if bulk, ok := s.(BulkSearcher); ok {
		bulk.Load(n, entries)
		return
	}
	edits := make([]Edit, 0, replayBatch)
	for e := range entries {
		if edits = append(edits, Edit{Entry: e}); len(edits) == cap(edits) {
			s.Apply(edits)
			edits = edits[:0]
		}
	}
	s.Apply(edits)
}

func (s *space) addLocked(ix *Index, f *feed) {
	ix.commits.lead.Lock()
	defer ix.commits.lead.Unlock()
	s.add(f)
}
