package watch

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"touchstone/hashindex"
)

// The tables: a row for each stream under its id, and one for each segment that was told of, under the
// stream's id and the segment's number.
const (
	headTable    = "streams"
	segmentTable = "stream-segments"
)

// head is what is stored of a stream, and held of one that is open.
type head struct {
	ID          string           `json:"-"` // the key
	Subject     string           `json:"subject,omitempty"`
	By          string           `json:"by,omitempty"` // who opened it
	Collections []string         `json:"collections,omitempty"`
	Within      hashindex.Within `json:"within"`
	Effort      hashindex.Effort `json:"effort"`
	Policy      Policy           `json:"policy"`
	Opened      time.Time        `json:"opened"`
	Fed         time.Time        `json:"fed"`
	Ended       time.Time        `json:"ended,omitzero"`
	Why         string           `json:"why,omitempty"`
	At          time.Duration    `json:"at"`
	Seq         uint64           `json:"seq"`
	Counts      Counts           `json:"counts"`
	Segments    int              `json:"segments"`
	Live        []int            `json:"open,omitempty"`
}

func (h head) told() Stream {
	return Stream{
		ID: h.ID, Subject: h.Subject, Collections: h.Collections, Within: h.Within, Effort: h.Effort, Policy: h.Policy,
		Opened: h.Opened, Fed: h.Fed, Ended: h.Ended, Why: h.Why, At: h.At, Seq: h.Seq, Counts: h.Counts, Segments: h.Segments, Open: h.Live,
	}
}

func decodeHead(row hashindex.Row) (head, error) {
	h, err := hashindex.DecodeRow[head](headTable, row)
	h.ID = row.Key
	return h, err
}

func readHead(r hashindex.Reader, id string) (head, error) {
	h, err := hashindex.LoadRow[head](r, headTable, id)
	if err != nil {
		return head{}, fmt.Errorf("stream %.80q: %w", id, err)
	}
	h.ID = id
	return h, nil
}

func segmentKey(id string, number int) string { return fmt.Sprintf("%s/%010d", id, number) }

// put writes the stream and what it has to tell. It may run more than once.
func (s *stream) put(to hashindex.Writer) error {
	s.Live = slices.Sorted(maps.Keys(s.open))
	if err := hashindex.SaveRow(to, headTable, s.ID, s.head); err != nil {
		return err
	}
	for _, seg := range s.tell {
		if err := hashindex.SaveRow(to, segmentTable, segmentKey(s.ID, seg.Number), seg.Segment); err != nil {
			return err
		}
		if seg.State == opened && seg.Number > s.watch.config.Limits.Segments {
			if err := to.RemoveRow(segmentTable, segmentKey(s.ID, seg.Number-s.watch.config.Limits.Segments)); err != nil {
				return err
			}
		}
	}
	return nil
}

// saved lets those know who follow that what was to be told is stored.
func (s *stream) saved() {
	if (len(s.tell) > 0 || s.over()) && s.moved != nil {
		close(s.moved)
		s.moved = nil
	}
	s.dirty, s.tell = false, nil
}

// load reads the streams that are open, and which have ended.
func (w *Watch) load(ctx context.Context) error {
	return w.index.View(ctx, func(r hashindex.Reader) error {
		var ended []head
		for row, err := range r.Rows(headTable, "") {
			if err != nil {
				return err
			}
			h, err := decodeHead(row)
			if err != nil {
				return err
			}
			if !h.Ended.IsZero() {
				ended = append(ended, head{ID: h.ID, Ended: h.Ended})
				continue
			}
			if w.streams[h.ID], err = w.resume(r, h); err != nil {
				return err
			}
		}
		slices.SortStableFunc(ended, func(a, b head) int { return a.Ended.Compare(b.Ended) })
		for _, h := range ended {
			w.ended = append(w.ended, h.ID)
		}
		return nil
	})
}

// resume is the stream with its open segments, which wait for what goes on with them.
func (w *Watch) resume(r hashindex.Reader, h head) (*stream, error) {
	s := newStream(w, h)
	s.dirty = false
	for _, number := range h.Live {
		kept, err := hashindex.LoadRow[Segment](r, segmentTable, segmentKey(h.ID, number))
		if errors.Is(err, hashindex.ErrNotFound) {
			continue // of more than are remembered
		}
		if err != nil {
			return nil, err
		}
		seg := &segment{Segment: kept}
		seg.toldTo = seg.To
		seg.orphan(unset)
		if s.open == nil {
			s.open = map[int]*segment{}
		}
		s.open[number] = seg
	}
	return s, nil
}

// stored are the segments as they were told of last.
func (w *Watch) stored(ctx context.Context, id string, after, limit int, wanted func(Segment) bool) (list []Segment, _ error) {
	return list, w.index.View(ctx, func(r hashindex.Reader) error {
		if _, err := readHead(r, id); err != nil {
			return err
		}
		for row, err := range r.Rows(segmentTable, segmentKey(id, after+1)) {
			if err != nil {
				return err
			}
			if !strings.HasPrefix(row.Key, id+"/") || len(list) == limit {
				return nil
			}
			seg, err := hashindex.DecodeRow[Segment](segmentTable, row)
			if err != nil {
				return err
			}
			if wanted(seg) {
				list = append(list, seg)
			}
		}
		return nil
	})
}

// drop removes what the store holds of the streams that ended first, beyond the limit.
func (w *Watch) drop(ctx context.Context) error {
	for {
		w.mu.Lock()
		if len(w.ended) <= w.config.Limits.Ended {
			w.mu.Unlock()
			return nil
		}
		id := w.ended[0]
		w.mu.Unlock()
		left := 0
		_, err := w.index.Transact(ctx, "", func(to hashindex.Writer) error {
			keys, err := segmentKeys(to, id)
			if err != nil {
				return err
			}
			for _, key := range keys {
				if err := to.RemoveRow(segmentTable, key); err != nil {
					return err
				}
			}
			if left = len(keys); left == dropBatch {
				return nil
			}
			return to.RemoveRow(headTable, id)
		})
		if err != nil {
			return err
		}
		if left < dropBatch {
			w.mu.Lock()
			w.ended = w.ended[1:]
			w.mu.Unlock()
		}
	}
}

func segmentKeys(r hashindex.Reader, id string) (keys []string, _ error) {
	for row, err := range r.Rows(segmentTable, id+"/") {
		if err != nil {
			return nil, err
		}
		if !strings.HasPrefix(row.Key, id+"/") || len(keys) == dropBatch {
			break
		}
		keys = append(keys, row.Key)
	}
	return keys, nil
}
