package hashindex

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// partialSpace is the features that tier partial searches, with the searcher over them.
type partialSpace struct {
	PartialSearcher
	newAligner func(Features) Aligner

	// applied is the last change that the searcher holds (I2), saved the one that its snapshot does.
	// The committer's lead lock guards both.
	applied, saved Seq

	// fed counts the edits that the searcher took since its snapshot. The lead lock guards it too.
	fed int

	// live is set once the searcher has caught up with the history: until then the loader feeds it,
	// and the tier is not tried.
	live atomic.Bool

	counts partialCounts
}

// partialCounts say what the tier has done since the index was opened.
type partialCounts struct {
	proposals, aligned, matched atomic.Uint64
	took                        durations
}

// newPartialSpace is nil for an index without the tier.
func newPartialSpace(config Config) *partialSpace {
	if config.NewPartialSearcher == nil || config.NewAligner == nil {
		return nil
	}
	return &partialSpace{PartialSearcher: config.NewPartialSearcher(), newAligner: config.NewAligner}
}

const partialName = "partial" // of the space, in snapshots and figures

// featureBatch bounds the features that are decoded at a time, some 30 KiB each.
const featureBatch = 256

// readFeatures are the bytes of a frame's features, given those that the change carried: nil when it has
// none or is gone.
type readFeatures func(carried [][]byte, frame FrameID) ([]byte, error)

// carriedFeatures reads them from the change that adds them.
func carriedFeatures(carried [][]byte, frame FrameID) ([]byte, error) {
	if len(carried) == 0 {
		return nil, nil
	}
	return carried[frame.Index()], nil
}

// storedFeatures reads them from the store, where a reference that was removed later has none.
func storedFeatures(r Reader) readFeatures {
	return func(_ [][]byte, frame FrameID) ([]byte, error) {
		encoded, err := r.Features(frame)
		if errors.Is(err, ErrNotFound) {
			return nil, nil
		}
		return encoded, err
	}
}

// feed is the one way into the searcher, for live writes and for replays alike. Changes that it has
// seen are skipped. Features that cannot be read, or are of another version, are left out and
// counted: they cost answers, not the index.
func (p *partialSpace) feed(recipe Recipe, changes []Change, read readFeatures) (unread int, _ error) {
	var edits []FeatureEdit
	for i := range changes {
		change := &changes[i]
		if change.Seq <= p.applied {
			continue
		}
		switch change.Kind {
		case ReferenceAdded:
			added, skipped, err := additions(recipe, &change.Reference, change.Features, read)
			if err != nil {
				return unread, err
			}
			edits, unread = append(edits, added...), unread+skipped
		case ReferenceRemoved:
			edits = append(edits, removals(recipe, &change.Reference)...)
		}
		if len(edits) >= featureBatch {
			p.apply(edits)
			edits = edits[:0]
		}
	}
	if len(edits) > 0 {
		p.apply(edits)
	}
	// applied moves only after the searcher holds the changes, so that a replay never skips one (I2).
	if n := len(changes); n > 0 {
		p.applied = max(p.applied, changes[n-1].Seq)
	}
	return unread, nil
}

func (p *partialSpace) apply(edits []FeatureEdit) {
	p.Apply(edits)
	p.fed += len(edits)
}

// featured reports whether tier partial searches the frame: under the recipe that its hashes are
// searched under (I4).
func (f *StoredFrame) featured(recipe Recipe) bool {
	return !f.Features.IsZero() && f.searchable(recipe)
}

func additions(recipe Recipe, r *Reference, carried [][]byte, read readFeatures) (edits []FeatureEdit, unread int, _ error) {
	for n := range r.Frames {
		if !r.Frames[n].featured(recipe) {
			continue
		}
		encoded, err := read(carried, FrameOf(r.ID, n))
		if err == nil && encoded == nil {
			continue
		}
		var features Features
		if err == nil {
			features, err = ParseFeatures(encoded)
		}
		if errors.Is(err, ErrDamaged) || errors.Is(err, ErrRecipe) {
			unread++
			continue
		}
		if err != nil {
			return edits, unread, err
		}
		edits = append(edits, FeatureEdit{Frame: FrameOf(r.ID, n), Collection: r.Collection, Features: features})
	}
	return edits, unread, nil
}

func removals(recipe Recipe, r *Reference) (edits []FeatureEdit) {
	for n := range r.Frames {
		if r.Frames[n].featured(recipe) {
			edits = append(edits, FeatureEdit{Frame: FrameOf(r.ID, n), Collection: r.Collection, Removed: true})
		}
	}
	return edits
}

// applyPartial feeds committed changes to the tier. The caller holds lead.
func (ix *Index) applyPartial(changes []Change) {
	if p := ix.partial; p != nil && p.live.Load() { // else the loader reads them from the store
		unread, err := p.feed(ix.recipe, changes, carriedFeatures)
		if err != nil || unread > 0 {
			panic(fmt.Sprintf("hashindex: features that we encoded ourselves: %d unread, %v", unread, err))
		}
	}
}

// loadPartial brings the tier to what the store holds, like load.
func (ix *Index) loadPartial(ctx context.Context) error {
	if ix.partial == nil {
		return nil
	}
	started := time.Now()
	ix.loadPartialSnapshot()
	replayed, err := ix.replayPartial(ctx)
	if err != nil {
		return err
	}
	ix.commits.lead.Lock()
	defer ix.commits.lead.Unlock()
	late, err := ix.replayPartial(ctx) // before any other commit can come between, as in catchUp
	if err != nil {
		return err
	}
	ix.partial.live.Store(true)
	ix.log.Info("features loaded", "frames", ix.partial.Stats().Entries, "replayed", replayed+late, "took", time.Since(started))
	return nil
}

func (ix *Index) loadPartialSnapshot() {
	p := ix.partial
	seq, state, err := ix.store.LoadSnapshot(ix.partialSnapshotName())
	if err == nil && seq > ix.Seq() {
		err = fmt.Errorf("snapshot of change %d, but the history ends at %d: %w", seq, ix.Seq(), ErrDamaged)
	}
	if err == nil {
		err = p.LoadState(state)
	}
	switch {
	case err == nil:
		p.applied, p.saved = seq, seq
	case !errors.Is(err, ErrNotFound):
		ix.log.Warn("snapshot not used; replaying instead", "space", partialName, "err", err)
	}
}

// partialSnapshotName holds what the state depends on: the recipe, because hashes and features of that
// recipe alone are compared (I4), and the searcher, because each reads its own states only.
func (ix *Index) partialSnapshotName() string {
	return fmt.Sprintf("%s%d@%s/%s", partialName, featuresVersion, ix.recipe, ix.partial.Stats().Name)
}

// replayPartial feeds the changes that the tier has not seen and counts them.
func (ix *Index) replayPartial(ctx context.Context) (count int, err error) {
	p := ix.partial
	for p != nil {
		changes, err := ix.Changes(ctx, p.applied, replayBatch)
		if err != nil || len(changes) == 0 {
			return count, err
		}
		err = ix.store.View(func(r Reader) error {
			unread, err := p.feed(ix.recipe, changes, storedFeatures(r))
			if unread > 0 {
				ix.log.Warn("features not searched: damaged, or of another version", "frames", unread)
			}
			return err
		})
		if err != nil {
			return count, err
		}
		count += len(changes)
	}
	return count, nil
}

// savePartial saves the tier when it is wanted.
func (ix *Index) savePartial(wanted func(*partialSpace) bool) error {
	p := ix.partial
	if p == nil {
		return nil
	}
	seq, fed, state := p.state(&ix.commits, wanted)
	if state == nil {
		return nil
	}
	if err := ix.store.SaveSnapshot(ix.partialSnapshotName(), seq, state); err != nil {
		return err
	}
	ix.commits.lead.Lock()
	defer ix.commits.lead.Unlock()
	p.saved = seq
	p.fed -= fed
	return nil
}

// worthSaving reports whether replaying what the snapshot lacks would cost more than writing it again:
// writes stay amortised, and a start replays an eighth at most.
func (p *partialSpace) worthSaving() bool {
	return uint64(p.applied-p.saved)*8 > uint64(p.Stats().Entries)
}

// overdue is as that of a feed, with a shorter tail of features: they take longer to replay.
func (p *partialSpace) overdue() bool {
	const featureTail = 20_000
	return p != nil && (p.fed > featureTail || p.applied-p.saved > tail) && p.worthSaving()
}

// state is written into room made before: it may be hundreds of megabytes, and growing would copy it.
func (p *partialSpace) state(c *committer, wanted func(*partialSpace) bool) (upTo Seq, fed int, state []byte) {
	c.lead.Lock()
	defer c.lead.Unlock()
	if !p.live.Load() || !wanted(p) {
		return 0, 0, nil
	}
	return p.applied, p.fed, p.AppendState(make([]byte, 0, p.Stats().Bytes))
}

// PartialStats are the figures of tier partial since the index was opened.
type PartialStats struct {
	Took      Histogram // of the pictures that it was tried for
	Proposals uint64    // references that the searcher proposed
	Aligned   uint64    // of those, laid over the query
	Matched   uint64    // of those, found to show the same
}

func (p *partialSpace) figures() PartialStats {
	return PartialStats{
		Took: p.counts.took.histogram(), Proposals: p.counts.proposals.Load(), Aligned: p.counts.aligned.Load(),
		Matched: p.counts.matched.Load(),
	}
}
