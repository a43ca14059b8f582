package api

import (
	"encoding/json"
	"math"
	"regexp"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"touchstone/api/webhook"
	"touchstone/api/wire"
	"touchstone/hashindex"
)

func (s *Server) createWebhook(c echo.Context) error {
	var asked wire.NewWebhook
	if err := s.readJSON(c, &asked); err != nil {
		return err
	}
	h := webhook.Hook{URL: asked.URL, Events: asked.Events, Cursor: s.index.Seq()}
	if asked.After != nil {
		h.Cursor = hashindex.Seq(min(*asked.After, uint64(h.Cursor)))
	}
	h, secret, seq, err := s.hooks.Create(c.Request().Context(), actor(c), h, keepMade(c, 201, nowhere, madeWebhook)...)
	if err != nil {
		return err
	}
	return s.answerOnce(c, 201, "", madeWebhook(webhook.Made{Hook: h, Secret: secret}, seq))
}

func madeWebhook(m webhook.Made, seq hashindex.Seq) any {
	answer := wireWebhook(m.Hook)
	answer.Secret, answer.Seq = m.Secret, uint64(seq)
	return answer
}

func (s *Server) listWebhooks(c echo.Context) error {
	list, err := s.hooks.Hooks(c.Request().Context())
	if err != nil {
		return err
	}
	return c.JSON(200, wire.Webhooks{Webhooks: converted(list, wireWebhook)})
}

func (s *Server) showWebhook(c echo.Context) error {
	id, err := webhookID(c)
	if err != nil {
		return err
	}
	h, err := s.hooks.Hook(c.Request().Context(), id)
	if err != nil {
		return aboutWebhook(err)
	}
	return c.JSON(200, wireWebhook(h))
}

func (s *Server) changeWebhook(c echo.Context) error {
	id, err := webhookID(c)
	if err != nil {
		return err
	}
	var asked wire.WebhookPatch
	if err := s.readJSON(c, &asked); err != nil {
		return err
	}
	h, seq, err := s.hooks.Change(c.Request().Context(), actor(c), id, webhook.Patch{URL: asked.URL, Events: asked.Events, Enabled: asked.Enabled})
	if err != nil {
		return aboutWebhook(err)
	}
	return c.JSON(200, webhookAt(h, seq))
}

func webhookAt(h webhook.Hook, seq hashindex.Seq) any { return madeWebhook(webhook.Made{Hook: h}, seq) }

func (s *Server) removeWebhook(c echo.Context) error {
	id, err := webhookID(c)
	if err != nil {
		return err
	}
	seq, err := s.hooks.Remove(c.Request().Context(), actor(c), id)
	if err != nil {
		return aboutWebhook(err)
	}
	return c.JSON(200, wire.Removed{Seq: uint64(seq)})
}

// testWebhook answers 200 whatever the receiver does: that is what was asked for.
func (s *Server) testWebhook(c echo.Context) error {
	if err := drain(c); err != nil {
		return err
	}
	id, err := webhookID(c)
	if err != nil {
		return err
	}
	if _, err := s.hooks.Hook(c.Request().Context(), id); err != nil {
		return aboutWebhook(err)
	}
	status, err := s.hooks.Test(c.Request().Context(), id)
	answer := wire.TestDelivery{Delivered: err == nil, Status: status}
	if err != nil {
		answer.Error = clip(err.Error())
	}
	return s.answerOnce(c, 200, "", answer)
}

func (s *Server) replayWebhook(c echo.Context) error {
	id, err := webhookID(c)
	if err != nil {
		return err
	}
	var asked wire.Replay
	if err := s.readJSON(c, &asked); err != nil {
		return err
	}
	if asked.After == nil {
		return invalid("after", "missing: the Seq after which everything is sent again")
	}
	h, seq, err := s.hooks.Replay(c.Request().Context(), actor(c), id, hashindex.Seq(*asked.After), keepMade(c, 200, nowhere, webhookAt)...)
	if err != nil {
		return aboutWebhook(err)
	}
	return s.answerOnce(c, 200, "", webhookAt(h, seq))
}

func (s *Server) rotateWebhookSecret(c echo.Context) error {
	id, err := webhookID(c)
	if err != nil {
		return err
	}
	var asked wire.RotateSecret
	if err := s.readJSON(c, &asked); err != nil {
		return err
	}
	overlap := webhook.DefaultOverlap
	if seconds := asked.OverlapSeconds; seconds != nil {
		const longest = int64(webhook.MaxOverlap / time.Second)
		if *seconds < 0 || *seconds > longest {
			return invalid("overlap_seconds", "%d is not within 0..%d", *seconds, longest)
		}
		overlap = time.Duration(*seconds) * time.Second
	}
	h, secret, seq, err := s.hooks.Rotate(c.Request().Context(), actor(c), id, overlap, keepMade(c, 201, nowhere, madeWebhook)...)
	if err != nil {
		return aboutWebhook(err)
	}
	return s.answerOnce(c, 201, "", madeWebhook(webhook.Made{Hook: h, Secret: secret}, seq))
}

func (s *Server) listDeadLetters(c echo.Context) error {
	o := optionsOf(c)
	after, limit := o.integer("after", 0, 0, math.MaxInt), o.integer("limit", defaultPage, 1, maxPage)
	id, err := webhookID(c)
	if o.err != nil || err != nil {
		return orError(o.err, err)
	}
	list, err := s.hooks.Dead(c.Request().Context(), id, hashindex.Seq(after), limit)
	if err != nil {
		return aboutWebhook(err)
	}
	return c.JSON(200, wire.DeadLetters{Letters: converted(list, func(l webhook.Letter) wire.DeadLetter {
		return wire.DeadLetter{Seq: uint64(l.Seq), Type: l.Type, Attempts: l.Attempts, First: l.First, Status: l.Status, Error: l.Error}
	})})
}

func orError(first, second error) error {
	if first != nil {
		return first
	}
	return second
}

func webhookID(c echo.Context) (webhook.ID, error) {
	text := pathParameter(c, "id")
	id, err := strconv.ParseUint(text, 10, 64)
	if err != nil || webhook.ID(id).String() != text {
		return 0, fail(webhookMissing, "webhook %.40q: not found", text)
	}
	return webhook.ID(id), nil
}

func wireWebhook(h webhook.Hook) wire.Webhook {
	return wire.Webhook{
		ID: h.ID.String(), URL: h.URL, Events: h.Events, Created: h.Created, Enabled: h.Disabled == "", Disabled: h.Disabled,
		Cursor: uint64(h.Cursor), Parked: h.Parked, Due: wireTime(h.Due), Tried: wireTime(h.Tried), Status: h.Status, Error: h.Error,
		FormerUntil: wireTime(h.FormerUntil),
	}
}

// event is what webhooks are sent of a change. What happens to webhooks themselves is none.
func (s *Server) event(change hashindex.Change) (webhook.Event, bool) {
	name := eventType(change)
	if name == "" {
		return webhook.Event{}, false
	}
	collections, err := s.collectionsByID()
	if err != nil {
		s.config.Log.Warn("an event names no collection", "seq", change.Seq, "err", err)
	}
	return webhook.Event{Type: name, Time: change.Time, Data: s.wireChange(change, collections)}, true
}

var changeEvents = map[hashindex.ChangeKind]string{
	hashindex.CollectionCreated: "collection.created",
	hashindex.CollectionChanged: "collection.changed",
	hashindex.CollectionRemoved: "collection.removed",
	hashindex.ReferenceAdded:    "reference.added",
	hashindex.ReferenceChanged:  "reference.changed",
	hashindex.ReferenceRemoved:  "reference.removed",
}

// eventType names a change: a note by its topic and the state that it led to.
func eventType(change hashindex.Change) string {
	if change.Kind != hashindex.Noted {
		return changeEvents[change.Kind]
	}
	var moved struct{ From, To string }
	if err := json.Unmarshal(change.Note.Body, &moved); err != nil || !word.MatchString(moved.To) {
		moved.To = "changed"
	}
	topic := change.Note.Topic
	switch {
	case topic == webhook.Topic || !word.MatchString(topic):
		return ""
	case topic != "hit":
		return topic + "." + moved.To
	case moved.From == "":
		return "hit.recorded"
	case moved.From == moved.To:
		return "hit.noted"
	case moved.To == "confirmed" || moved.To == "rejected":
		return "decision"
	}
	return "hit." + moved.To
}

var word = regexp.MustCompile(`^[a-z_]{1,32}$`)
