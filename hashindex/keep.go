package hashindex

import (
	"context"
	"errors"
	"sync/atomic"
	"time"
)

// search answers from the searcher of the space that was chosen. When what is kept turns out to be damaged
// it is made anew from the history and the search begins again: derived state costs time, never an answer.
func (ix *Index) search(ctx context.Context, s *space, chosen *feed, probes []Hash, scope Scope, found []Found) ([]Found, error) {
	mark, began := len(found), ix.rent.begin()
	found, err := chosen.search(ctx, probes, scope, found)
	if errors.Is(err, ErrDamaged) && chosen.kept != nil {
		if err := ix.mend(ctx, s, chosen, err); err != nil {
			return nil, err
		}
		found, err = s.choose(scope.MaxRadius()).search(ctx, probes, scope, found[:mark])
	}
	ix.rent.pay(began)
	return found, err
}

// mend replaces a kept searcher, which cannot be read for that cause, by an empty one that is fed the
// whole history. Writers and whoever else found the damage wait for it. The next save replaces what is
// kept.
func (ix *Index) mend(ctx context.Context, s *space, kept *feed, cause error) error {
	ix.commits.lead.Lock()
	defer ix.commits.lead.Unlock()
	if s.keeper() != kept {
		return nil // somebody else has
	}
	ix.log.Warn("what is kept of a searcher is damaged; replaying the history instead", "space", s.name, "err", cause)
	anew := ix.newKeeper(s)
	anew.answered = kept.answered
	if _, err := ix.replay(ctx, feeds{{s, anew}}); err != nil {
		return err
	}
	anew.live.Store(true)
	s.replace(kept, anew)
	return nil
}

// tail bounds how many changes a crash leaves to be replayed, and littleTail how many an orderly end
// does: reading so many takes as long as writing them would.
const (
	tail       = 200_000
	littleTail = 4096
)

func worthSaving(f *feed) bool { return f.applied-f.saved > littleTail }
func overdue(f *feed) bool     { return f.applied-f.saved > tail }

// saveSoon starts saving in the background when it is overdue. The caller holds lead.
func (ix *Index) saveSoon() {
	kept := ix.spaces[PDQ].keeper()
	due := kept != nil && overdue(kept) || ix.partial.overdue()
	if ix.Ready() != nil || !due || ix.saving.Swap(true) {
		return
	}
	ix.background.Go(func() {
		defer ix.saving.Store(false)
		if err := errors.Join(ix.saveKept(overdue), ix.savePartial((*partialSpace).overdue)); err != nil && !errors.Is(err, ErrReadOnly) {
			ix.log.Warn("searchers not saved", "err", err)
		}
	})
}

// saveKept saves the searchers that are wanted, of those that are kept. Writers wait while what there
// is to save is noted, not while it is written.
func (ix *Index) saveKept(wanted func(*feed) bool) error {
	for _, s := range ix.spaces {
		f := s.keeper()
		if f == nil {
			continue
		}
		err := ix.save(f, wanted)
		if errors.Is(err, ErrDamaged) { // what is kept could not be read, to be merged with
			err = ix.mend(context.Background(), s, f, err)
			if err == nil {
				err = ix.save(s.keeper(), wanted)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (ix *Index) save(f *feed, wanted func(*feed) bool) error {
	seq, write := ix.noteToSave(f, wanted)
	if write == nil {
		return nil
	}
	if err := write(); err != nil {
		return err
	}
	ix.commits.lead.Lock()
	defer ix.commits.lead.Unlock()
	f.saved = seq
	return nil
}

func (ix *Index) noteToSave(f *feed, wanted func(*feed) bool) (Seq, func() error) {
	ix.commits.lead.Lock()
	defer ix.commits.lead.Unlock()
	if !wanted(f) {
		return 0, nil
	}
	return f.applied, f.kept.Save(f.applied)
}

// rent is what searching has cost so far without searchers in memory. Once it is what loading them
// would cost they are loaded: whatever comes, that is at most twice what the best choice would have been.
type rent struct {
	due   atomic.Int64 // nanoseconds until it is time; not above 0: nobody waits
	enter chan struct{}
}

// loadCost is what loading an entry into memory costs: about 300 to 500 ns (BenchmarkLoad of package
// multiindex).
const loadCost = 400 * time.Nanosecond

// set makes the rent due once searching has cost what loading all that the searchers hold would.
func (r *rent) set(held feeds) {
	entries := 0
	for _, f := range held {
		entries += f.Stats().Entries
	}
	r.due.Store(int64(entries)*int64(loadCost) + 1)
}

// wait returns when it is time to load, or with ctx's error.
func (r *rent) wait(ctx context.Context) error {
	select {
	case <-r.enter:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (r *rent) begin() time.Time {
	if r.due.Load() <= 0 {
		return time.Time{}
	}
	return time.Now()
}

func (r *rent) pay(began time.Time) {
	if began.IsZero() {
		return
	}
	took := int64(time.Since(began))
	if left := r.due.Add(-took); left <= 0 && left+took > 0 {
		close(r.enter)
	}
}
