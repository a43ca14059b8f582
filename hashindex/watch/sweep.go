package watch

import (
	"context"
	"maps"
	"slices"
)

func (w *Watch) retire(id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.streams, id)
	w.ended = append(w.ended, id)
}

const (
	// sweepBatch is how many streams are written in one transaction, dropBatch how many rows of streams that
	// are remembered no longer.
	sweepBatch = 200
	dropBatch  = 5000
)

// Sweep ends streams that have gone silent, writes what has changed and drops what is remembered no longer. It
// is to be called every few seconds, and once at the end, and is all the work that is not done by a call of
// somebody's.
func (w *Watch) Sweep(ctx context.Context) error {
	w.mu.Lock()
	ids := slices.Sorted(maps.Keys(w.streams))
	w.mu.Unlock()
	for batch := range slices.Chunk(ids, sweepBatch) {
		if err := w.sweep(ctx, batch); err != nil {
			return err
		}
	}
	return w.drop(ctx)
}

func (w *Watch) sweep(ctx context.Context, ids []string) error {
	var changed []*stream
	defer func() {
		for _, s := range changed {
			s.mu.Unlock()
		}
	}()
	for _, id := range ids {
		s, ok := w.open(id)
		if !ok {
			continue
		}
		var err error
		switch silent := w.config.Now().Sub(s.Fed); {
		case silent >= w.config.Limits.Silence:
			err = s.end(ctx, "silent")
		case silent < 0: // the clock went back: it counts from here
			s.Fed = w.config.Now().UTC()
		}
		if !s.dirty || err != nil {
			s.mu.Unlock()
			if err != nil {
				return err
			}
			continue
		}
		changed = append(changed, s)
	}
	if len(changed) == 0 {
		return nil
	}
	return w.save(ctx, changed...)
}

// Stats is what all streams together cost and have done since the start.
type Stats struct {
	Open  int
	Bytes int // of all open streams
	Counts
	Opened, Grown, Closed uint64 // segments told of
}

// Stats counts.
func (w *Watch) Stats() Stats {
	w.mu.Lock()
	all := slices.Collect(maps.Values(w.streams))
	w.mu.Unlock()
	stats := Stats{Open: len(all), Counts: w.counts.load(), Opened: w.segments[opened].Load(), Grown: w.segments[grown].Load(), Closed: w.segments[closed].Load()}
	for _, s := range all {
		stats.Bytes += int(s.bytes.Load())
	}
	return stats
}
