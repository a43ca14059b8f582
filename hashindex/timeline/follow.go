package timeline

import (
	"cmp"
	"context"
	"math"
	"slices"
	"time"
	"unsafe"

	"touchstone/hashindex"
)

// Follower asks an index for the votes of frames and keeps the timeline of them. The tiers copy and near are
// asked for every frame that differs from the one before. Tier partial is asked about a share of those that
// neither explains for certain, as they may show one work in a corner of another, and about the rest only
// whether they go on with what the share has found.
type Follower struct {
	timeline *Timeline
	library  *Library
	index    *hashindex.Index
	query    hashindex.Query // all but the picture

	last   Frame // with its votes, for frames that look the same
	queue  []queued
	credit float64 // of asking what frames show: each that waits adds its share
	hints  []hint  // where references were found last
	err    error   // of the store, as the timeline asks for a reference
}

// queued is a frame that the tiers before do not explain for certain, with features.
type queued struct {
	frame hashindex.Frame
	place Frame
	asked bool // what it shows
}

// hint is a frame of a reference that a frame of the query showed.
type hint struct {
	at       time.Duration
	frame    hashindex.FrameID
	mirrored bool
}

const (
	// queueLength is how many frames are looked at together.
	queueLength = 6

	// partialShare is of how many of them tier partial is asked about one, whatever it shows.
	partialShare = 3

	// certain is the score of a frame that shows a reference and nothing else: 16 bits of PDQ. A tenth of the
	// picture replaced is farther away, and so are most of the worst encodings.
	certain = 1 - 16.0/128

	// hintLife is how far a hint reaches, hintReach how far beside the place that it gives frames of the
	// reference are laid over the query, and hintFrames how many.
	hintLife   = 10 * time.Second
	hintReach  = time.Second
	hintFrames = 3
	maxHints   = 3

	// unchanged is the distance, in bits of PDQ, within which a frame is the one before.
	unchanged = 2
)

// Follow is a Follower without frames. Of the query the picture is not used.
func Follow(index *hashindex.Index, query hashindex.Query, rules Rules, now func() time.Time) *Follower {
	return NewLibrary(index, now).Follow(query, rules)
}

// Add takes the next frame, or one that comes slightly late. Its features are asked for, before Add returns,
// when tier partial might need them; without them that tier is not tried.
func (f *Follower) Add(ctx context.Context, look hashindex.Look) error {
	if place := placed(look); place.dark() || f.same(place) {
		return f.Voted(ctx, look, nil)
	}
	votes, err := f.near(ctx, look)
	if err != nil {
		return err
	}
	return f.Voted(ctx, look, votes)
}

func placed(look hashindex.Look) Frame {
	place := Frame{At: look.At, Shot: look.Shot, Mark: look.Mark, Quality: look.Quality, Dihedral: look.Dihedral, Inner: look.Inner.Dihedral}
	if place.Dihedral[hashindex.Upright].IsZero() {
		place.Dihedral[hashindex.Upright] = look.Hashes[hashindex.PDQ]
	}
	return place
}

// Voted is Add for a frame whose votes in the tiers copy and near are known.
func (f *Follower) Voted(ctx context.Context, look hashindex.Look, votes []Vote) error {
	frame, place := look.Frame, placed(look)
	if place.dark() {
		f.timeline.Add(place)
		return f.err
	}
	if len(votes) == 0 && f.same(place) {
		place.Votes = f.last.Votes
		f.timeline.Add(place)
		return f.err
	}
	place.Votes, f.last = votes, place
	f.last.Votes = votes
	if uncertain(votes) && f.query.Effort == hashindex.FullEffort && look.Features != nil && frame.Mark == hashindex.Telling {
		if frame.Features = look.Features(); !frame.Features.IsZero() {
			frame.Features.Closer = nil // it would be of a picture that is gone by then
			return f.wait(ctx, queued{frame: frame, place: place})
		}
	}
	// What waits ended where this begins: it is looked at while it is known what it may go on with.
	if err := f.flush(ctx); err != nil {
		return err
	}
	f.hint(place)
	f.timeline.Add(place)
	return f.err
}

// uncertain reports whether something else may be in the frame than what the votes say.
func uncertain(votes []Vote) bool {
	return !slices.ContainsFunc(votes, func(v Vote) bool { return v.Score >= certain })
}

func (f *Follower) wait(ctx context.Context, q queued) error {
	if n := len(f.queue); n > 0 && len(q.place.Votes) > 0 && len(f.queue[n-1].place.Votes) == 0 {
		// What was not explained ended where this begins.
		if err := f.flush(ctx); err != nil {
			return err
		}
	}
	f.hint(q.place)
	if f.queue = append(f.queue, q); len(f.queue) < queueLength {
		return nil
	}
	return cmp.Or(f.flush(ctx), f.err)
}

func (f *Follower) same(place Frame) bool {
	a, b := f.last.Dihedral[hashindex.Upright], place.Dihedral[hashindex.Upright]
	return !a.IsZero() && !b.IsZero() && len(f.queue) == 0 && a.Distance(b) <= unchanged
}

// near asks with the frame, and with what lies inside its border.
func (f *Follower) near(ctx context.Context, look hashindex.Look) (votes []Vote, _ error) {
	query := f.query
	query.Picture = hashindex.Picture{Frames: []hashindex.Frame{look.Frame}}
	if !look.Inner.Hashes.IsZero() {
		query.Picture.Frames = append(query.Picture.Frames, hashindex.Frame{At: look.At, Fingerprint: look.Inner})
	}
	matches, err := f.index.MatchFrames(ctx, query)
	if err != nil {
		return nil, err
	}
	for _, each := range matches {
		votes = append(votes, VotesOf(each)...)
	}
	return votes, nil
}

// VotesOf are the matches of a frame as votes.
func VotesOf(matches []hashindex.FrameMatch) (votes []Vote) {
	for _, m := range matches {
		votes = append(votes, Vote{m.Frame, m.Kind, m.Transform, m.Score})
	}
	return votes
}

// hint remembers where the frame's best votes are.
func (f *Follower) hint(place Frame) {
	var seen []hashindex.ReferenceID
	for _, v := range place.Votes {
		id := v.Frame.Reference()
		if len(seen) == maxHints || slices.Contains(seen, id) {
			continue
		}
		seen = append(seen, id)
		f.hints = slices.DeleteFunc(f.hints, func(h hint) bool { return h.frame.Reference() == id && h.at <= place.At })
		f.hints = append(f.hints, hint{place.At, v.Frame, v.Transform.IsMirrored()})
	}
	f.hints = slices.DeleteFunc(f.hints, func(h hint) bool { return place.At-h.at > hintLife })
}

// flush asks tier partial about the frames that wait: first whether they go on with what was found before or
// after them, and then, of a share of them, what they show.
func (f *Follower) flush(ctx context.Context) error {
	queue := f.queue
	f.queue, f.credit = nil, min(f.credit+float64(len(queue))/partialShare, 2)
	err := f.goOn(ctx, queue)
	for err == nil && f.credit > 0 {
		q := unasked(queue)
		if q == nil {
			break
		}
		f.credit--
		q.asked = true
		var matches []hashindex.FrameMatch
		if matches, err = f.index.MatchFrameParts(ctx, f.asking(*q)); err == nil && f.learn(q, matches) {
			err = f.goOn(ctx, queue)
		}
	}
	for _, q := range queue {
		f.timeline.Add(q.place)
	}
	return err
}

// unasked is the frame to ask next: the middle one of those that nothing explains yet, or else of all; nil
// when all have been asked.
func unasked(queue []queued) *queued {
	var unexplained, rest []*queued
	for i := range queue {
		switch q := &queue[i]; {
		case q.asked:
		case len(q.place.Votes) == 0:
			unexplained = append(unexplained, q)
		default:
			rest = append(rest, q)
		}
	}
	if len(unexplained) > 0 {
		return unexplained[len(unexplained)/2]
	}
	if len(rest) > 0 {
		return rest[len(rest)/2]
	}
	return nil
}

// goOn asks each frame whether it goes on with what is known and has not been found in it.
func (f *Follower) goOn(ctx context.Context, queue []queued) error {
	for i := range queue {
		matches, err := f.lay(ctx, queue[i])
		if err != nil {
			return err
		}
		f.learn(&queue[i], matches)
	}
	return nil
}

func (f *Follower) asking(q queued) hashindex.Query {
	query := f.query
	query.Picture = hashindex.Picture{Frames: []hashindex.Frame{q.frame}}
	return query
}

// learn adds the matches of references that the frame has no votes for, and reports whether there are any.
func (f *Follower) learn(q *queued, matches []hashindex.FrameMatch) bool {
	known := q.place.Votes
	for _, v := range VotesOf(matches) {
		if !votesFor(known, v.Frame.Reference()) {
			q.place.Votes = append(q.place.Votes, v)
		}
	}
	if len(q.place.Votes) == len(known) {
		return false
	}
	if q.place.At == f.last.At {
		f.last.Votes = q.place.Votes
	}
	f.hint(Frame{At: q.place.At, Votes: q.place.Votes[len(known):]})
	return true
}

func votesFor(votes []Vote, id hashindex.ReferenceID) bool {
	return slices.ContainsFunc(votes, func(v Vote) bool { return v.Frame.Reference() == id })
}

// lay asks whether the frame goes on with what was found shortly before or after it, but for what it is known
// to show.
func (f *Follower) lay(ctx context.Context, q queued) (found []hashindex.FrameMatch, _ error) {
	asked := map[hashindex.ReferenceID]bool{}
	hints := slices.Clone(f.hints)
	slices.SortStableFunc(hints, func(a, b hint) int { return cmp.Compare((a.at - q.place.At).Abs(), (b.at - q.place.At).Abs()) })
	for _, h := range hints {
		id := h.frame.Reference()
		r, there := f.reference(id)
		if !there || asked[id] || votesFor(q.place.Votes, id) || len(asked) == maxHints || (h.at-q.place.At).Abs() > hintLife {
			continue
		}
		asked[id] = true
		among := featuredNear(r, r.Frames[h.frame.Index()].At+q.place.At-h.at)
		if len(among) == 0 {
			continue
		}
		matches, err := f.index.LayFrames(ctx, f.asking(q), among, h.mirrored)
		if err != nil {
			return nil, err
		}
		found = append(found, matches...)
	}
	return found, nil
}

// featuredNear are the frames with features around that time, the nearest first. A still is near to all.
func featuredNear(r hashindex.Reference, at time.Duration) (among []hashindex.FrameID) {
	for n := firstNear(r, (at - hintReach).Seconds()); n < len(r.Frames) && (r.Frames[n].At <= at+hintReach || len(r.Frames) == 1); n++ {
		if !r.Frames[n].Features.IsZero() {
			among = append(among, hashindex.FrameOf(r.ID, n))
		}
	}
	slices.SortStableFunc(among, func(a, b hashindex.FrameID) int {
		away := func(id hashindex.FrameID) float64 { return math.Abs((r.Frames[id.Index()].At - at).Seconds()) }
		return cmp.Compare(away(a), away(b))
	})
	return among[:min(len(among), hintFrames)]
}

// reference is the reference if it may be answered now.
func (f *Follower) reference(id hashindex.ReferenceID) (hashindex.Reference, bool) {
	r, there, err := f.library.reference(id)
	f.err = cmp.Or(f.err, err)
	return r, there
}

// Segments is the timeline's, once what waits has been looked at.
func (f *Follower) Segments(ctx context.Context) (closed, open []Segment, err error) {
	if err := f.flush(ctx); err != nil {
		return nil, nil, err
	}
	closed, open = f.timeline.Segments()
	return closed, open, f.err
}

// Finish is the timeline's, once what waits has been looked at.
func (f *Follower) Finish(ctx context.Context, end time.Duration) ([]Segment, error) {
	if err := f.flush(ctx); err != nil {
		return nil, err
	}
	return f.timeline.Finish(end), f.err
}

// Bytes is about how much memory the follower takes, but for features of frames that wait.
func (f *Follower) Bytes() int { return f.timeline.Bytes() + int(unsafe.Sizeof(*f)) }
