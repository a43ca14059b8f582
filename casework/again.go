package casework

import (
	"context"
	"errors"
	"sync"
	"time"

	"touchstone/hashindex"
)

// again gathers how often known hits were seen again, so that a pair that matches a thousand times a second
// costs one write a second.
type again struct {
	mu      sync.Mutex // guards what follows
	pending map[HitID]more
	writing map[HitID]more // on their way to the store
}

// more is what has come to a hit.
type more struct {
	count int
	last  time.Time
}

func (m more) and(other more) more {
	m.count += other.count
	if other.last.After(m.last) {
		m.last = other.last
	}
	return m
}

func (a *again) add(id HitID, m more) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.pending == nil {
		a.pending = map[HitID]more{}
	}
	a.pending[id] = a.pending[id].and(m)
}

// take is what is to be written now; settle says whether it was.
func (a *again) take() map[HitID]more {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.writing, a.pending = a.pending, nil
	return a.writing
}

func (a *again) settle(written bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !written {
		if a.pending == nil {
			a.pending = map[HitID]more{}
		}
		for id, m := range a.writing {
			a.pending[id] = a.pending[id].and(m)
		}
	}
	a.writing = nil
}

// count adds to a hit what is not written yet.
func (d *Desk) count(h *Hit) {
	d.again.mu.Lock()
	defer d.again.mu.Unlock()
	h.add(d.again.pending[h.ID].and(d.again.writing[h.ID]))
}

func (h *Hit) add(m more) {
	h.Count += m.count
	if m.last.After(h.Last) {
		h.Last = m.last
	}
}

func (d *Desk) flushCounters(ctx context.Context) error {
	writing := d.again.take()
	if len(writing) == 0 {
		return nil
	}
	_, err := d.index.Transact(ctx, "", func(w hashindex.Writer) error {
		for id, m := range writing {
			h, err := loadHit(w, id)
			if errors.Is(err, hashindex.ErrNotFound) {
				continue
			}
			if err != nil {
				return err
			}
			h.add(m)
			if err := hashindex.SaveRow(w, hitRows, id.key(), h); err != nil {
				return err
			}
		}
		return nil
	})
	d.again.settle(err == nil)
	return err
}
