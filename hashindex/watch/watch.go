// Package watch follows many streams of pictures at once: which part of which reference each shows, from when
// to when, told as it happens.
//
// A stream is opened, fed with frames in order or slightly late, and ended, by whoever feeds it or because it
// has gone silent. Frames of all streams are searched for together; one that looks like the one before is not
// searched for again. Until something is found a stream is a kilobyte or two: the last frames, in case that
// they belong to a segment that begins. From then on package timeline follows it.
//
// A segment is told of once enough frames agree (Policy), then as it grows, then when it closes. Each telling
// is an event with the next sequence number of the stream, durable before anybody sees it; it holds the whole
// segment, so that the last event of a segment is enough. What the store holds is read again by Open: streams
// go on where they were, and a segment that was open goes on if what comes next lies on its line.
package watch

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"touchstone/hashindex"
	"touchstone/hashindex/timeline"
)

// ErrEnded means that the stream takes no more frames.
var ErrEnded = errors.New("the stream has ended")

// Watch is the streams of one index. It is safe for concurrent use.
type Watch struct {
	index    *hashindex.Index
	config   Config
	library  *timeline.Library
	searches searches

	mu      sync.Mutex // guards what follows; taken before no other lock
	streams map[string]*stream
	ended   []string // ids that the store remembers, the first to end first

	counts   counters
	segments [3]atomic.Uint64 // told of, by state
}

// Open reads what the store holds of streams.
func Open(ctx context.Context, config Config) (*Watch, error) {
	config.Limits = config.Limits.WithDefaults()
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.NewID == nil {
		config.NewID = func() string {
			return fmt.Sprintf("%011x%s", config.Now().UnixMilli(), rand.Text()[:10])
		}
	}
	w := &Watch{
		index: config.Index, config: config, library: timeline.NewLibrary(config.Index, config.Now),
		searches: searches{index: config.Index, slots: make(chan struct{}, runtime.GOMAXPROCS(0))},
		streams:  map[string]*stream{},
	}
	return w, w.load(ctx)
}

// Told is an event of a segment, with the frames of its pairs that are at hand: those that were fed with the last
// call, and what is remembered of some before.
type Told struct {
	Stream  Stream
	Segment Segment
	Frames  []Frame
}

// Opening is what a stream is opened with.
type Opening struct {
	Subject     string
	Collections []string // none: all
	Within      hashindex.Within
	Effort      hashindex.Effort // FullEffort by default
	Policy      Policy
}

// Open opens a stream. What also says of it, if not nil, is carried out in the same transaction.
func (w *Watch) Open(ctx context.Context, actor string, o Opening, also func(Stream) []hashindex.Also) (Stream, error) {
	h := head{
		Subject: o.Subject, Collections: o.Collections, Within: o.Within, Effort: cmp.Or(o.Effort, hashindex.FullEffort),
		Policy: o.Policy.withDefaults(), Opened: w.config.Now().UTC(), ID: w.config.NewID(), By: actor,
	}
	h.Fed = h.Opened
	if err := h.Policy.validate(); err != nil {
		return Stream{}, err
	}
	s := newStream(w, h)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := w.admit(s); err != nil {
		return Stream{}, err
	}
	told, rest := s.told(), []hashindex.Also(nil)
	if also != nil {
		rest = also(told)
	}
	_, err := w.index.Transact(ctx, actor, func(to hashindex.Writer) error {
		if err := s.put(to); err != nil {
			return err
		}
		for _, each := range rest {
			if err := each(to, nil); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		s.gone = true
		w.forget(h.ID)
		return Stream{}, err
	}
	return told, nil
}

func (w *Watch) admit(s *stream) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if most := w.config.Limits.Streams; len(w.streams) >= most {
		return &hashindex.LimitError{Limit: "streams", Max: int64(most), Got: int64(len(w.streams) + 1)}
	}
	w.streams[s.ID] = s
	return nil
}

func (w *Watch) forget(id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.streams, id)
}

// open is the stream if it is open, locked.
func (w *Watch) open(id string) (*stream, bool) {
	w.mu.Lock()
	s, ok := w.streams[id]
	w.mu.Unlock()
	if !ok {
		return nil, false
	}
	s.mu.Lock()
	if s.gone {
		s.mu.Unlock()
		return nil, false
	}
	return s, true
}

// Stream is what is known of one; ErrNotFound when there is none.
func (w *Watch) Stream(ctx context.Context, id string) (Stream, error) {
	if s, ok := w.open(id); ok {
		defer s.mu.Unlock()
		return s.told(), nil
	}
	var h head
	err := w.index.View(ctx, func(r hashindex.Reader) (err error) {
		h, err = readHead(r, id)
		return err
	})
	return h.told(), err
}

// Streams are those after that id, in the order of opening, that see lets through.
func (w *Watch) Streams(ctx context.Context, after string, limit int, see func(Stream) bool) (list []Stream, _ error) {
	err := w.index.View(ctx, func(r hashindex.Reader) error {
		for row, err := range r.Rows(headTable, after+"\x00") {
			if err != nil {
				return err
			}
			h, err := decodeHead(row)
			if err != nil {
				return err
			}
			if told := h.told(); see(told) {
				list = append(list, told)
			}
			if len(list) == limit {
				break
			}
		}
		return nil
	})
	for i := range list {
		if s, ok := w.open(list[i].ID); ok { // what is stored lags behind
			list[i] = s.told()
			s.mu.Unlock()
		}
	}
	return list, err
}

// Segments are those of the stream after that number, in the order of opening; open ones as they are now.
func (w *Watch) Segments(ctx context.Context, id string, after, limit int) ([]Segment, error) {
	list, err := w.stored(ctx, id, after, limit, func(Segment) bool { return true })
	if err != nil {
		return nil, err
	}
	if s, ok := w.open(id); ok {
		defer s.mu.Unlock()
		for i := range list {
			if live := s.open[list[i].Number]; live != nil {
				list[i] = live.Segment
			}
		}
	}
	return list, nil
}

// Events are the last event of each segment that has one after that number, in the order of events.
func (w *Watch) Events(ctx context.Context, id string, after uint64) ([]Segment, error) {
	list, err := w.stored(ctx, id, 0, w.config.Limits.Segments+1, func(s Segment) bool { return s.Seq > after })
	slices.SortFunc(list, func(a, b Segment) int { return cmp.Compare(a.Seq, b.Seq) })
	return list, err
}

// Moved is closed at the next event of the stream, or once it has ended; nil when it has.
func (w *Watch) Moved(id string) <-chan struct{} {
	s, ok := w.open(id)
	if !ok {
		return nil
	}
	defer s.mu.Unlock()
	if s.moved == nil {
		s.moved = make(chan struct{})
	}
	return s.moved
}

// End ends the stream, and so closes its segments. One that has ended is no error.
func (w *Watch) End(ctx context.Context, id string) (Stream, error) {
	s, ok := w.open(id)
	if !ok {
		return w.Stream(ctx, id)
	}
	defer s.mu.Unlock()
	if err := s.end(ctx, "asked"); err != nil {
		return Stream{}, err
	}
	if err := w.save(ctx, s); err != nil {
		return Stream{}, err
	}
	return s.told(), nil
}

// save writes what is new of the streams, which are locked, and then lets those know who follow.
func (w *Watch) save(ctx context.Context, streams ...*stream) error {
	pictures, record, err := w.recording(ctx, streams)
	if err != nil {
		return err
	}
	actor := ""
	if len(streams) == 1 {
		actor = streams[0].By
	}
	_, err = w.index.TransactPictures(ctx, actor, pictures, func(to hashindex.Writer) error {
		for _, s := range streams {
			if err := s.put(to); err != nil {
				return err
			}
		}
		return record(to)
	})
	if err != nil {
		return err
	}
	for _, s := range streams {
		s.saved()
		if s.over() {
			s.gone = true
			w.retire(s.ID)
		}
	}
	return nil
}

// recording is what Config.Record makes of what the streams have to tell.
func (w *Watch) recording(ctx context.Context, streams []*stream) ([][]byte, func(hashindex.Writer) error, error) {
	var told []Told
	for _, s := range streams {
		for _, seg := range s.tell {
			told = append(told, Told{s.head.told(), seg.Segment, s.atHand(seg.Pairs)})
		}
	}
	if w.config.Record == nil || len(told) == 0 {
		return nil, func(hashindex.Writer) error { return nil }, nil
	}
	return w.config.Record(ctx, told)
}
