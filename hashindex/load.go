package hashindex

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"
)

// replayBatch is how many changes a replay hands to the searchers at a time.
const replayBatch = 10_000

// load brings the spaces to what the store holds: each from its snapshot, then all from the changes
// after it.
func (ix *Index) load(ctx context.Context) {
	started := time.Now()
	for s, f := range ix.feeds {
		ix.loadSnapshot(s, f)
	}
	replayed, err := ix.replay(ctx)
	if err == nil {
		err = ix.loadPartial(ctx)
	}
	late, err := ix.finishLoading(ctx, err)
	if err != nil {
		ix.log.Error("searchers not loaded", "err", err)
		return
	}
	ix.log.Info("searchers loaded", "seq", ix.Seq(), "replayed", replayed+late, "took", time.Since(started))
}

// finishLoading replays what was committed meanwhile and declares the spaces ready before any other
// commit can come between, so that from here on apply misses nothing (I2).
func (ix *Index) finishLoading(ctx context.Context, err error) (replayed int, _ error) {
	ix.commits.lead.Lock()
	defer ix.commits.lead.Unlock()
	if err == nil {
		replayed, err = ix.replay(ctx)
	}
	if err == nil {
		_, err = ix.replayPartial(ctx)
	}
	if err == nil {
		if ix.partial != nil {
			ix.partial.live.Store(true)
		}
		for _, f := range ix.feeds {
			f.live.Store(true)
		}
	}
	ix.loadErr = err
	close(ix.ready)
	return replayed, err
}

// loadSnapshot leaves the space empty, to be replayed from the start, where there is no snapshot
// or no good one.
func (ix *Index) loadSnapshot(s *space, f *feed) {
	searcher, ok := f.Searcher.(SavedSearcher)
	if !ok {
		return
	}
	seq, state, err := ix.store.LoadSnapshot(ix.snapshotName(s, f))
	if err == nil && seq > ix.Seq() {
		err = fmt.Errorf("snapshot of change %d, but the history ends at %d: %w", seq, ix.Seq(), ErrDamaged)
	}
	if err == nil {
		err = searcher.LoadState(state)
	}
	switch {
	case err == nil:
		f.applied, f.saved = seq, seq
	case !errors.Is(err, ErrNotFound):
		ix.log.Warn("snapshot not used; replaying instead", "space", s.name, "err", err)
	}
}

// snapshotName holds the recipe, because a space holds the hashes of that recipe alone (I4), and the
// searcher, because each reads its own states only.
func (ix *Index) snapshotName(s *space, f *feed) string {
	return s.name + "@" + string(ix.recipe) + "/" + f.Stats().Name
}

// replay applies the changes that some space has not seen and counts them.
func (ix *Index) replay(ctx context.Context) (count int, err error) {
	from := Seq(math.MaxUint64)
	for _, f := range ix.feeds {
		from = min(from, f.applied)
	}
	for {
		changes, err := ix.Changes(ctx, from, replayBatch)
		if err != nil || len(changes) == 0 {
			return count, err
		}
		for s, f := range ix.feeds {
			s.feedTo(f, ix.recipe, changes)
		}
		count += len(changes)
		from = changes[len(changes)-1].Seq
	}
}

// worthSaving reports whether replaying what the snapshot lacks would cost more than writing it
// again: writes stay amortised, and a start replays an eighth at most.
func worthSaving(f *feed) bool { return worthWriting(f.applied, f.saved, f.Stats().Entries) }

func worthWriting(applied, saved Seq, entries int) bool {
	return uint64(applied-saved)*8 > uint64(entries)
}

// partialOverdue is overdue for tier partial, whose changes cost more to replay.
func partialOverdue(applied, saved Seq, entries int) bool {
	const tail = 20_000
	return applied-saved > tail && worthWriting(applied, saved, entries)
}

// overdue is worthSaving for a running server, which saves only where a crash would cost seconds.
func overdue(f *feed) bool {
	const tail = 200_000
	return f.applied-f.saved > tail && worthSaving(f)
}

// saveSoon starts saving in the background when a space is overdue. The caller holds lead.
func (ix *Index) saveSoon() {
	if ix.Ready() != nil || !overdue(ix.spaces[PDQ].feeds[0]) && !ix.partial.overdue() || ix.saving.Swap(true) {
		return
	}
	ix.background.Go(func() {
		defer ix.saving.Store(false)
		if err := errors.Join(ix.saveSpaces(overdue), ix.savePartial(partialOverdue)); err != nil {
			ix.log.Warn("snapshots not saved", "err", err)
		}
	})
}

// saveSpaces saves the spaces that are wanted. Writers wait while a state is copied, not while it
// is written.
func (ix *Index) saveSpaces(wanted func(*feed) bool) error {
	for s, f := range ix.feeds {
		seq, state := ix.stateOf(f, wanted)
		if state == nil {
			continue
		}
		if err := ix.store.SaveSnapshot(ix.snapshotName(s, f), seq, state); err != nil {
			return err
		}
		ix.commits.lead.Lock()
		f.saved = seq
		ix.commits.lead.Unlock()
	}
	return nil
}

func (ix *Index) stateOf(f *feed, wanted func(*feed) bool) (Seq, []byte) {
	ix.commits.lead.Lock()
	defer ix.commits.lead.Unlock()
	searcher, ok := f.Searcher.(SavedSearcher)
	if !ok || !wanted(f) {
		return 0, nil
	}
	return f.applied, searcher.AppendState(nil)
}

// feeds yields each searcher with its space.
func (ix *Index) feeds(yield func(*space, *feed) bool) {
	for _, s := range ix.spaces {
		for _, f := range s.feeds {
			if !yield(s, f) {
				return
			}
		}
	}
}
