package api

import (
	"github.com/labstack/echo/v4"

	"touchstone/api/wire"
	"touchstone/casework"
	"touchstone/hashindex"
)

func (s *Server) putHolder(c echo.Context) error {
	var asked wire.NewHolder
	if err := s.readJSON(c, &asked); err != nil {
		return err
	}
	h := casework.Holder{ID: pathParameter(c, "id"), Name: asked.Name, Contact: asked.Contact}
	h, seq, err := s.desk.PutHolder(c.Request().Context(), actor(c), h)
	if err != nil {
		return err
	}
	answer := wireHolder(h)
	answer.Seq = uint64(seq)
	return c.JSON(200, answer)
}

func wireHolder(h casework.Holder) wire.Holder {
	return wire.Holder{ID: h.ID, Name: h.Name, Contact: h.Contact, Added: h.Added}
}

func (s *Server) showHolder(c echo.Context) error {
	h, err := s.desk.Holder(c.Request().Context(), visible(c), pathParameter(c, "id"))
	if err != nil {
		return aboutHolder(err)
	}
	return c.JSON(200, wireHolder(h))
}

func (s *Server) listHolders(c echo.Context) error {
	o := optionsOf(c)
	after, limit := o.textCursor('o'), o.pageSize()
	if o.err != nil {
		return o.err
	}
	list, err := s.desk.Holders(c.Request().Context(), visible(c), after, limit+1)
	if err != nil {
		return err
	}
	list, next := paged(list, limit, func(h casework.Holder) string { return textCursor('o', h.ID) })
	return c.JSON(200, wire.Holders{Holders: converted(list, wireHolder), Next: next})
}

func (s *Server) addRight(c echo.Context) error {
	var asked wire.NewRight
	if err := s.readJSON(c, &asked); err != nil {
		return err
	}
	term, err := casework.ParseTerm(asked.From, asked.Until)
	if err != nil {
		return err
	}
	location := func(r casework.Right) string { return "/v1/rights/" + r.ID.String() }
	right, seq, err := s.desk.AddRight(c.Request().Context(), actor(c), visible(c), casework.Right{
		Holder: asked.Holder, Kind: casework.RightKind(asked.Kind), Number: asked.Number, Territory: asked.Territory,
		Class: asked.Class, Term: term, Document: asked.Document, Note: asked.Note, Collections: asked.Collections,
	}, keepMade(c, 201, location, rightAt)...)
	if err != nil {
		return err
	}
	return s.answerOnce(c, 201, location(right), rightAt(right, seq))
}

func rightAt(r casework.Right, seq hashindex.Seq) any {
	answer := wireRight(r)
	answer.Seq = uint64(seq)
	return answer
}

func wireRight(r casework.Right) wire.Right {
	return wire.Right{
		ID: r.ID.String(), Holder: r.Holder, Kind: string(r.Kind), State: string(r.State), Number: r.Number,
		Territory: append([]string{}, r.Territory...), Class: r.Class, From: wireTime(r.Term.From), Until: wireTime(r.Term.Until),
		Document: r.Document, Note: r.Note, Collections: append([]string{}, r.Collections...), Added: r.Added,
	}
}

func (s *Server) showRight(c echo.Context) error {
	id, err := numberedPath(c, rightMissing)
	if err != nil {
		return err
	}
	right, err := s.desk.Right(c.Request().Context(), visible(c), casework.RightID(id))
	if err != nil {
		return aboutRight(err)
	}
	return c.JSON(200, wireRight(right))
}

func (s *Server) listRights(c echo.Context) error {
	o := optionsOf(c)
	states := []casework.RightState{casework.RightRecorded, casework.RightVerified, casework.RightExpired, casework.RightWithdrawn}
	limit := o.pageSize()
	filter := casework.RightFilter{
		Holder: o.Get("holder"), State: choice(o, "state", states), After: casework.RightID(o.numberCursor('i')), Limit: limit + 1,
	}
	if o.err != nil {
		return o.err
	}
	list, err := s.desk.Rights(c.Request().Context(), visible(c), filter)
	if err != nil {
		return err
	}
	list, next := paged(list, limit, func(r casework.Right) string { return numberCursor('i', uint64(r.ID)) })
	return c.JSON(200, wire.Rights{Rights: converted(list, wireRight), Next: next})
}

func (s *Server) changeRight(c echo.Context) error {
	id, err := numberedPath(c, rightMissing)
	if err != nil {
		return err
	}
	var asked wire.RightPatch
	if err := s.readJSON(c, &asked); err != nil {
		return err
	}
	patch, err := rightPatch(asked)
	if err != nil {
		return err
	}
	right, seq, err := s.desk.ChangeRight(c.Request().Context(), actor(c), visible(c), casework.RightID(id), patch)
	if err != nil {
		return aboutRight(err)
	}
	answer := wireRight(right)
	answer.Seq = uint64(seq)
	return c.JSON(200, answer)
}

func rightPatch(asked wire.RightPatch) (casework.RightPatch, error) {
	patch := casework.RightPatch{
		State: (*casework.RightState)(asked.State), Number: asked.Number, Class: asked.Class, Document: asked.Document,
		Note: asked.Note, Territory: (*casework.Territory)(asked.Territory), Collections: asked.Collections,
	}
	if (asked.From == nil) != (asked.Until == nil) {
		return patch, invalid("until", "from and until are given together; an empty one is without bound")
	}
	if asked.From != nil {
		term, err := casework.ParseTerm(*asked.From, *asked.Until)
		if err != nil {
			return patch, err
		}
		patch.Term = &term
	}
	return patch, nil
}
