package watch

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"touchstone/hashindex"
	"touchstone/hashindex/search/linear"
	"touchstone/hashindex/store/memory"
)

const recipe = hashindex.Recipe("test")

// house is an index with one film of a hundred seconds in it, four frames a second, and a clock.
type house struct {
	t     *testing.T
	store hashindex.Storage
	index *hashindex.Index
	rng   *rand.Rand
	film  []hashindex.Hash
	id    hashindex.ReferenceID
	now   time.Time
}

const beats = 4 // frames of the film in a second

func newHouse(t *testing.T, seed uint64) *house {
	t.Helper()
	h := &house{t: t, store: memory.New(), rng: rand.New(rand.NewPCG(seed, 7)), now: time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)}
	index, err := hashindex.Open(hashindex.Config{
		Store: h.store, Recipe: recipe,
		NewSearcher: func(a hashindex.Algorithm) hashindex.Searcher { return linear.New(a.Bits()) },
	})
	if err != nil {
		t.Fatal(err)
	}
	h.index = index
	t.Cleanup(func() { index.Close() })
	if err := index.WaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, _, err := index.CreateCollection(t.Context(), "test", hashindex.Collection{Name: "films", Purpose: hashindex.Work, Policy: hashindex.DefaultPolicy()}); err != nil {
		t.Fatal(err)
	}
	var p hashindex.Picture
	for i := range 100 * beats {
		h.film = append(h.film, h.random())
		p.Frames = append(p.Frames, frame(time.Duration(i)*time.Second/beats, h.film[i]).Frame)
	}
	added, _, err := index.AddReferences(t.Context(), "test", "films", []hashindex.NewReference{{Picture: p}})
	if err != nil {
		t.Fatal(err)
	}
	h.id = added[0].ID
	return h
}

func (h *house) random() hashindex.Hash {
	return hashindex.Hash256([4]uint64{h.rng.Uint64(), h.rng.Uint64(), h.rng.Uint64(), h.rng.Uint64()})
}

func frame(at time.Duration, hash hashindex.Hash) Frame {
	f := hashindex.Frame{At: at}
	f.Recipe, f.Quality, f.Hashes[hashindex.PDQ] = recipe, 100, hash
	return Frame{Frame: f}
}

func (h *house) watch(limits Limits) *Watch {
	h.t.Helper()
	n := 0
	w, err := Open(h.t.Context(), Config{
		Index: h.index, Limits: limits, Now: func() time.Time { return h.now },
		NewID: func() string { n++; return fmt.Sprintf("s%05d", n) },
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return w
}

func (h *house) open(w *Watch, o Opening) string {
	h.t.Helper()
	s, err := w.Open(h.t.Context(), "test", o, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	return s.ID
}

// shows is the film from that second on, in frames of the stream a second apart.
func (h *house) shows(from, to, film int) (frames []Frame) {
	for at := from; at < to; at++ {
		frames = append(frames, frame(time.Duration(at)*time.Second, h.film[(film+at-from)*beats]))
	}
	return frames
}

// other is frames of something that nobody has registered.
func (h *house) other(from, to int) (frames []Frame) {
	for at := from; at < to; at++ {
		frames = append(frames, frame(time.Duration(at)*time.Second, h.random()))
	}
	return frames
}

func (h *house) feed(w *Watch, id string, frames []Frame) Counts {
	h.t.Helper()
	counts, _, err := w.Feed(h.t.Context(), id, frames)
	if err != nil {
		h.t.Fatal(err)
	}
	return counts
}

// feedEach feeds frames one by one and returns every event that was told on the way.
func (h *house) feedEach(w *Watch, id string, frames []Frame) (told []Segment) {
	h.t.Helper()
	for _, f := range frames {
		s, err := w.Stream(h.t.Context(), id)
		if err != nil {
			h.t.Fatal(err)
		}
		h.feed(w, id, []Frame{f})
		told = append(told, h.events(w, id, s.Seq)...)
	}
	return told
}

func (h *house) events(w *Watch, id string, after uint64) []Segment {
	h.t.Helper()
	list, err := w.Events(h.t.Context(), id, after)
	if err != nil {
		h.t.Fatal(err)
	}
	return list
}

func (h *house) segments(w *Watch, id string) []Segment {
	h.t.Helper()
	list, err := w.Segments(h.t.Context(), id, 0, 1000)
	if err != nil {
		h.t.Fatal(err)
	}
	return list
}

func states(told []Segment) (names []string) {
	for _, s := range told {
		names = append(names, s.State.String())
	}
	return names
}

func near(a, b time.Duration) bool { return (a - b).Abs() <= time.Second }

func (h *house) want(s Segment, from, to, film int) {
	h.t.Helper()
	second := func(n int) time.Duration { return time.Duration(n) * time.Second }
	if s.Reference != h.id || !near(s.From, second(from)) || !near(s.To, second(to)) || !near(s.ReferenceFrom, second(film)) {
		h.t.Errorf("%+v, want reference %d at %d..%d s, from its second %d on", s, h.id, from, to, film)
	}
}

func TestSegmentIsToldOfAsItOpensGrowsAndCloses(t *testing.T) {
	h := newHouse(t, 1)
	w := h.watch(Limits{})
	id := h.open(w, Opening{Subject: "channel-7"})
	told := h.feedEach(w, id, slices.Concat(h.other(0, 20), h.shows(20, 50, 30), h.other(50, 80)))
	names := states(told)
	if len(names) < 4 || names[0] != "opened" || names[1] != "grown" || names[len(names)-1] != "closed" {
		t.Fatalf("told %v", names)
	}
	for i, s := range told {
		if s.Number != 1 || s.Seq != uint64(i+1) {
			t.Errorf("event %d is number %d of segment %d", i+1, s.Seq, s.Number)
		}
	}
	h.want(told[len(told)-1], 20, 50, 30)
	if first := told[0]; first.Frames < 3 || first.To > 26*time.Second {
		t.Errorf("opened late or early: %+v", first)
	}
}

func TestFewerFramesThanThePolicyAsksForAreNotToldOf(t *testing.T) {
	h := newHouse(t, 2)
	w := h.watch(Limits{})
	strict := h.open(w, Opening{Policy: Policy{Frames: 8, Within: 20 * time.Second}})
	loose := h.open(w, Opening{})
	frames := slices.Concat(h.other(0, 5), h.shows(5, 11, 40), h.other(11, 40))
	if told := h.feedEach(w, strict, frames); len(told) != 0 {
		t.Errorf("told of six frames where eight are asked for: %+v", told)
	}
	if told := h.feedEach(w, loose, frames); len(told) == 0 {
		t.Error("nothing told where three are asked for")
	}
}

func TestUnchangedFramesAreNotSearchedAgain(t *testing.T) {
	h := newHouse(t, 3)
	w := h.watch(Limits{})
	id := h.open(w, Opening{})
	still, almost := h.film[0], h.film[0]
	almost.Words[2] ^= 5 // two bits
	var frames []Frame
	for i := range 20 {
		frames = append(frames, frame(time.Duration(i)*time.Second, []hashindex.Hash{still, almost}[i%2]))
	}
	if c := h.feed(w, id, frames[:10]); c != (Counts{Frames: 10, Searched: 1, Unchanged: 9}) {
		t.Errorf("%+v, want one search", c)
	}
	if c := h.feed(w, id, frames[10:]); c != (Counts{Frames: 10, Unchanged: 10}) {
		t.Errorf("%+v, want no search", c)
	}
	// Something was registered since: what stands still may be that.
	if _, _, err := h.index.AddReferences(t.Context(), "test", "films", []hashindex.NewReference{{Picture: hashindex.Picture{Frames: []hashindex.Frame{frame(0, still).Frame}}}}); err != nil {
		t.Fatal(err)
	}
	if c := h.feed(w, id, []Frame{frame(31*time.Second, still)}); c.Searched != 1 {
		t.Errorf("%+v, want it searched for once more", c)
	}
}

func TestLateAndRepeatedFramesChangeNothing(t *testing.T) {
	h := newHouse(t, 4)
	w := h.watch(Limits{})
	orderly, disorderly := h.open(w, Opening{}), h.open(w, Opening{})
	frames := slices.Concat(h.other(0, 10), h.shows(10, 40, 20), h.other(40, 60))
	for batch := range slices.Chunk(frames, 6) {
		h.feed(w, orderly, batch)
	}
	for i, batch := range slices.Collect(slices.Chunk(frames, 3)) {
		late := slices.Clone(batch)
		h.rng.Shuffle(len(late), func(i, j int) { late[i], late[j] = late[j], late[i] })
		for _, f := range late {
			h.feed(w, disorderly, []Frame{f})
		}
		if c := h.feed(w, disorderly, batch); c.Frames != 0 || c.Dropped != uint64(len(batch)) {
			t.Errorf("batch %d again: %+v, want all dropped", i, c)
		}
	}
	a, b := h.segments(w, orderly), h.segments(w, disorderly)
	if len(a) != 1 || len(b) != 1 {
		t.Fatalf("in order %+v, out of order %+v", a, b)
	}
	h.want(a[0], 10, 40, 20)
	h.want(b[0], 10, 40, 20)
	if c := h.feed(w, orderly, []Frame{frame(30*time.Second, h.random())}); c.Dropped != 1 {
		t.Errorf("half a minute late: %+v", c)
	}
}

func TestSegmentGoesOnAfterARestart(t *testing.T) {
	h := newHouse(t, 5)
	w := h.watch(Limits{})
	id := h.open(w, Opening{Subject: "channel-7"})
	for batch := range slices.Chunk(slices.Concat(h.other(0, 10), h.shows(10, 30, 20)), 2) {
		h.feed(w, id, batch)
	}
	before := h.segments(w, id)
	if len(before) != 1 || before[0].State.IsClosed() {
		t.Fatalf("before: %+v", before)
	}
	seq := h.events(w, id, 0)[0].Seq
	w = h.watch(Limits{}) // without a word to the first: as after a kill
	s, err := w.Stream(t.Context(), id)
	if err != nil || s.Subject != "channel-7" || !s.Ended.IsZero() || len(s.Open) != 1 {
		t.Fatalf("after: %+v, %v", s, err)
	}
	told := h.feedEach(w, id, slices.Concat(h.shows(34, 50, 44), h.other(50, 80))) // four seconds were missed
	after := h.segments(w, id)
	if len(after) != 1 || !after[0].State.IsClosed() {
		t.Fatalf("after: %+v", after)
	}
	h.want(after[0], 10, 50, 20)
	if names := states(told); slices.Contains(names, "opened") || told[0].Seq != seq+1 {
		t.Errorf("told %v from %d on, the last before was %d", names, told[0].Seq, seq)
	}
	if after[0].Frames < 30 {
		t.Errorf("%d frames agree, want those before and after", after[0].Frames)
	}
}

func TestSegmentThatNothingGoesOnWithClosesAfterARestart(t *testing.T) {
	h := newHouse(t, 6)
	w := h.watch(Limits{})
	id := h.open(w, Opening{})
	h.feed(w, id, slices.Concat(h.other(0, 10), h.shows(10, 30, 20)))
	w = h.watch(Limits{})
	h.feedEach(w, id, slices.Concat(h.shows(31, 45, 70), h.other(45, 90))) // another part of the same film
	all := h.segments(w, id)
	if len(all) != 2 || !all[0].State.IsClosed() || !all[1].State.IsClosed() {
		t.Fatalf("%+v", all)
	}
	h.want(all[0], 10, 30, 20)
	h.want(all[1], 31, 45, 70)
}

func TestSilentStreamEndsThoughTheClockGoesBack(t *testing.T) {
	h := newHouse(t, 7)
	w := h.watch(Limits{Silence: time.Minute})
	id := h.open(w, Opening{})
	h.feed(w, id, h.shows(0, 20, 20))
	h.now = h.now.Add(-24 * time.Hour)
	sweep(t, w)
	h.now = h.now.Add(59 * time.Second)
	sweep(t, w)
	if s, _ := w.Stream(t.Context(), id); !s.Ended.IsZero() {
		t.Fatal("ended too soon")
	}
	h.now = h.now.Add(time.Second)
	sweep(t, w)
	if s, err := w.Stream(t.Context(), id); err != nil || s.Why != "silent" {
		t.Errorf("%+v, %v, want it ended", s, err)
	}
}

func TestSilentStreamEnds(t *testing.T) {
	h := newHouse(t, 7)
	w := h.watch(Limits{Silence: time.Minute})
	silent, alive := h.open(w, Opening{}), h.open(w, Opening{})
	h.feed(w, silent, h.shows(0, 20, 20))
	moved := w.Moved(silent)
	h.now = h.now.Add(59 * time.Second)
	h.feed(w, alive, h.other(0, 3))
	sweep(t, w)
	if s, _ := w.Stream(t.Context(), silent); !s.Ended.IsZero() {
		t.Fatal("ended too soon")
	}
	h.now = h.now.Add(time.Second)
	sweep(t, w)
	s, err := w.Stream(t.Context(), silent)
	if err != nil || s.Ended.IsZero() || s.Why != "silent" || len(s.Open) != 0 {
		t.Errorf("%+v, %v, want it ended", s, err)
	}
	select {
	case <-moved:
	default:
		t.Error("those who follow were not told")
	}
	if all := h.segments(w, silent); len(all) != 1 || !all[0].State.IsClosed() {
		t.Errorf("%+v, want one closed segment", all)
	}
	if _, _, err := w.Feed(t.Context(), silent, h.other(60, 61)); !errors.Is(err, ErrEnded) {
		t.Errorf("fed: %v", err)
	}
	if s, _ := w.Stream(t.Context(), alive); !s.Ended.IsZero() {
		t.Error("the one that is fed ended too")
	}
	if s, err := h.watch(Limits{}).Stream(t.Context(), silent); err != nil || s.Why != "silent" {
		t.Errorf("after a restart: %+v, %v", s, err)
	}
}

func sweep(t *testing.T, w *Watch) {
	t.Helper()
	if err := w.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestAThousandStreamsAreBoundedInMemory(t *testing.T) {
	h := newHouse(t, 8)
	w := h.watch(Limits{Streams: 1000})
	var ids []string
	for range 1000 {
		ids = append(ids, h.open(w, Opening{}))
	}
	_, err := w.Open(t.Context(), "test", Opening{}, nil)
	if limit, ok := errors.AsType[*hashindex.LimitError](err); !ok || limit.Limit != "streams" {
		t.Fatalf("one more: %v", err)
	}
	for i, id := range ids {
		frames := h.other(0, 40)
		if i < 10 {
			frames = h.shows(0, 95, 0) // finds something all the time
		}
		h.feed(w, id, frames)
	}
	for i, id := range ids {
		s, err := w.Stream(t.Context(), id)
		if most := 4 << 10; err != nil || i >= 10 && s.Bytes > most {
			t.Fatalf("stream %d takes %d bytes, want at most %d where nothing is found; %v", i, s.Bytes, most, err)
		}
	}
	// A stream that is full of frames, each of which finds something, holds those of a minute or so.
	var dense []Frame
	for i := range 2000 {
		dense = append(dense, frame(100*time.Second+time.Duration(i)*50*time.Millisecond, h.film[i/5%len(h.film)]))
	}
	for batch := range slices.Chunk(dense, 500) {
		if c := h.feed(w, ids[0], batch); c.Frames != 250 {
			t.Errorf("%+v, want every other frame", c)
		}
	}
	if s, _ := w.Stream(t.Context(), ids[0]); s.Bytes > 1<<20 {
		t.Errorf("a dense stream takes %d bytes", s.Bytes)
	}
	if stats := w.Stats(); stats.Open != 1000 || stats.Bytes < 1000*500 || stats.Bytes > 16<<20 {
		t.Errorf("%+v", stats)
	}
}

func TestStreamsThatEndedAreRememberedUpToTheLimit(t *testing.T) {
	h := newHouse(t, 9)
	w := h.watch(Limits{Ended: 2})
	var ids []string
	for range 4 {
		id := h.open(w, Opening{})
		h.feed(w, id, h.shows(0, 10, 20))
		if s, err := w.End(t.Context(), id); err != nil || s.Why != "asked" {
			t.Fatalf("%+v, %v", s, err)
		}
		ids = append(ids, id)
	}
	sweep(t, w)
	for i, id := range ids {
		_, err := w.Stream(t.Context(), id)
		if gone := errors.Is(err, hashindex.ErrNotFound); gone != (i < 2) {
			t.Errorf("stream %d: %v", i, err)
		}
	}
	if err := h.index.View(context.Background(), func(r hashindex.Reader) error {
		rows := 0
		for range r.Rows(segmentTable, "") {
			rows++
		}
		if rows != 2 {
			t.Errorf("%d rows of segments, want 2", rows)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

func TestFramesOfManyStreamsAreSearchedForTogether(t *testing.T) {
	h := newHouse(t, 10)
	w := h.watch(Limits{})
	requests := make([]*request, 5)
	for i := range requests {
		scope := []string{"a", "b"}[i%2]
		query := hashindex.Query{Effort: hashindex.FastEffort, Radius: hashindex.PolicyRadius}
		for range i + 1 {
			query.Picture.Frames = append(query.Picture.Frames, frame(0, h.film[i*40]).Frame)
		}
		requests[i] = &request{query: query, scope: scope, done: make(chan struct{})}
		w.searches.queue = append(w.searches.queue, requests[i])
	}
	for _, want := range []int{3, 2, 0} {
		batch := w.searches.take()
		if len(batch) != want {
			t.Fatalf("%d requests together, want %d", len(batch), want)
		}
		w.searches.run(t.Context(), batch)
	}
	for i, r := range requests {
		<-r.done
		if r.err != nil || len(r.votes) != i+1 || len(r.votes[i]) != 1 || r.votes[i][0].Frame.Index() != i*40 {
			t.Errorf("request %d: %+v, %v", i, r.votes, r.err)
		}
	}
}

func TestSegmentsBeyondTheLimitAreForgottenOldestFirst(t *testing.T) {
	h := newHouse(t, 11)
	w := h.watch(Limits{Segments: 2})
	id := h.open(w, Opening{})
	for at := 0; at < 200; at += 50 {
		h.feedEach(w, id, slices.Concat(h.shows(at, at+15, 20), h.other(at+15, at+50)))
	}
	all := h.segments(w, id)
	if len(all) != 2 || all[0].Number != 3 || all[1].Number != 4 {
		t.Errorf("%+v, want the segments 3 and 4", all)
	}
}

// A frame is not searched for in all eight ways, and still a stream that is mirrored or turned throughout is
// found from the first frame on.
func TestMirroredAndTurnedStreamsAreFoundWhole(t *testing.T) {
	for _, turn := range []hashindex.Transform{hashindex.Mirrored, hashindex.Mirrored + 1, hashindex.Upright + 2} {
		h := newHouse(t, 40+uint64(turn))
		ways := map[hashindex.Hash][hashindex.TransformCount]hashindex.Hash{}
		var frames []Frame
		for _, f := range h.shows(0, 60, 10) {
			shown := h.random()
			all := [hashindex.TransformCount]hashindex.Hash{shown}
			all[turn] = f.Hashes[hashindex.PDQ]
			ways[shown] = all
			frames = append(frames, frame(f.At, shown))
		}
		w, err := Open(t.Context(), Config{
			Index: h.index, Now: func() time.Time { return h.now },
			Variants: func(hash hashindex.Hash) [hashindex.TransformCount]hashindex.Hash { return ways[hash] },
		})
		if err != nil {
			t.Fatal(err)
		}
		id := h.open(w, Opening{})
		h.feedEach(w, id, frames)
		if _, err := w.End(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		segments := h.segments(w, id)
		if len(segments) != 1 {
			t.Fatalf("%v: %d segments", turn, len(segments))
		}
		s := segments[0]
		if s.Transform != turn || !near(s.From, 0) || !near(s.To, 59*time.Second) || s.Frames < 55 {
			t.Errorf("%v: got %v from %v to %v, %d frames", turn, s.Transform, s.From, s.To, s.Frames)
		}
	}
}
