package api

import (
	"context"
	"slices"

	"github.com/labstack/echo/v4"

	"touchstone/api/wire"
	"touchstone/hashindex"
)

func (s *Server) match(c echo.Context) error {
	query, err := s.readQuery(c)
	if err != nil {
		return err
	}
	detail, err := s.needsFeatures(query)
	if err != nil {
		return aboutCollection(err)
	}
	up, err := s.receiveOrFetch(c, expected{limit: "match_images", images: maxMatchImages, fields: []string{"subject", "time"}, keep: true, detail: detail, video: true})
	if err != nil {
		return err
	}
	defer up.close()
	subjects, err := subjectsOf(c, up)
	if err != nil {
		return err
	}
	s.see(subjects, up.pictures)
	answer, found, shown, err := s.matchUpload(c.Request().Context(), query, up, subjects != nil)
	if err != nil {
		return aboutCollection(err)
	}
	if subjects != nil && len(shown.segments) > 0 {
		err = s.recordVideo(c.Request().Context(), actor(c), subjects[0], shown, &answer.Results[0])
		if err != nil {
			return err
		}
	}
	if err := s.record(c.Request().Context(), actor(c), subjects, up.pictures, found, &answer); err != nil {
		return err
	}
	return c.JSON(200, answer)
}

// matchUpload answers for pictures one by one, or for frames of one video together: what was found is in found or
// in shown. Frames are there to be kept only if the answer is recorded.
func (s *Server) matchUpload(ctx context.Context, query hashindex.Query, up *upload, recorded bool) (answer wire.MatchAnswer, found []hashindex.Answer, shown showing, err error) {
	switch {
	case up.hashed != nil:
		answer, shown, err = s.matchFrames(ctx, query, *up.hashed)
	case up.video != nil:
		answer, shown, err = s.matchVideo(ctx, query, up.video, recorded)
	case len(up.fields["time"]) > 0:
		answer, shown, err = s.matchTimed(ctx, query, up)
	default:
		answer, found, err = s.matchAll(ctx, query, up.pictures)
	}
	return answer, found, shown, err
}

// receiveOrFetch is receive for a route that also takes the URL of one picture, as JSON.
func (s *Server) receiveOrFetch(c echo.Context, want expected) (*upload, error) {
	if mediaType(c) != jsonType {
		return s.receive(c, want)
	}
	var asked wire.MatchURL
	if err := s.readJSON(c, &asked); err != nil {
		return nil, err
	}
	if asked.Frames != nil && asked.URL != "" {
		return nil, invalid("url", "comes with frames: want the one or the others")
	}
	if asked.Frames != nil {
		up := &upload{gathering: s.gather(c, want), fields: map[string][]string{}, hashed: &asked}
		if asked.Subject != "" {
			up.fields["subject"] = []string{asked.Subject}
		}
		return up, nil
	}
	up, err := s.fetched(c, want, asked.URL)
	if err == nil && asked.Subject != "" {
		up.fields["subject"] = []string{asked.Subject}
	}
	return up, err
}

// readQuery reads and checks all options, so that nobody uploads pictures for a query that fails.
func (s *Server) readQuery(c echo.Context) (q hashindex.Query, err error) {
	o := optionsOf(c)
	q.Effort = hashindex.Effort(o.oneOf("effort", string(hashindex.FullEffort), string(hashindex.FastEffort)))
	q.Limit = o.integer("limit", hashindex.DefaultLimit, 1, hashindex.MaxLimit)
	q.Radius = o.integer("radius", hashindex.PolicyRadius, 0, hashindex.PDQ.MaxRadius())
	q.Collections = o.list("collections")
	if o.err != nil {
		return q, o.err
	}
	if err := s.index.Ready(); err != nil {
		return q, err
	}
	q.Within = callerOf(c).within()
	return q, s.checkCollections(c, q.Collections)
}

// needsFeatures reports whether the query goes on to tier partial: features cost more than all else.
func (s *Server) needsFeatures(q hashindex.Query) (bool, error) {
	if q.Effort != hashindex.FullEffort {
		return false, nil
	}
	return s.index.SearchesParts(q.Collections, q.Within)
}

func (s *Server) checkCollections(c echo.Context, names []string) error {
	for _, name := range names {
		if _, err := s.collection(c, name); err != nil {
			return err
		}
	}
	return nil
}

func (s *Server) matchAll(ctx context.Context, query hashindex.Query, pictures []*picture) (answer wire.MatchAnswer, found []hashindex.Answer, err error) {
	answer.Results, found = make([]wire.MatchResult, len(pictures)), make([]hashindex.Answer, len(pictures))
	for i, p := range pictures {
		query.Picture = p.Picture
		if found[i], err = s.matchOne(ctx, query); err != nil {
			return answer, nil, err
		}
		answer.Results[i] = wireResult(found[i])
	}
	answer.Seq = uint64(found[0].Seq) // later ones may take later changes into account too
	return answer, found, nil
}

// matchOne searches for one picture. One with features keeps a core busy for as long as decoding
// does, and so takes a worker's place.
func (s *Server) matchOne(ctx context.Context, query hashindex.Query) (hashindex.Answer, error) {
	asked := "picture"
	if hasFeatures(query.Picture) {
		asked = "picture_full"
		leave, err := s.takePlace(ctx, false)
		if err != nil {
			return hashindex.Answer{}, err
		}
		defer leave()
	}
	begun := s.config.Now()
	found, err := s.index.Match(ctx, query)
	s.metrics.matches.WithLabelValues(asked).Observe(s.config.Now().Sub(begun).Seconds())
	return found, err
}

func hasFeatures(p hashindex.Picture) bool {
	return slices.ContainsFunc(p.Frames, func(f hashindex.Frame) bool { return !f.Features.IsZero() })
}

func wireResult(a hashindex.Answer) wire.MatchResult {
	result := wire.MatchResult{
		Status: string(a.Status), Quality: a.Quality,
		Tried:   wireTiers(a.Tried),
		Matches: converted(a.Matches, wireMatch),
	}
	if len(a.Benign) > 0 {
		result.SuppressedBy = converted(a.Benign, wireMatch)
	}
	return result
}
