package api

import (
	"context"
	"errors"
	"io"
	"time"

	"touchstone/api/wire"
	"touchstone/casework"
	"touchstone/hashindex"
	"touchstone/hashindex/timeline"
	"touchstone/hashindex/watch"
)

// A segment of a video or a stream is recorded as one hit, with those frames of its pairs that are at hand.

// showing is what was found in a video: the segments of the answer, and frames of it.
type showing struct {
	segments []timeline.Segment
	frames   []casework.Glimpse
}

func glimpse(f hashindex.Frame, encoded []byte) casework.Glimpse {
	return casework.Glimpse{At: f.At, Hash: f.Hashes[hashindex.PDQ], Quality: f.Quality, Dihedral: f.Dihedral, Encoded: encoded}
}

// recordVideo makes hits of the segments, and says in the answer how each stands.
func (s *Server) recordVideo(ctx context.Context, by string, subject casework.Subject, found showing, answer *wire.MatchResult) error {
	at := s.config.Now().UTC()
	var all []casework.Observation
	var places []int // of them in the answer
	for i, each := range found.segments {
		o, err := s.observed(casework.Observation{Subject: subject, At: at}, each, found.frames)
		if errors.Is(err, hashindex.ErrNotFound) {
			continue // removed since it was found
		}
		if err != nil {
			return err
		}
		o.Segment.Closed = true
		all, places = append(all, o), append(places, i)
	}
	rulings, err := s.desk.Record(ctx, by, all)
	if err != nil {
		return err
	}
	for i, place := range places {
		segment, ruling := &answer.Segments[place], rulings[i][0]
		if segment.Standing = string(ruling.Standing); ruling.Hit != 0 {
			segment.HitID = ruling.Hit.String()
		}
	}
	return nil
}

// observed adds the segment to the observation.
func (s *Server) observed(o casework.Observation, of timeline.Segment, frames []casework.Glimpse) (casework.Observation, error) {
	reference, collection, err := s.index.Reference(of.Reference)
	if err != nil {
		return o, err
	}
	segment := casework.Segment{
		From: casework.Duration(of.From), To: casework.Duration(of.To),
		ReferenceFrom: casework.Duration(of.ReferenceFrom), ReferenceTo: casework.Duration(of.ReferenceTo),
		Speed: of.Speed, Frames: of.Frames, Asked: of.Asked, Mirrored: of.Mirrored,
	}
	for _, p := range of.Pairs {
		segment.Pairs = append(segment.Pairs, casework.Pair{
			At: casework.Duration(p.Query), ReferenceAt: casework.Duration(p.Reference), Frame: p.Frame, Kind: p.Kind, Score: p.Score,
		})
	}
	return s.desk.Showing(o, segment, reference, collection, of.Kind, of.Score, frames), nil
}

// recordTold is watch.Config.Record.
func (s *Server) recordTold(ctx context.Context, told []watch.Told) ([][]byte, func(hashindex.Writer) error, error) {
	var all []casework.Observation
	for _, t := range told {
		if t.Stream.Subject == "" {
			continue
		}
		subject, err := casework.ParseSubject(t.Stream.Subject)
		if err != nil {
			return nil, nil, err
		}
		frames := converted(t.Frames, func(f watch.Frame) casework.Glimpse { return glimpse(f.Frame, f.Encoded) })
		g := t.Segment
		o, err := s.observed(casework.Observation{Subject: subject, At: s.config.Now().UTC()}, timeline.Segment{
			Reference: g.Reference, From: g.From, To: g.To, ReferenceFrom: g.ReferenceFrom, ReferenceTo: g.ReferenceTo, Speed: g.Speed,
			Frames: g.Frames, Asked: g.Asked, Mirrored: g.Mirrored, Transform: g.Transform, Kind: g.Kind, Score: g.Score, Pairs: g.Pairs,
		}, frames)
		if errors.Is(err, hashindex.ErrNotFound) {
			continue // removed since it was found
		}
		if err != nil {
			return nil, nil, err
		}
		o.Segment.Stream, o.Segment.Number, o.Segment.Closed = t.Stream.ID, g.Number, g.State.IsClosed()
		all = append(all, o)
	}
	recorded, err := s.desk.RecordTold(ctx, all)
	return recorded.Pictures, recorded.Write, err
}

// What is kept of a video's frames at most.
const (
	maxStills     = 48
	maxStillBytes = 32 << 20
)

// stills decodes the video once more for the frames of the pairs, which are known only now.
func (s *Server) stills(ctx context.Context, source *io.SectionReader, found *showing) error {
	wanted := map[time.Duration]bool{}
	for _, segment := range found.segments {
		for _, p := range segment.Pairs {
			if len(wanted) < maxStills {
				wanted[p.Query] = true
			}
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	size := 0
	encoded := map[time.Duration][]byte{}
	_, err := s.config.Videos.Each(ctx, source, func(l hashindex.Look) error {
		if l.Still == nil || !wanted[l.At] || size > maxStillBytes {
			return nil
		}
		still, err := l.Still()
		encoded[l.At] = still
		size += len(still)
		return err
	})
	for i := range found.frames {
		found.frames[i].Encoded = encoded[found.frames[i].At]
	}
	return err
}
