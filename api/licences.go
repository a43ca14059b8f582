package api

import (
	"bytes"
	"strconv"

	"github.com/labstack/echo/v4"

	"touchstone/api/wire"
	"touchstone/casework"
	"touchstone/hashindex"
)

func (s *Server) addLicence(c echo.Context) error {
	var asked wire.NewLicence
	if err := s.readJSON(c, &asked); err != nil {
		return err
	}
	right, err := strconv.ParseUint(asked.Right, 10, 64)
	if err != nil {
		return invalid("right", "%.40q is no id", asked.Right)
	}
	term, err := casework.ParseTerm(asked.From, asked.Until)
	if err != nil {
		return err
	}
	location := func(list []casework.Licence) string { return "/v1/licences/" + list[0].ID.String() }
	list, _, seq, err := s.desk.AddLicences(c.Request().Context(), actor(c), visible(c), []casework.Licence{{
		Right: casework.RightID(right), Seller: asked.Seller, Territory: asked.Territory, Term: term, Note: asked.Note,
	}}, keepMade(c, 201, location, firstLicenceAt)...)
	if err != nil {
		return err
	}
	return s.answerOnce(c, 201, location(list), firstLicenceAt(list, seq))
}

func firstLicenceAt(list []casework.Licence, seq hashindex.Seq) any {
	answer := wireLicence(list[0])
	answer.Seq = uint64(seq)
	return answer
}

func wireLicence(l casework.Licence) wire.Licence {
	return wire.Licence{
		ID: l.ID.String(), Right: l.Right.String(), Seller: l.Seller, Territory: append([]string{}, l.Territory...),
		From: wireTime(l.Term.From), Until: wireTime(l.Term.Until), Note: l.Note, Added: l.Added,
	}
}

func (s *Server) showLicence(c echo.Context) error {
	id, err := numberedPath(c, licenceMissing)
	if err != nil {
		return err
	}
	l, err := s.desk.Licence(c.Request().Context(), visible(c), casework.LicenceID(id))
	if err != nil {
		return aboutLicence(err)
	}
	return c.JSON(200, wireLicence(l))
}

func (s *Server) listLicences(c echo.Context) error {
	o := optionsOf(c)
	limit := o.pageSize()
	filter := casework.LicenceFilter{
		Right: casework.RightID(o.number("right")), Seller: o.Get("seller"), After: casework.LicenceID(o.numberCursor('l')), Limit: limit + 1,
	}
	if o.err != nil {
		return o.err
	}
	list, err := s.desk.Licences(c.Request().Context(), visible(c), filter)
	if err != nil {
		return err
	}
	list, next := paged(list, limit, func(l casework.Licence) string { return numberCursor('l', uint64(l.ID)) })
	return c.JSON(200, wire.Licences{Licences: converted(list, wireLicence), Next: next})
}

func (s *Server) revokeLicence(c echo.Context) error {
	id, err := numberedPath(c, licenceMissing)
	if err != nil {
		return err
	}
	seq, err := s.desk.RevokeLicence(c.Request().Context(), actor(c), visible(c), casework.LicenceID(id))
	if err != nil {
		return aboutLicence(err)
	}
	return c.JSON(200, wire.Removed{Seq: uint64(seq)})
}

// importLicences takes a CSV list. What is right with it is granted; what is wrong is listed.
func (s *Server) importLicences(c echo.Context) error {
	if mediaType(c) != "text/csv" {
		return unsupported(c, "text/csv")
	}
	list, err := readInto(nil, bodyOf(c.Request()).within("document_bytes", s.limits.DocumentBytes))
	if err != nil {
		return err
	}
	done, err := s.desk.ImportLicences(c.Request().Context(), actor(c), visible(c), bytes.NewReader(list))
	if err != nil {
		return err
	}
	return s.answerOnce(c, 200, "", wire.ImportedLicences{
		Added: done.Added, Unchanged: done.Unchanged, Failed: done.Failed, Seq: uint64(done.Seq),
		Errors: converted(done.Errors, func(e casework.LineError) wire.LineError {
			return wire.LineError{Line: e.Line, Field: e.Field, Detail: clip(e.Reason)}
		}),
	})
}
