package api

import (
	"context"
	"errors"
	"math"
	"slices"
	"time"

	"github.com/labstack/echo/v4"

	"touchstone/api/wire"
	"touchstone/casework"
	"touchstone/hashindex"
	"touchstone/hashindex/watch"
)

func (s *Server) openStream(c echo.Context) error {
	var asked wire.NewStream
	if err := s.readJSON(c, &asked); err != nil {
		return err
	}
	opening, err := s.opening(c, asked)
	if err != nil {
		return err
	}
	location := func(id string) string { return "/v1/streams/" + id }
	opened, err := s.streams.Open(c.Request().Context(), actor(c), opening, func(opened watch.Stream) []hashindex.Also {
		return s.keep(c, 201, location(opened.ID), func([]hashindex.Change) any { return wireStream(opened) })
	})
	if full, ok := errors.AsType[*hashindex.LimitError](err); ok {
		return &failure{kind: overloaded, detail: full.Error(), limit: full.Limit, max: full.Max, after: s.limits.Streams.Silence}
	}
	if err != nil {
		return err
	}
	return s.answerOnce(c, 201, location(opened.ID), wireStream(opened))
}

// opening is of the collections that the caller sees: a key that is restricted names them once and for all.
func (s *Server) opening(c echo.Context, asked wire.NewStream) (o watch.Opening, err error) {
	who := callerOf(c)
	if asked.Subject != "" {
		if _, err := casework.ParseSubject(asked.Subject); err != nil {
			return o, err
		}
	}
	if err := s.checkCollections(c, asked.Collections); err != nil {
		return o, err
	}
	o = watch.Opening{Subject: asked.Subject, Collections: asked.Collections, Within: who.within(), Effort: hashindex.Effort(asked.Effort)}
	if len(o.Collections) == 0 && !who.whole {
		o.Collections = slices.Clone(who.collections)
	}
	if !slices.Contains([]hashindex.Effort{"", hashindex.FastEffort, hashindex.FullEffort}, o.Effort) {
		return o, invalid("effort", "%.20q is neither fast nor full", asked.Effort)
	}
	if p := asked.Policy; p != nil {
		if p.Seconds < 0 || p.Seconds > watch.MaxPolicyWithin.Seconds() {
			return o, invalid("policy.seconds", "%g is not within 1..%g", p.Seconds, watch.MaxPolicyWithin.Seconds())
		}
		o.Policy = watch.Policy{Frames: p.Frames, Within: time.Duration(p.Seconds * float64(time.Second))}
	}
	return o, nil
}

// seesStream reports whether all that the stream can find is the caller's to know.
func (w caller) seesStream(s watch.Stream) bool {
	return w.whole || len(s.Collections) > 0 && !slices.ContainsFunc(s.Collections, func(name string) bool { return !w.sees(name) })
}

// stream is the one that the path names, if the caller may know of it.
func (s *Server) stream(c echo.Context) (watch.Stream, error) {
	id := pathParameter(c, "id")
	found, err := s.streams.Stream(c.Request().Context(), id)
	if err == nil && !callerOf(c).seesStream(found) {
		err = hashindex.ErrNotFound
	}
	if errors.Is(err, hashindex.ErrNotFound) {
		return found, fail(streamMissing, "stream %.40q: %v", clip(id), hashindex.ErrNotFound)
	}
	return found, err
}

func (s *Server) listStreams(c echo.Context) error {
	o := optionsOf(c)
	limit := o.integer("limit", defaultPage, 1, maxPage)
	if o.err != nil {
		return o.err
	}
	list, err := s.streams.Streams(c.Request().Context(), o.Get("cursor"), limit+1, callerOf(c).seesStream)
	if err != nil {
		return err
	}
	var page wire.Streams
	if len(list) > limit {
		list, page.Next = list[:limit], list[limit-1].ID
	}
	page.Streams = converted(list, wireStream)
	return c.JSON(200, page)
}

func (s *Server) showStream(c echo.Context) error {
	found, err := s.stream(c)
	if err != nil {
		return err
	}
	return c.JSON(200, wireStream(found))
}

func (s *Server) endStream(c echo.Context) error {
	found, err := s.stream(c)
	if err != nil {
		return err
	}
	if found, err = s.streams.End(c.Request().Context(), found.ID); err != nil {
		return aboutStream(err)
	}
	return c.JSON(200, wireStream(found))
}

func (s *Server) listSegments(c echo.Context) error {
	o := optionsOf(c)
	after, limit := o.integer("after", 0, 0, math.MaxInt32), o.integer("limit", defaultPage, 1, maxPage)
	if o.err != nil {
		return o.err
	}
	of, err := s.stream(c)
	if err != nil {
		return err
	}
	list, err := s.streams.Segments(c.Request().Context(), of.ID, after, limit+1)
	if err != nil {
		return aboutStream(err)
	}
	var page wire.StreamSegments
	if len(list) > limit {
		list, page.Next = list[:limit], list[limit-1].Number
	}
	page.Segments = converted(list, s.wireStreamSegment)
	return c.JSON(200, page)
}

func wireStream(s watch.Stream) wire.Stream {
	state := "open"
	if !s.Ended.IsZero() {
		state = "ended"
	}
	return wire.Stream{
		ID: s.ID, Subject: s.Subject, Collections: s.Collections, Effort: string(s.Effort),
		Policy: wire.StreamPolicy{Frames: s.Policy.Frames, Seconds: s.Policy.Within.Seconds()},
		State:  state, Opened: s.Opened, Fed: s.Fed, Ended: s.Ended, Reason: s.Why, At: s.At.Seconds(), Seq: s.Seq,
		Counts: wire.StreamCounts(s.Counts), Segments: s.Segments, OpenSegments: append([]int{}, s.Open...), Bytes: s.Bytes,
	}
}

// wireStreamSegment names the reference; one that is gone by now has its id alone.
func (s *Server) wireStreamSegment(g watch.Segment) wire.StreamSegment {
	segment := wire.StreamSegment{
		Number: g.Number, Seq: g.Seq, State: g.State.String(), ReferenceID: wireID(g.Reference),
		From: g.From.Seconds(), To: g.To.Seconds(), ReferenceFrom: g.ReferenceFrom.Seconds(), ReferenceTo: g.ReferenceTo.Seconds(),
		Speed: g.Speed, Frames: g.Frames, Asked: g.Asked, Kind: string(g.Kind), Transform: wireTransform(g.Transform), Score: g.Score,
		Pairs: converted(g.Pairs, func(p watch.Pair) wire.StreamPair {
			return wire.StreamPair{At: p.Query.Seconds(), ReferenceAt: p.Reference.Seconds(), ReferenceFrame: p.Frame, Kind: string(p.Kind), Score: p.Score}
		}),
	}
	if reference, collection, err := s.index.Reference(g.Reference); err == nil {
		segment.ExternalID, segment.Collection = reference.ExternalID, collection.Name
	}
	return segment
}

// sweepEvery is how often silent streams are looked for, and how much of what became of frames a crash can lose.
// Events are stored before they are told.
const sweepEvery = 5 * time.Second

func (s *Server) sweeping() (stop func()) {
	return every(sweepEvery, func() {
		if err := s.streams.Sweep(context.Background()); err != nil && !errors.Is(err, hashindex.ErrReadOnly) {
			s.config.Log.Warn("streams not stored", "err", err)
		}
	})
}
