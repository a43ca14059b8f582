package api

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"touchstone/api/wire"
	"touchstone/casework"
	"touchstone/hashindex"
)

func (s *Server) listHits(c echo.Context) error {
	o := optionsOf(c)
	f := casework.HitFilter{
		Collections: o.list("collections"), Right: casework.RightID(o.number("right")), Seller: o.Get("seller"),
		Reference: hashindex.ReferenceID(o.number("reference")),
		Kind:      choice(o, "kind", []hashindex.Tier{hashindex.Copy, hashindex.Near, hashindex.Partial}),
		MinScore:  o.share("min_score"), MaxScore: o.share("max_score"), Since: o.moment("since"), Before: o.moment("before"),
		After: casework.HitID(o.numberCursor('h')), Limit: o.pageSize(),
	}
	for _, text := range o.list("state") {
		f.States = append(f.States, choice(&options{Values: map[string][]string{"state": {text}}}, "state", casework.States()))
		if f.States[len(f.States)-1] == "" {
			return invalid("state", "%.40q is not one of %s", text, joined(casework.States()))
		}
	}
	if o.err != nil {
		return o.err
	}
	page, err := s.desk.Hits(c.Request().Context(), visible(c), f)
	if err != nil {
		return err
	}
	answer := wire.Hits{Hits: converted(page.Hits, wireHit)}
	if page.Next != 0 {
		answer.Next = numberCursor('h', uint64(page.Next))
	}
	return c.JSON(200, answer)
}

func joined[T ~string](list []T) string {
	return strings.Join(converted(list, func(each T) string { return string(each) }), ", ")
}

func wireSubject(s casework.Subject) wire.Subject {
	return wire.Subject{Listing: s.Listing, Seller: s.Seller, Territory: s.Territory, Stream: s.Stream, URL: s.URL}
}

func wireHit(h casework.Hit) wire.Hit {
	hit := wire.Hit{
		ID: h.ID.String(), State: string(h.State), Subject: wireSubject(h.Subject),
		ReferenceID: wireID(h.Reference), ExternalID: h.ExternalID, Collection: h.Named, Purpose: string(h.Purpose),
		Rights: converted(h.Rights, casework.RightID.String),
		Kind:   string(h.Evidence.Kind), Distance: h.Evidence.Distance, Score: h.Score,
		Transform: wireTransformOf(h.Evidence), QueryQuad: h.QueryQuad,
		ReferenceCoverage: h.ReferenceCoverage, QueryCoverage: h.QueryCoverage, Evidence: wireEvidence(h.Evidence),
		Retro: h.Retro, Picture: wireDigest(h.Picture), First: h.First, Last: h.Last, Count: h.Count,
		ClaimedBy: h.ClaimedBy, ClaimedUntil: wireTime(h.ClaimedUntil),
		Trail: converted(h.Trail, wireStep), Notices: append([]string{}, h.Notices...),
	}
	if h.Verdict != nil {
		verdict := wireVerdict(*h.Verdict)
		hit.Verdict = &verdict
	}
	if h.Segment != nil {
		segment := wireHitSegment(*h.Segment)
		hit.Segment = &segment
	}
	return hit
}

func wireHitSegment(s casework.Segment) wire.HitSegment {
	seconds := func(d casework.Duration) float64 { return time.Duration(d).Seconds() }
	return wire.HitSegment{
		StreamID: s.Stream, Number: s.Number, Closed: s.Closed, From: seconds(s.From), To: seconds(s.To),
		ReferenceFrom: seconds(s.ReferenceFrom), ReferenceTo: seconds(s.ReferenceTo),
		Speed: s.Speed, Frames: s.Frames, Asked: s.Asked, Mirrored: s.Mirrored,
		Pairs: converted(s.Pairs, func(p casework.Pair) wire.HitPair {
			return wire.HitPair{
				Time: seconds(p.At), ReferenceTime: seconds(p.ReferenceAt), ReferenceFrame: p.Frame, Kind: string(p.Kind), Score: p.Score,
				QueryHash: p.QueryHash.String(), ReferenceHash: p.ReferenceHash.String(), Transform: wireTransform(p.Transform),
				Distance: p.Distance, Picture: wireDigest(p.Picture),
			}
		}),
	}
}

func wireStep(s casework.Step) wire.Step {
	return wire.Step{At: s.At, Actor: s.Actor, Action: string(s.Action), From: string(s.From), To: string(s.To), Reason: s.Reason, Note: s.Note}
}

func (s *Server) showHit(c echo.Context) error {
	id, err := numberedPath(c, hitMissing)
	if err != nil {
		return err
	}
	h, err := s.desk.Hit(c.Request().Context(), visible(c), casework.HitID(id))
	if err != nil {
		return aboutHit(err)
	}
	return c.JSON(200, wireHit(h))
}

// showHitImage is the picture that was asked about, as it came.
func (s *Server) showHitImage(c echo.Context) error {
	id, err := numberedPath(c, hitMissing)
	if err != nil {
		return err
	}
	h, err := s.desk.Hit(c.Request().Context(), visible(c), casework.HitID(id))
	if err != nil {
		return aboutHit(err)
	}
	if h.Picture.IsZero() {
		return fail(imageMissing, "the picture of hit %d is not kept", id)
	}
	encoded, err := s.desk.PictureOf(c.Request().Context(), visible(c), h.ID)
	if err != nil {
		return aboutKinds(err, imageMissing, internalError)
	}
	return sendPicture(c, h.Picture, encoded)
}

// sendPicture answers with a picture as it came from a client: its type is told from its bytes and is a
// picture's or none, so that no browser takes it for a page.
func sendPicture(c echo.Context, content hashindex.Digest, encoded []byte) error {
	header := c.Response().Header()
	header.Set("ETag", fmt.Sprintf("%q", content))
	header.Set("Cache-Control", "private, no-cache")
	kind := http.DetectContentType(encoded)
	if !strings.HasPrefix(kind, "image/") || kind == "image/svg+xml" {
		kind = "application/octet-stream"
	}
	return c.Blob(200, kind, encoded)
}

func orderOf(asked wire.Order) casework.Order {
	return casework.Order{Action: casework.Action(asked.Action), Reason: asked.Reason, Note: asked.Note}
}

func (s *Server) decideHit(c echo.Context) error {
	id, err := numberedPath(c, hitMissing)
	if err != nil {
		return err
	}
	var asked wire.Order
	if err := s.readJSON(c, &asked); err != nil {
		return err
	}
	h, seq, err := s.desk.DecideOne(c.Request().Context(), actor(c), visible(c), casework.HitID(id), orderOf(asked), keepMade(c, 200, nowhere, hitAt)...)
	if err != nil {
		return aboutHit(err)
	}
	s.metrics.decisions.WithLabelValues(asked.Action).Inc()
	return s.answerOnce(c, 200, "", hitAt(h, seq))
}

func hitAt(h casework.Hit, seq hashindex.Seq) any {
	answer := wireHit(h)
	answer.Seq = uint64(seq)
	return answer
}

// decideHits carries out one order for many hits. What does not allow it says so beside the others.
func (s *Server) decideHits(c echo.Context) error {
	var asked wire.BulkOrder
	if err := s.readJSON(c, &asked); err != nil {
		return err
	}
	if len(asked.Hits) > casework.MaxDecided {
		return &hashindex.LimitError{Limit: "decided_hits", Max: casework.MaxDecided, Got: int64(len(asked.Hits))}
	}
	ids := make([]casework.HitID, len(asked.Hits))
	for i, text := range asked.Hits {
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			return invalid("hits", "%.40q is no id", text)
		}
		ids[i] = casework.HitID(n)
	}
	list, seq, err := s.desk.Decide(c.Request().Context(), actor(c), visible(c), ids, orderOf(asked.Order), keepMade(c, 200, nowhere, decidedAt)...)
	if err != nil {
		return err
	}
	for _, d := range list {
		if d.Err == nil {
			s.metrics.decisions.WithLabelValues(asked.Action).Inc()
		}
	}
	return s.answerOnce(c, 200, "", decidedAt(list, seq))
}

func decidedAt(list []casework.Decided, seq hashindex.Seq) any {
	answer := wire.BulkDecided{Results: make([]wire.Decided, len(list)), Seq: uint64(seq)}
	for i, d := range list {
		answer.Results[i].ID = d.ID.String()
		if d.Err != nil {
			problem := problemOf(aboutHit(d.Err))
			answer.Results[i].Problem = &problem
			continue
		}
		hit := wireHit(d.Hit)
		answer.Results[i].Hit = &hit
	}
	return answer
}

func (s *Server) listSellers(c echo.Context) error {
	o := optionsOf(c)
	after, limit := o.textCursor('s'), o.pageSize()
	if o.err != nil {
		return o.err
	}
	if o.Has("seller") {
		seller, err := s.desk.Seller(c.Request().Context(), visible(c), o.Get("seller"))
		if err != nil {
			return err
		}
		return c.JSON(200, wire.Sellers{Sellers: []wire.Seller{wireSeller(seller)}})
	}
	list, err := s.desk.Sellers(c.Request().Context(), visible(c), after, limit+1)
	if err != nil {
		return err
	}
	list, next := paged(list, limit, func(s casework.Seller) string { return textCursor('s', s.Seller) })
	return c.JSON(200, wire.Sellers{Sellers: converted(list, wireSeller), Next: next})
}

func wireSeller(s casework.Seller) wire.Seller {
	return wire.Seller{Seller: s.Seller, Confirmed: s.Confirmed, Rejected: s.Rejected}
}

// aboutMove adds to a problem what would be allowed instead.
func aboutMove(p *wire.Problem, err error) {
	if refused, ok := errors.AsType[*casework.MoveError](err); ok {
		p.State, p.Allowed = refused.From, append([]string{}, refused.Allowed...)
	}
}
