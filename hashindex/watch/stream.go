package watch

import (
	"cmp"
	"context"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"touchstone/hashindex"
	"touchstone/hashindex/timeline"
)

// Stream is what is told of one.
type Stream struct {
	ID, Subject string
	Collections []string
	Within      hashindex.Within
	Effort      hashindex.Effort
	Policy      Policy
	Opened, Fed time.Time     // Fed: when frames came last
	Ended       time.Time     // zero: it is open
	Why         string        // it ended: asked or silent
	At          time.Duration // of the newest frame
	Seq         uint64        // of the last event
	Counts
	Segments int   // told of so far
	Open     []int // their numbers
	Bytes    int   // of memory
}

// Counts is what became of frames.
type Counts struct {
	Frames    uint64 `json:"frames"`    // taken
	Searched  uint64 `json:"searched"`  // of those
	Unchanged uint64 `json:"unchanged"` // of those: as the one before, and not searched for again
	Dark      uint64 `json:"dark"`      // of those: nothing can be told by them
	Dropped   uint64 `json:"dropped"`   // not taken: too late, or at a time when there was one
}

func (c *Counts) add(more Counts) {
	c.Frames, c.Searched, c.Unchanged = c.Frames+more.Frames, c.Searched+more.Searched, c.Unchanged+more.Unchanged
	c.Dark, c.Dropped = c.Dark+more.Dark, c.Dropped+more.Dropped
}

type counters struct{ frames, searched, unchanged, dark, dropped atomic.Uint64 }

func (c *counters) add(more Counts) {
	c.frames.Add(more.Frames)
	c.searched.Add(more.Searched)
	c.unchanged.Add(more.Unchanged)
	c.dark.Add(more.Dark)
	c.dropped.Add(more.Dropped)
}

func (c *counters) load() Counts {
	return Counts{c.frames.Load(), c.searched.Load(), c.unchanged.Load(), c.dark.Load(), c.dropped.Load()}
}

// Frame is one that a stream is fed with.
type Frame struct {
	hashindex.Frame
	Features func() hashindex.Features // made when tier partial might need them; nil: never
	Encoded  []byte                    // the picture as it came; nil: there is none
}

const (
	// recentFrames are held until something is found, and tell frames that come twice. One that comes later
	// than all of them, or than lateness after the newest, is dropped.
	recentFrames = 12
	lateness     = 10 * time.Second

	// densest is how near, in time, two frames may be: a tenth of a second tells no more than the next.
	densest = 100 * time.Millisecond

	// unchanged is the distance, in bits of PDQ, within which a frame shows what was searched for last: twice what
	// encoding moves most frames of a still. After freshness it is searched for again if references have changed.
	unchanged = 4
	freshness = 10 * time.Second

	// grownBy is how much longer a segment is whenever it is told of again.
	grownBy = 5 * time.Second

	window = time.Minute
	gap    = 4 * time.Second
)

// stream is one that is open.
type stream struct {
	mu    sync.Mutex // guards what follows, and orders what is stored; taken after no other lock
	watch *Watch
	head
	scope string
	bytes atomic.Int64 // as last counted: read without the lock

	recent   []recent
	last     searched
	turn     int                // of the next frame that is searched for
	follower *timeline.Follower // nil while nothing is found
	voted    time.Duration      // when something was found last
	runs     map[int]*segment   // by the follower's numbers
	open     map[int]*segment   // by ours

	fed   []Frame    // with the call under way
	dirty bool       // something is not stored
	tell  []*segment // that have events which are not stored
	moved chan struct{}
	gone  bool // it has ended, or never began
}

// recent is a frame that was taken lately.
type recent struct {
	at      time.Duration
	hash    hashindex.Hash
	quality int16
	mark    hashindex.Mark
	shot    bool
}

// searched is what was looked up last.
type searched struct {
	hash  hashindex.Hash
	at    time.Duration
	seq   hashindex.Seq
	votes []timeline.Vote
}

func newStream(w *Watch, h head) *stream {
	s := &stream{watch: w, head: h, scope: strings.Join(h.Collections, ",") + "\x00" + strings.Join(h.Within, ","), dirty: true}
	if h.Within == nil {
		s.scope += "\x00"
	}
	s.bytes.Store(int64(s.size()))
	return s
}

func (s *stream) told() Stream {
	told := s.head.told()
	told.Bytes = s.size()
	return told
}

func (s *stream) size() int {
	n := int(unsafe.Sizeof(*s)) + cap(s.recent)*int(unsafe.Sizeof(recent{})) + len(s.last.votes)*int(unsafe.Sizeof(timeline.Vote{})) + len(s.Subject) + len(s.scope)
	for _, seg := range s.open {
		n += int(unsafe.Sizeof(*seg)) + cap(seg.Pairs)*int(unsafe.Sizeof(Pair{}))
	}
	if s.follower != nil {
		n += s.follower.Bytes()
	}
	return n
}

func (s *stream) query() hashindex.Query {
	return hashindex.Query{Collections: s.Collections, Within: s.Within, Effort: s.Effort, Radius: hashindex.PolicyRadius}
}

// Feed takes frames of the stream, in any order, and says what became of them.
func (w *Watch) Feed(ctx context.Context, id string, frames []Frame) (Counts, Stream, error) {
	s, ok := w.openOrEnded(ctx, id)
	if ok != nil {
		return Counts{}, Stream{}, ok
	}
	defer s.mu.Unlock()
	frames = slices.Clone(frames)
	slices.SortStableFunc(frames, func(a, b Frame) int { return cmp.Compare(a.At, b.At) })
	s.fed = frames
	defer func() { s.fed = nil }()
	counts, err := s.feed(ctx, frames)
	if err != nil {
		return Counts{}, Stream{}, err
	}
	w.counts.add(counts)
	s.Counts.add(counts)
	s.Fed, s.dirty = w.config.Now().UTC(), true
	s.bytes.Store(int64(s.size()))
	if len(s.tell) > 0 {
		err = w.save(ctx, s)
	}
	return counts, s.told(), err
}

// atHand are the frames of the pairs, as far as they are known.
func (s *stream) atHand(pairs []Pair) (list []Frame) {
	for _, p := range pairs {
		if n := slices.IndexFunc(s.fed, func(f Frame) bool { return f.At == p.Query }); n >= 0 {
			list = append(list, s.fed[n])
		} else if n := slices.IndexFunc(s.recent, func(r recent) bool { return r.at == p.Query }); n >= 0 {
			list = append(list, Frame{Frame: s.recent[n].frame(s)})
		}
	}
	return list
}

// frame is what is remembered of it.
func (r recent) frame(of *stream) hashindex.Frame {
	f := hashindex.Frame{At: r.at, Shot: r.shot, Mark: r.mark}
	f.Recipe, f.Quality, f.Hashes[hashindex.PDQ] = of.watch.index.Recipe(), int(r.quality), r.hash
	return f
}

func (w *Watch) openOrEnded(ctx context.Context, id string) (*stream, error) {
	if s, ok := w.open(id); ok {
		return s, nil
	}
	if _, err := w.Stream(ctx, id); err != nil {
		return nil, err
	}
	return nil, ErrEnded
}

// taken is a frame on its way through the stream.
type taken struct {
	Frame
	ask   int // place among what is searched for; -1: the votes are those below
	votes []timeline.Vote
}

// feed is what Feed does with frames in order. Nothing has changed when it returns an error of the search.
func (s *stream) feed(ctx context.Context, frames []Frame) (counts Counts, err error) {
	var list []taken
	var asked []hashindex.Frame
	seen := slices.Clone(s.recent)
	last, lastAsk := s.last, -1
	for _, f := range frames {
		hash := f.Hashes[hashindex.PDQ]
		if !fits(seen, f.At) {
			counts.Dropped++
			continue
		}
		seen = remember(seen, recent{f.At, hash, int16(f.Quality), f.Mark, f.Shot})
		t := taken{Frame: f, ask: -1}
		switch {
		case dark(f.Frame):
			counts.Dark++
		case last.shows(hash, f.At, s.watch.index.Seq()):
			counts.Unchanged++
			t.ask, t.votes = lastAsk, last.votes
		default:
			counts.Searched++
			if f.Dihedral[hashindex.Upright].IsZero() {
				t.Dihedral = s.variants(hash)
			}
			lastAsk = len(asked)
			t.ask = lastAsk
			asked = append(asked, s.sparse(t.Frame.Frame))
			last = searched{hash: hash, at: f.At, seq: s.watch.index.Seq()}
		}
		list = append(list, t)
	}
	if len(asked) > 0 {
		query := s.query()
		query.Picture.Frames = asked
		votes, err := s.watch.searches.votes(ctx, query, s.scope)
		if err != nil {
			return Counts{}, err
		}
		for i := range list {
			if list[i].ask >= 0 {
				list[i].votes = votes[list[i].ask]
			}
		}
		last.votes = votes[lastAsk]
	}
	s.last = last
	counts.Frames = uint64(len(list))
	for _, t := range list {
		if err := s.take(ctx, t); err != nil {
			return Counts{}, err
		}
	}
	return counts, s.settle(ctx)
}

// sparse is the frame as it is searched for: without features, every third also mirrored and every ninth in all
// eight ways. What a few frames find, package timeline asks of all the others, which costs no search: two
// look-ups a frame instead of eight.
func (s *stream) sparse(f hashindex.Frame) hashindex.Frame {
	f.Features = hashindex.Features{}
	turn := s.turn
	s.turn++
	for t := hashindex.Upright + 1; t < hashindex.TransformCount; t++ {
		if turn%9 != 0 && (t != hashindex.Mirrored || turn%3 != 0) {
			f.Dihedral[t] = hashindex.Hash{}
		}
	}
	return f
}

func dark(f hashindex.Frame) bool {
	poor := f.Quality != hashindex.QualityUnknown && f.Quality < hashindex.PoorQuality
	return poor || f.Mark == hashindex.Black || f.Mark == hashindex.Flat || f.Hashes[hashindex.PDQ].IsZero()
}

func (l searched) shows(hash hashindex.Hash, at time.Duration, seq hashindex.Seq) bool {
	fresh := l.seq == seq || (at-l.at).Abs() < freshness
	return !l.hash.IsZero() && fresh && l.hash.Distance(hash) <= unchanged
}

func (s *stream) variants(h hashindex.Hash) (all [hashindex.TransformCount]hashindex.Hash) {
	if s.watch.config.Variants == nil || h.IsZero() {
		all[hashindex.Upright] = h
		return all
	}
	return s.watch.config.Variants(h)
}

// fits reports whether a frame of that time may still be taken.
func fits(list []recent, at time.Duration) bool {
	if len(list) == 0 {
		return true
	}
	if len(list) == recentFrames && at < list[0].at || list[len(list)-1].at-at > lateness {
		return false
	}
	return !slices.ContainsFunc(list, func(r recent) bool { return (r.at - at).Abs() < densest })
}

// remember puts the frame in its place and drops the oldest.
func remember(list []recent, r recent) []recent {
	at, _ := slices.BinarySearchFunc(list, r.at, func(r recent, at time.Duration) int { return cmp.Compare(r.at, at) })
	if len(list) == recentFrames {
		copy(list, list[1:at])
		list[at-1] = r
		return list
	}
	return slices.Insert(list, at, r)
}

// take hands the frame on to the follower, once there is something to follow.
func (s *stream) take(ctx context.Context, t taken) error {
	s.At = max(s.At, t.At)
	if s.follower == nil && (len(t.votes) > 0 || t.Features != nil) {
		if err := s.follow(ctx); err != nil {
			return err
		}
	}
	if s.follower != nil {
		if len(t.votes) > 0 {
			s.voted = max(s.voted, t.At)
		}
		if t.Dihedral[hashindex.Upright].IsZero() {
			t.Dihedral = s.variants(t.Hashes[hashindex.PDQ])
		}
		if err := s.follower.Voted(ctx, hashindex.Look{Frame: t.Frame.Frame, Features: t.Features}, t.votes); err != nil {
			return err
		}
	}
	s.recent = remember(s.recent, recent{t.At, t.Hashes[hashindex.PDQ], int16(t.Quality), t.Mark, t.Shot})
	return nil
}

// follow begins to, with the frames that came lately.
func (s *stream) follow(ctx context.Context) error {
	s.follower = s.watch.library.Follow(s.query(), timeline.Rules{Window: window, Gap: gap, MinFrames: max(2, s.Policy.Frames)})
	s.runs, s.voted = map[int]*segment{}, s.At
	for _, r := range s.recent {
		f := r.frame(s)
		f.Dihedral = s.variants(r.hash)
		if err := s.follower.Voted(ctx, hashindex.Look{Frame: f}, nil); err != nil {
			return err
		}
	}
	return nil
}

// end closes everything.
func (s *stream) end(ctx context.Context, why string) error {
	if s.follower != nil {
		over, err := s.follower.Finish(ctx, 0)
		if err != nil {
			return err
		}
		s.update(over, nil)
		s.follower, s.runs = nil, nil
	}
	for _, number := range slices.Sorted(maps.Keys(s.open)) {
		s.close(s.open[number])
	}
	s.Ended, s.Why, s.dirty = s.watch.config.Now().UTC(), why, true
	s.recent, s.last = nil, searched{}
	s.bytes.Store(0)
	return nil
}

// over reports whether it has ended.
func (s *stream) over() bool { return !s.Ended.IsZero() }

const unset = time.Duration(math.MinInt64)
