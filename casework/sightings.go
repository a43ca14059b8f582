package casework

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"
	"time"

	"touchstone/hashindex"
)

// Sighting is a picture that was asked about, by its hash.
type Sighting struct {
	Subject Subject
	At      time.Time
	Hash    hashindex.Hash   // PDQ, upright
	Content hashindex.Digest // of the encoded picture; zero: not known
}

// sightings are searched in memory, and written to the store once in a while. They are numbered from 1 in
// the order in which they came; the oldest go first, so that those that are there have numbers without gaps.
type sightings struct {
	hashindex.Searcher

	mu      sync.Mutex // guards what follows
	last    uint64     // the number given last
	written uint64     // up to which they are in the store
	pending []Sighting // those after written, in order
	early   []hashindex.Edit
	loaded  bool
	lost    int // for want of room while the store takes no writes
}

// sightingSpace is the only collection of the searcher.
const sightingSpace hashindex.CollectionID = 1

// maxPending bounds how many sightings wait to be written: more than a store that works ever lets wait.
const maxPending = 1 << 17

// flushAt is at how many the clerk is woken.
const flushAt = 4096

func (s *sightings) open(searcher hashindex.Searcher, last uint64) {
	s.Searcher, s.last, s.written = searcher, last, last
}

func sightingEntry(n uint64, h hashindex.Hash) hashindex.Entry {
	return hashindex.Entry{Frame: hashindex.FrameID(n), Collection: sightingSpace, Hash: h}
}

// See leaves sightings for LookBack. It is to be called before the index is asked about the pictures: then a
// reference that is added at that moment is found by the one or by the other.
func (d *Desk) See(all []Sighting) {
	s := &d.sightings
	s.mu.Lock()
	defer s.mu.Unlock()
	var edits []hashindex.Edit
	for _, each := range all {
		if each.Hash.Bits() != hashindex.PDQ.Bits() {
			continue
		}
		if len(s.pending) == maxPending {
			s.lost++
			continue
		}
		s.last++
		s.pending = append(s.pending, each)
		edits = append(edits, hashindex.Edit{Entry: sightingEntry(s.last, each.Hash)})
	}
	if s.loaded {
		s.Apply(edits)
	} else {
		s.early = append(s.early, edits...)
	}
	if len(s.pending) >= flushAt {
		d.wake()
	}
}

// loadSightings makes the searcher hold what the store does, once.
func (d *Desk) loadSightings(ctx context.Context) error {
	d.loading.Lock()
	defer d.loading.Unlock()
	if d.Loaded() {
		return nil
	}
	s := &d.sightings
	covered := uint64(0)
	d.working.Lock() // so that what is written is what the view shows
	begin := sync.OnceFunc(d.working.Unlock)
	defer begin()
	err := d.index.View(ctx, func(r hashindex.Reader) error {
		covered = s.upTo()
		begin()
		var damage error
		s.load(func(yield func(hashindex.Entry) bool) {
			for row, err := range r.Rows(sightingRows, "") {
				if err = errors.Join(err, ctx.Err()); err != nil {
					damage = err
					return
				}
				n, err := numberOf(row.Key)
				each, err2 := decodeSighting(row.Value, false)
				if damage = errors.Join(err, err2); damage != nil || !yield(sightingEntry(n, each.Hash)) {
					return
				}
			}
		})
		return damage
	})
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Apply(slices.DeleteFunc(s.early, func(e hashindex.Edit) bool { return uint64(e.Frame) <= covered }))
	s.early, s.loaded = nil, true
	return nil
}

// upTo is the number of the last sighting in the store.
func (s *sightings) upTo() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.written
}

func (s *sightings) load(entries iter.Seq[hashindex.Entry]) {
	if bulk, ok := s.Searcher.(hashindex.BulkSearcher); ok {
		bulk.Load(int(min(s.written, MaxSightings)), entries)
		return
	}
	for e := range entries {
		s.Apply([]hashindex.Edit{{Entry: e}})
	}
}

// Loaded reports whether sightings are searched yet.
func (d *Desk) Loaded() bool {
	d.sightings.mu.Lock()
	defer d.sightings.mu.Unlock()
	return d.sightings.loaded
}

// flushSightings writes those that wait, and lets those go that are too many or too old.
func (d *Desk) flushSightings(ctx context.Context) error {
	for {
		n, err := d.flushSome(ctx)
		if err != nil || n < flushAt {
			return errors.Join(err, d.trimSightings(ctx))
		}
	}
}

func (d *Desk) flushSome(ctx context.Context) (int, error) {
	s := &d.sightings
	s.mu.Lock()
	first, batch, lost := s.written+1, s.pending[:min(len(s.pending), flushAt)], s.lost
	s.lost = 0
	s.mu.Unlock()
	if lost > 0 {
		d.log.Warn("sightings lost: too many wait to be written", "sightings", lost)
	}
	if len(batch) == 0 {
		return 0, nil
	}
	last := first + uint64(len(batch)) - 1
	_, err := d.index.Transact(ctx, "", func(w hashindex.Writer) error {
		for i, each := range batch {
			if err := w.PutRow(sightingRows, numberKey(first+uint64(i)), each.encode()); err != nil {
				return err
			}
		}
		return hashindex.SaveRow(w, counters, "sighting", last)
	})
	if err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.written, s.pending = last, append([]Sighting(nil), s.pending[len(batch):]...)
	return len(batch), nil
}

// trimAtOnce bounds how many sightings go in one transaction.
const trimAtOnce = 10_000

func (d *Desk) trimSightings(ctx context.Context) error {
	for d.Loaded() { // else the loader would bring them back
		policy, oldest := d.Policy(), d.now().Add(-d.Policy().SightingAge.d())
		written := d.sightings.upTo()
		var due []hashindex.Edit
		err := d.index.View(ctx, func(r hashindex.Reader) error {
			for row, err := range r.Rows(sightingRows, "") {
				if err != nil {
					return err
				}
				n, err := numberOf(row.Key)
				if err != nil {
					return fmt.Errorf("row %q of %s: %w", row.Key, sightingRows, hashindex.ErrDamaged)
				}
				each, err := decodeSighting(row.Value, false)
				if err != nil {
					return err
				}
				if many := written-n >= uint64(policy.SightingCount); !many && !each.At.Before(oldest) || len(due) == trimAtOnce {
					return nil
				}
				due = append(due, hashindex.Edit{Entry: sightingEntry(n, each.Hash), Removed: true})
			}
			return nil
		})
		if err != nil || len(due) == 0 {
			return err
		}
		_, err = d.index.Transact(ctx, "", func(w hashindex.Writer) error {
			for _, e := range due {
				if err := w.RemoveRow(sightingRows, numberKey(uint64(e.Frame))); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		d.sightings.Apply(due)
		if len(due) < trimAtOnce {
			return nil
		}
	}
	return nil
}

// A sighting's row: 32 bytes of hash, 8 of time (microseconds since 1970), 32 of the picture's digest, then
// the subject as JSON.
const sightingHead = 32 + 8 + 32

func (s Sighting) encode() []byte {
	b := s.Hash.AppendBytes(make([]byte, 0, sightingHead+64))
	b = binary.BigEndian.AppendUint64(b, uint64(s.At.UnixMicro()))
	b = append(b, s.Content[:]...)
	return append(b, detail(s.Subject)...)
}

func decodeSighting(raw []byte, whole bool) (s Sighting, err error) {
	if len(raw) < sightingHead {
		return s, fmt.Errorf("sighting of %d bytes: %w", len(raw), hashindex.ErrDamaged)
	}
	if s.Hash, err = hashindex.HashFromBytes(raw[:32]); err != nil {
		return s, err
	}
	s.At = time.UnixMicro(int64(binary.BigEndian.Uint64(raw[32:]))).UTC()
	copy(s.Content[:], raw[40:])
	if whole {
		err = json.Unmarshal(raw[sightingHead:], &s.Subject)
	}
	return s, err
}

// waiting are the sightings that wait to be written, as they were at a moment. They are to be taken after numbers were
// found and before the view that the others are read in: what is written between the two is in neither otherwise.
type waiting struct {
	after uint64 // the number before the first
	list  []Sighting
}

func (s *sightings) waiting() waiting {
	s.mu.Lock()
	defer s.mu.Unlock()
	return waiting{s.written, s.pending}
}

// sighting is the one of that number; false when it is gone.
func (w waiting) sighting(r hashindex.Reader, n uint64) (Sighting, bool, error) {
	if n > w.after && n-w.after <= uint64(len(w.list)) {
		return w.list[n-w.after-1], true, nil
	}
	raw, err := r.Row(sightingRows, numberKey(n))
	if errors.Is(err, hashindex.ErrNotFound) {
		return Sighting{}, false, nil // trimmed since it was found
	}
	if err != nil {
		return Sighting{}, false, err
	}
	each, err := decodeSighting(raw, true)
	return each, err == nil, err
}
