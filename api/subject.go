package api

import (
	"context"
	"slices"
	"unicode"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"touchstone/api/wire"
	"touchstone/casework"
	"touchstone/hashindex"
)

// subjectsOf are what the pictures are about, from parts or else from the header: none, one for all of
// them, or one for each in their order.
func subjectsOf(c echo.Context, up *upload) ([]casework.Subject, error) {
	given := append(up.fields["subject"], c.Request().Header.Values("Subject")...)
	if len(given) == 0 {
		return nil, nil
	}
	if len(given) != 1 && (len(given) != len(up.pictures) || len(up.fields["time"]) > 0) {
		return nil, invalid("subject", "%d given for %d pictures: want none, one for all, or one for each", len(given), len(up.pictures))
	}
	subjects := make([]casework.Subject, max(1, len(up.pictures))) // a video has no pictures of its own
	for i := range subjects {
		text := given[min(i, len(given)-1)]
		if len(text) > maxSubject {
			return nil, &hashindex.LimitError{Limit: "subject_bytes", Max: maxSubject, Got: int64(len(text))}
		}
		if !utf8.ValidString(text) || slices.ContainsFunc([]rune(text), unicode.IsControl) {
			return nil, invalid("subject", "want UTF-8 without control characters")
		}
		var err error
		if subjects[i], err = casework.ParseSubject(text); err != nil {
			return nil, err
		}
	}
	return subjects, nil
}

// see leaves sightings of the pictures, before the index is asked about them.
func (s *Server) see(subjects []casework.Subject, pictures []*picture) {
	if subjects == nil {
		return
	}
	at := s.config.Now().UTC()
	var all []casework.Sighting
	for i, p := range pictures {
		for _, f := range sightedFrames(p.Picture) {
			all = append(all, casework.Sighting{Subject: subjects[i], At: at, Hash: f.Hashes[hashindex.PDQ], Content: p.Content})
		}
	}
	s.desk.See(all)
}

// maxSighted is how many frames of a picture that moves leave a sighting, spread evenly.
const maxSighted = 8

func sightedFrames(p hashindex.Picture) (frames []hashindex.Frame) {
	for _, f := range p.Frames {
		if f.Quality >= hashindex.PoorQuality && !f.Hashes[hashindex.PDQ].IsZero() {
			frames = append(frames, f)
		}
	}
	if len(frames) <= maxSighted {
		return frames
	}
	spread := make([]hashindex.Frame, maxSighted)
	for i := range spread {
		spread[i] = frames[i*len(frames)/maxSighted]
	}
	return spread
}

// record makes hits of what was found in pictures, and says in the answer how each match stands.
func (s *Server) record(ctx context.Context, by string, subjects []casework.Subject, pictures []*picture, found []hashindex.Answer, answer *wire.MatchAnswer) error {
	if subjects == nil || found == nil {
		return nil
	}
	at := s.config.Now().UTC()
	all := make([]casework.Observation, len(pictures))
	for i, p := range pictures {
		all[i] = casework.Observation{Subject: subjects[i], At: at, Matches: found[i].Matches, Encoded: p.encoded}
		if frames := sightedFrames(p.Picture); len(frames) > 0 {
			all[i].Hash = frames[0].Hashes[hashindex.PDQ]
		}
	}
	rulings, err := s.desk.Record(ctx, by, all)
	if err != nil {
		return err
	}
	for i := range rulings {
		for k, ruling := range rulings[i] {
			match := &answer.Results[i].Matches[k]
			match.Standing = string(ruling.Standing)
			if ruling.Standing != "" {
				s.metrics.standings.WithLabelValues(string(ruling.Standing), match.Kind).Inc()
			}
			if ruling.Hit != 0 {
				match.HitID = ruling.Hit.String()
			}
		}
	}
	return nil
}
