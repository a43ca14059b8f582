package api

import (
	"time"

	"github.com/labstack/echo/v4"

	"touchstone/api/wire"
	"touchstone/casework"
	"touchstone/hashindex"
)

func (s *Server) showThresholds(c echo.Context) error {
	o := optionsOf(c)
	name := pathParameter(c, "name")
	collection, err := s.collection(c, name)
	if err != nil {
		return err
	}
	radius := o.integer("radius", min(collection.Policy.Radius+8, hashindex.PDQ.MaxRadius()), 0, hashindex.PDQ.MaxRadius())
	if o.err != nil {
		return o.err
	}
	t, err := s.desk.Thresholds(c.Request().Context(), visible(c), name, radius)
	if err != nil {
		return aboutCollection(err)
	}
	return c.JSON(200, wire.Thresholds{
		Collection: t.Collection, Radius: t.Radius, References: t.References, Sightings: t.Sightings,
		Distances: converted(t.Distances, func(p casework.Precision) wire.Precision {
			return wire.Precision{Distance: &p.Distance, Confirmed: p.Confirmed, Rejected: p.Rejected, Precision: p.Precision}
		}),
		Scores: converted(t.Scores, func(p casework.Precision) wire.Precision {
			return wire.Precision{Score: &p.Score, Confirmed: p.Confirmed, Rejected: p.Rejected, Precision: p.Precision}
		}),
		Reach: converted(t.Reach, func(r casework.Reach) wire.Reach { return wire.Reach{Radius: r.Radius, Pairs: r.Pairs} }),
	})
}

func (s *Server) listQuarantine(c echo.Context) error {
	o := optionsOf(c)
	after, limit := o.textCursor('q'), o.pageSize()
	if o.err != nil {
		return o.err
	}
	list, err := s.desk.Quarantines(c.Request().Context(), visible(c), after, limit+1)
	if err != nil {
		return err
	}
	list, next := paged(list, limit, func(q casework.Quarantine) string { return textCursor('q', q.ID) })
	return c.JSON(200, wire.Quarantines{Quarantine: converted(list, wireQuarantine), Next: next})
}

func wireQuarantine(q casework.Quarantine) wire.Quarantine {
	return wire.Quarantine{ID: q.ID, Sellers: q.Sellers, At: q.At, Released: q.Released, By: q.By}
}

func (s *Server) releaseQuarantine(c echo.Context) error {
	if err := drain(c); err != nil {
		return err
	}
	q, seq, err := s.desk.ReleaseQuarantine(c.Request().Context(), actor(c), visible(c), pathParameter(c, "id"), keepMade(c, 200, nowhere, quarantineAt)...)
	if err != nil {
		return aboutQuarantine(err)
	}
	return s.answerOnce(c, 200, "", quarantineAt(q, seq))
}

func quarantineAt(q casework.Quarantine, seq hashindex.Seq) any {
	answer := wireQuarantine(q)
	answer.Seq = uint64(seq)
	return answer
}

func (s *Server) showPolicy(c echo.Context) error {
	return c.JSON(200, wireDeskPolicy(s.desk.Policy()))
}

func wireDeskPolicy(p casework.Policy) wire.DeskPolicy {
	text := func(d casework.Duration) *string {
		t := time.Duration(d).String()
		return &t
	}
	return wire.DeskPolicy{
		Claim: text(p.Claim), SightingAge: text(p.SightingAge), SightingCount: &p.SightingCount,
		PictureAge: text(p.PictureAge), PictureBytes: &p.PictureBytes, FloodSellers: &p.FloodSellers, FloodWindow: text(p.FloodWindow),
		DraftTerm: text(p.DraftTerm), DecideTerm: text(p.DecideTerm), RemoveTerm: text(p.RemoveTerm), CounterTerm: text(p.CounterTerm), UpholdTerm: text(p.UpholdTerm),
		TrustAfter: &p.TrustAfter, TrustPercent: &p.TrustPercent, DoubtAfter: &p.DoubtAfter, DoubtPercent: &p.DoubtPercent,
		Auto: (*string)(&p.Auto), AutoTally: &p.AutoTally,
	}
}

func (s *Server) changePolicy(c echo.Context) error {
	var asked wire.DeskPolicy
	if err := s.readJSON(c, &asked); err != nil {
		return err
	}
	var given struct {
		claim, sightingAge, pictureAge, floodWindow *casework.Duration
		draft, decide, remove, counter, uphold      *casework.Duration
	}
	for _, f := range []struct {
		field string
		from  *string
		to    **casework.Duration
	}{
		{"claim", asked.Claim, &given.claim}, {"sighting_age", asked.SightingAge, &given.sightingAge},
		{"picture_age", asked.PictureAge, &given.pictureAge}, {"flood_window", asked.FloodWindow, &given.floodWindow},
		{"draft_term", asked.DraftTerm, &given.draft}, {"decide_term", asked.DecideTerm, &given.decide}, {"remove_term", asked.RemoveTerm, &given.remove},
		{"counter_term", asked.CounterTerm, &given.counter}, {"uphold_term", asked.UpholdTerm, &given.uphold},
	} {
		if f.from == nil {
			continue
		}
		d, err := time.ParseDuration(*f.from)
		if err != nil {
			return invalid(f.field, "%.40q is no duration such as 30m or 24h", *f.from)
		}
		*f.to = (*casework.Duration)(&d)
	}
	p, seq, err := s.desk.SetPolicy(c.Request().Context(), actor(c), func(p *casework.Policy) {
		replace(&p.Claim, given.claim)
		replace(&p.SightingAge, given.sightingAge)
		replace(&p.SightingCount, asked.SightingCount)
		replace(&p.PictureAge, given.pictureAge)
		replace(&p.PictureBytes, asked.PictureBytes)
		replace(&p.FloodSellers, asked.FloodSellers)
		replace(&p.FloodWindow, given.floodWindow)
		replace(&p.DraftTerm, given.draft)
		replace(&p.DecideTerm, given.decide)
		replace(&p.RemoveTerm, given.remove)
		replace(&p.CounterTerm, given.counter)
		replace(&p.UpholdTerm, given.uphold)
		replace(&p.TrustAfter, asked.TrustAfter)
		replace(&p.TrustPercent, asked.TrustPercent)
		replace(&p.DoubtAfter, asked.DoubtAfter)
		replace(&p.DoubtPercent, asked.DoubtPercent)
		replace(&p.Auto, (*casework.Auto)(asked.Auto))
		replace(&p.AutoTally, asked.AutoTally)
	})
	if err != nil {
		return err
	}
	answer := wireDeskPolicy(p)
	answer.Seq = uint64(seq)
	return c.JSON(200, answer)
}

func replace[T any](field, with *T) {
	if with != nil {
		*field = *with
	}
}
