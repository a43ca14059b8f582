package watch

import (
	"time"

	"touchstone/hashindex"
	"touchstone/hashindex/timeline"
)

// State is what the last event of a segment said of it.
type State int

const (
	opened State = iota
	grown
	closed
)

var stateNames = [...]string{"opened", "grown", "closed"}

// String is opened, grown or closed.
func (s State) String() string { return stateNames[s] }

// IsClosed reports whether the segment is as it will stay.
func (s State) IsClosed() bool { return s == closed }

// Segment is a part of a stream that shows a part of a reference. It is the unit of a hit: one, that grows.
type Segment struct {
	Number int    // of the stream's, in the order of opening, from 1
	Seq    uint64 // of its last event
	State  State

	Reference     hashindex.ReferenceID
	From, To      time.Duration // of the stream
	ReferenceFrom time.Duration
	ReferenceTo   time.Duration
	Speed         float64 // how fast the reference's time goes; 0: it is a still
	Frames, Asked int     // that agree; that could tell
	Mirrored      bool
	Transform     hashindex.Transform
	Kind          hashindex.Tier
	Score         float64
	Pairs         []Pair
}

// Pair is a frame of the stream beside the one of the reference that it shows.
type Pair = timeline.Pair

// segment is one that is open.
type segment struct {
	Segment
	toldTo time.Duration

	before   Segment // as it was when it was orphaned; Number 0: it never was
	orphaned bool    // no run of the follower's is it, since then
	since    time.Duration
}

// renew takes over what the follower says, after what was before.
func (s *segment) renew(t timeline.Segment) {
	n, seq, state := s.Number, s.Seq, s.State
	s.Segment = Segment{
		Number: n, Seq: seq, State: state,
		Reference: t.Reference, From: t.From, To: t.To, ReferenceFrom: t.ReferenceFrom, ReferenceTo: t.ReferenceTo,
		Speed: t.Speed, Frames: t.Frames, Asked: t.Asked, Mirrored: t.Mirrored, Transform: t.Transform,
		Kind: t.Kind, Score: t.Score, Pairs: t.Pairs,
	}
	if b := s.before; b.Number != 0 && b.From < t.From {
		s.From, s.ReferenceFrom = b.From, b.ReferenceFrom
		if b.To < t.From { // else the follower has counted them again
			s.Frames, s.Asked = b.Frames+t.Frames, b.Asked+t.Asked
			s.Score = (b.Score*float64(b.Asked) + t.Score*float64(t.Asked)) / float64(max(1, s.Asked))
			s.Pairs = append(append([]Pair{}, b.Pairs...), t.Pairs...)[:min(len(b.Pairs)+len(t.Pairs), maxPairs)]
		}
	}
}

// maxPairs bounds the pairs of a segment that was found in parts.
const maxPairs = 24

// orphan keeps the segment for a run that goes on with it.
func (s *segment) orphan(at time.Duration) { s.before, s.orphaned, s.since = s.Segment, true, at }

func (s *segment) adopt() { s.orphaned = false }

// goesOn reports whether the run shows the same reference and where it would be by now.
func (s *segment) goesOn(t timeline.Segment) bool {
	if t.Reference != s.Reference || t.Mirrored != s.Mirrored || t.To < s.From {
		return false
	}
	if t.Speed == 0 {
		return true
	}
	by := s.ReferenceTo + time.Duration(float64(t.From-s.To)*t.Speed)
	return (by - t.ReferenceFrom).Abs() < 2*time.Second
}
