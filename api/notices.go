package api

import (
	"slices"
	"strconv"

	"github.com/labstack/echo/v4"

	"touchstone/api/keys"
	"touchstone/api/wire"
	"touchstone/casework"
	"touchstone/hashindex"
)

// noticeTable are the routes of notices and of evidence. Who may say what a party says may not decide.
func (s *Server) noticeTable() []route {
	judging, ruling := need{scopes: keys.Review}, need{scopes: keys.Admin}
	return []route{
		{"POST", "/v1/notices", s.once(s.addNotice), nil, judging},
		{"GET", "/v1/notices", s.listNotices, names("cursor", "limit", "holder", "state", "due_before"), judging},
		{"GET", "/v1/notices/:id", s.showNotice, nil, judging},
		{"POST", "/v1/notices/:id/steps", s.once(s.stepNotice), nil, judging},
		{"POST", "/v1/notices/:id/decisions", s.once(s.decideNotice), nil, ruling},
		{"GET", "/v1/notices/:id/pack", s.packNotice, nil, judging},
		{"GET", "/v1/hits/:id/pack", s.packHit, nil, judging},
		{"GET", "/v1/holders/:id/record", s.showRecord, nil, judging},
	}
}

func aboutNotice(err error) error { return aboutKinds(err, noticeMissing, internalError) }

func (s *Server) addNotice(c echo.Context) error {
	var asked wire.NewNotice
	if err := s.readJSON(c, &asked); err != nil {
		return err
	}
	hits, err := parseHits(asked.Hits)
	if err != nil {
		return err
	}
	location := func(n casework.Notice) string { return "/v1/notices/" + n.ID.String() }
	n, seq, err := s.desk.AddNotice(c.Request().Context(), actor(c), visible(c), casework.NewNotice{
		Holder: asked.Holder, Hits: hits, Text: asked.Text, Submit: asked.Submit,
	}, keepMade(c, 201, location, noticeAt)...)
	if err != nil {
		return err
	}
	s.metrics.notices.WithLabelValues(string(n.State)).Inc()
	return s.answerOnce(c, 201, location(n), noticeAt(n, seq))
}

func noticeAt(n casework.Notice, seq hashindex.Seq) any {
	answer := wireNotice(n)
	answer.Seq = uint64(seq)
	return answer
}

func parseHits(texts []string) ([]casework.HitID, error) {
	ids := make([]casework.HitID, len(texts))
	for i, text := range texts {
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			return nil, invalid("hits", "%.40q is no id", text)
		}
		ids[i] = casework.HitID(n)
	}
	return ids, nil
}

func wireNotice(n casework.Notice) wire.Notice {
	return wire.Notice{
		ID: n.ID.String(), State: string(n.State), Holder: n.Holder, Automatic: n.Automatic, Collections: n.Named,
		Created: n.Created, By: n.By, Due: wireTime(n.Due), Overdue: n.Overdue,
		Items: converted(n.Items, func(i casework.Item) wire.NoticeItem {
			return wire.NoticeItem{Hit: i.Hit.String(), Subject: wireSubject(i.Subject), Outcome: string(i.Outcome)}
		}),
		Statements: converted(n.Statements, func(s casework.Statement) wire.Statement {
			return wire.Statement{Party: string(s.Party), Text: s.Text, By: s.By, At: s.At}
		}),
		Trail: converted(n.Trail, func(s casework.NoticeStep) wire.NoticeStep {
			return wire.NoticeStep{At: s.At, Actor: s.Actor, Action: string(s.Action), From: string(s.From), To: string(s.To), Why: s.Why}
		}),
	}
}

func (s *Server) listNotices(c echo.Context) error {
	o := optionsOf(c)
	f := casework.NoticeFilter{Holder: o.Get("holder"), DueBefore: o.moment("due_before"), After: o.textCursor('n'), Limit: o.pageSize()}
	for _, text := range o.list("state") {
		if !slices.Contains(casework.NoticeStates(), casework.NoticeState(text)) {
			return invalid("state", "%.40q is not one of %s", text, joined(casework.NoticeStates()))
		}
		f.States = append(f.States, casework.NoticeState(text))
	}
	if o.err != nil {
		return o.err
	}
	page, err := s.desk.Notices(c.Request().Context(), visible(c), f)
	if err != nil {
		return err
	}
	answer := wire.Notices{Notices: converted(page.Notices, wireNotice)}
	if page.Next != "" {
		answer.Next = textCursor('n', page.Next)
	}
	return c.JSON(200, answer)
}

func (s *Server) showNotice(c echo.Context) error {
	id, err := numberedPath(c, noticeMissing)
	if err != nil {
		return err
	}
	n, err := s.desk.Notice(c.Request().Context(), visible(c), casework.NoticeID(id))
	if err != nil {
		return aboutNotice(err)
	}
	return c.JSON(200, wireNotice(n))
}

func (s *Server) stepNotice(c echo.Context) error { return s.moveNotice(c, casework.PartyActions()) }

func (s *Server) decideNotice(c echo.Context) error { return s.moveNotice(c, casework.Decisions()) }

func (s *Server) moveNotice(c echo.Context, known []casework.NoticeAction) error {
	id, err := numberedPath(c, noticeMissing)
	if err != nil {
		return err
	}
	var asked wire.NoticeOrder
	if err := s.readJSON(c, &asked); err != nil {
		return err
	}
	order := casework.NoticeOrder{Action: casework.NoticeAction(asked.Action), Text: asked.Text, Party: casework.Party(asked.Party)}
	if !slices.Contains(known, order.Action) {
		return invalid("action", "%.40q is not one of %s", asked.Action, joined(known))
	}
	if order.Hits, err = parseHits(asked.Hits); err != nil {
		return err
	}
	n, seq, err := s.desk.MoveNotice(c.Request().Context(), actor(c), visible(c), casework.NoticeID(id), order, keepMade(c, 200, nowhere, noticeAt)...)
	if err != nil {
		return aboutNotice(err)
	}
	s.metrics.notices.WithLabelValues(string(n.State)).Inc()
	return s.answerOnce(c, 200, "", noticeAt(n, seq))
}

func (s *Server) showRecord(c echo.Context) error {
	id := pathParameter(c, "id")
	r, standing, err := s.desk.RecordOf(c.Request().Context(), visible(c), id)
	if err != nil {
		return aboutHolder(err)
	}
	return c.JSON(200, wire.HolderRecord{
		Holder: id, Standing: string(standing), Drafted: r.Drafted, Submitted: r.Submitted, Accepted: r.Accepted, Partly: r.Partly, Refused: r.Refused,
		Removed: r.Removed, Countered: r.Countered, Upheld: r.Upheld, Restored: r.Restored, Closed: r.Closed, Withdrawn: r.Withdrawn,
	})
}
