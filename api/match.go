package api

import (
	"context"
	"slices"
	"unicode"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"touchstone/api/wire"
	"touchstone/hashindex"
)

func (s *Server) match(c echo.Context) error {
	query, err := s.readQuery(c)
	if err != nil {
		return err
	}
	up, err := s.receive(c, expected{limit: "match_images", images: maxMatchImages, fields: []string{"subject"}})
	if err != nil {
		return err
	}
	defer up.close()
	if err := noteSubject(c, up); err != nil {
		return err
	}
	answer, err := s.matchAll(c.Request().Context(), query, up.pictures)
	if err != nil {
		return aboutCollection(err)
	}
	return c.JSON(200, answer)
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
	return q, s.checkCollections(q.Collections)
}

func (s *Server) checkCollections(names []string) error {
	for _, name := range names {
		if _, err := s.index.Collection(name); err != nil {
			return aboutCollection(err)
		}
	}
	return nil
}

func (s *Server) matchAll(ctx context.Context, query hashindex.Query, pictures []*picture) (wire.MatchAnswer, error) {
	answer := wire.MatchAnswer{Results: make([]wire.MatchResult, len(pictures))}
	for i, p := range pictures {
		query.Picture = p.Picture
		begun := s.config.Now()
		found, err := s.index.Match(ctx, query)
		if err != nil {
			return wire.MatchAnswer{}, err
		}
		s.metrics.matches.WithLabelValues("picture").Observe(s.config.Now().Sub(begun).Seconds())
		if i == 0 { // later ones may take later changes into account too
			answer.Seq = uint64(found.Seq)
		}
		answer.Results[i] = wireResult(found)
	}
	return answer, nil
}

func wireResult(a hashindex.Answer) wire.MatchResult {
	result := wire.MatchResult{
		Status: string(a.Status), Quality: a.Quality,
		Tried:   converted(a.Tried, func(t hashindex.Tier) string { return string(t) }),
		Matches: converted(a.Matches, wireMatch),
	}
	if len(a.Benign) > 0 {
		result.SuppressedBy = converted(a.Benign, wireMatch)
	}
	return result
}

// subjectKey is where the subject waits for the log.
const subjectKey = "subject"

// noteSubject takes the subject from its part, or else from the header.
func noteSubject(c echo.Context, up *upload) error {
	given := append(up.fields["subject"], c.Request().Header.Values("Subject")...)
	if len(given) == 0 {
		return nil
	}
	subject := given[0]
	if len(given) > 1 {
		return invalid("subject", "given more than once")
	}
	if len(subject) > maxSubject {
		return &hashindex.LimitError{Limit: "subject_bytes", Max: maxSubject, Got: int64(len(subject))}
	}
	if !utf8.ValidString(subject) || slices.ContainsFunc([]rune(subject), unicode.IsControl) {
		return invalid("subject", "want UTF-8 without control characters")
	}
	c.Set(subjectKey, subject)
	return nil
}
