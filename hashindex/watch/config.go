package watch

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"touchstone/hashindex"
	"touchstone/hashindex/timeline"
)

// Config says what a Watch works with. Index is needed.
type Config struct {
	Index *hashindex.Index

	// Variants derives the hashes of the turned and mirrored frame from that of the upright one. Without it,
	// frames that come as hashes are found upright only.
	Variants func(hashindex.Hash) [hashindex.TransformCount]hashindex.Hash

	// Record is told of what is about to be told of, and writes what follows from it in the same transaction, with
	// pictures that its rows keep (Index.TransactPictures). It may be run again when that fails. Nil: nothing does.
	Record func(context.Context, []Told) (pictures [][]byte, write func(hashindex.Writer) error, err error)

	Limits Limits
	Now    func() time.Time // time.Now by default
	NewID  func() string    // ascending; by the clock, with something random, by default
}

// Limits bound what streams cost. The zero value of a field stands for its default.
type Limits struct {
	Streams  int           // open at once; 50,000
	Ended    int           // remembered after they ended; 10,000
	Segments int           // remembered of one stream: the newest; 10,000
	Silence  time.Duration // after which a stream without frames ends; 5 min
}

// WithDefaults fills in what is left out.
func (l Limits) WithDefaults() Limits {
	return Limits{
		Streams:  cmp.Or(l.Streams, 50_000),
		Ended:    cmp.Or(l.Ended, 10_000),
		Segments: cmp.Or(l.Segments, 10_000),
		Silence:  cmp.Or(l.Silence, 5*time.Minute),
	}
}

// Policy says when a segment is told of: once so many frames agree, and as many in each so long, on average.
type Policy struct {
	Frames int           `json:"frames"` // 3 by default
	Within time.Duration `json:"within"` // 10 s by default
}

// Bounds of a policy.
const (
	MaxPolicyFrames = 100
	MaxPolicyWithin = 5 * time.Minute
)

func (p Policy) withDefaults() Policy {
	return Policy{cmp.Or(p.Frames, 3), cmp.Or(p.Within, 10*time.Second)}
}

func (p Policy) validate() error {
	if p.Frames < 1 || p.Frames > MaxPolicyFrames {
		return &hashindex.InputError{Field: "policy.frames", Reason: fmt.Sprintf("%d is not within 1..%d", p.Frames, MaxPolicyFrames)}
	}
	if p.Within < time.Second || p.Within > MaxPolicyWithin {
		return &hashindex.InputError{Field: "policy.seconds", Reason: fmt.Sprintf("%v is not within 1 s..%v", p.Within, MaxPolicyWithin)}
	}
	return nil
}

func (p Policy) holds(s timeline.Segment) bool {
	return s.Frames >= p.Frames && time.Duration(s.Frames)*p.Within >= time.Duration(p.Frames)*(s.To-s.From)
}
