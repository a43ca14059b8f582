package casework

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"touchstone/hashindex"
)

// NewNotice is what a notice is drafted from.
type NewNotice struct {
	Holder string
	Hits   []HitID // confirmed, of collections that belong to a right of the holder's that is in force
	Text   string  // the holder's statement
	Submit bool    // at once
}

// AddNotice drafts a notice, and submits it if asked. One that a trusted holder submits is accepted at once.
func (d *Desk) AddNotice(ctx context.Context, actor string, v Visible, asked NewNotice, along ...hashindex.Along[Notice]) (n Notice, seq hashindex.Seq, err error) {
	if len(asked.Hits) == 0 || len(asked.Hits) > MaxNoticeItems {
		return n, 0, invalid("hits", "%d, want 1 to %d", len(asked.Hits), MaxNoticeItems)
	}
	if err := checkLines("text", asked.Text, maxNote); err != nil {
		return n, 0, err
	}
	at, policy := d.now(), d.Policy()
	seq, err = d.index.Transact(ctx, actor, func(w hashindex.Writer) error {
		var hits []Hit
		if hits, err = noticeable(w, v, asked, at); err != nil {
			return err
		}
		if n, err = draft(w, actor, asked.Holder, hits, at, policy); err != nil {
			return err
		}
		if n, err = n.saying(actor, NoticeOrder{Action: DraftNotice, Text: asked.Text}, at); err != nil {
			return err
		}
		if err := firstOf(remember(w, nil, &n), putNotice(w, &n, nil)); err != nil {
			return err
		}
		if asked.Submit {
			if n, err = submit(w, actor, n, NoticeOrder{Action: SubmitNotice}, at, policy); err != nil {
				return err
			}
		}
		return hashindex.WriteAlong(w, n, along)
	})
	return n, seq, err
}

// noticeable are the hits, each fit to be in a notice of the holder's.
func noticeable(r hashindex.Reader, v Visible, asked NewNotice, at time.Time) ([]Hit, error) {
	if _, err := hashindex.LoadRow[Holder](r, holderRows, asked.Holder); err != nil {
		return nil, fieldMissing("holder", asked.Holder, err)
	}
	hits := make([]Hit, len(asked.Hits))
	for i, id := range asked.Hits {
		h, err := visibleHit(r, v, id)
		if err != nil {
			return nil, fieldMissing("hits", id.String(), err)
		}
		if slices.Contains(asked.Hits[:i], id) {
			return nil, invalid("hits", "hit %d twice", id)
		}
		why, err := unfit(r, &h, asked.Holder, at)
		if err != nil {
			return nil, err
		}
		if why != "" {
			refused := refuse("hit "+id.String(), h.State, "a notice", allowed(h.State))
			refused.Why = why
			return nil, refused
		}
		hits[i] = h
	}
	return hits, nil
}

// unfit is why the hit cannot be in a notice of the holder's; empty: it can.
func unfit(r hashindex.Reader, h *Hit, holder string, at time.Time) (string, error) {
	if !h.State.stands() {
		return "it is not confirmed", nil
	}
	owned, err := asserts(r, h, holder, at)
	if err != nil {
		return "", err
	}
	if !owned {
		return fmt.Sprintf("%s owns no right in force that its collection belongs to", holder), nil
	}
	others, err := noticesOf(r, h.ID)
	for _, other := range others {
		if other.holds(h.ID) {
			return fmt.Sprintf("notice %d is about it", other.ID), nil
		}
	}
	return "", err
}

// asserts reports whether the holder owns a right that protects what the hit is about.
func asserts(r hashindex.Reader, h *Hit, holder string, at time.Time) (bool, error) {
	rights, err := rightsOf(r, h.Collection)
	return slices.ContainsFunc(rights, func(right Right) bool {
		return right.Holder == holder && right.InForce(h.Subject.Territory, at)
	}), err
}

// draft is a new notice about the hits, which is not written yet.
func draft(w hashindex.Writer, actor, holder string, hits []Hit, at time.Time, p Policy) (Notice, error) {
	id, err := hashindex.NextNumber(w, counters, "notice")
	if err != nil {
		return Notice{}, err
	}
	n := Notice{ID: NoticeID(id), Holder: holder, Created: at, By: actor}
	for _, h := range hits {
		n.Items = append(n.Items, Item{Hit: h.ID, Subject: h.Subject})
		if !slices.Contains(n.Collections, h.Collection) {
			n.Collections, n.Named = append(n.Collections, h.Collection), append(n.Named, h.Named)
		}
	}
	n = n.moved(NoticeStep{at, actor, DraftNotice, "", NoticeDrafted, ""}, p)
	return n, tellNotice(w, &n, "")
}

// submit submits a draft. What the holder's record allows goes on without review.
func submit(w hashindex.Writer, actor string, before Notice, o NoticeOrder, at time.Time, p Policy) (Notice, error) {
	n, err := before.after(actor, o, at, p)
	if err != nil {
		return before, err
	}
	record, err := recordOf(w, n.Holder)
	if err != nil {
		return before, err
	}
	if err := commitNotice(w, &before, &n, p); err != nil || record.Standing(p) != Trusted {
		return n, err
	}
	accepted, err := n.outcomes(NoticeOrder{Action: AcceptNotice})
	if err != nil {
		return n, err
	}
	reviewed := n
	n.Items = accepted
	n = n.moved(NoticeStep{at, "", AcceptNotice, NoticeSubmitted, NoticeAccepted, "the holder is trusted"}, p)
	return n, commitNotice(w, &reviewed, &n, p)
}

// MoveNotice carries out the order.
func (d *Desk) MoveNotice(ctx context.Context, actor string, v Visible, id NoticeID, o NoticeOrder, along ...hashindex.Along[Notice]) (n Notice, seq hashindex.Seq, err error) {
	if err := o.validate(); err != nil {
		return n, 0, err
	}
	at, policy := d.now(), d.Policy()
	seq, err = d.index.Transact(ctx, actor, func(w hashindex.Writer) error {
		before, err := visibleNotice(w, v, id)
		if err != nil {
			return err
		}
		if o.Action == SubmitNotice {
			n, err = submit(w, actor, before, o, at, policy)
		} else if n, err = before.after(actor, o, at, policy); err == nil {
			err = commitNotice(w, &before, &n, policy)
		}
		if err != nil {
			return err
		}
		return hashindex.WriteAlong(w, n, along)
	})
	return n, seq, err
}

// commitNotice writes the notice after a step, with all that follows from it.
func commitNotice(w hashindex.Writer, before, n *Notice, p Policy) error {
	return firstOf(
		remember(w, before, n),
		actUpon(w, before, n),
		putNotice(w, n, before),
		tellNotice(w, n, before.State))
}

// actUpon lets the hits follow: they are actioned once the listings are gone, and to be looked at again
// once an objection has won.
func actUpon(w hashindex.Writer, before, n *Notice) error {
	var o Order
	switch {
	case before.State == n.State:
		return nil
	case n.State == NoticeRemoved:
		o = Order{Action: Act, Notice: n.ID.String()}
	case n.State == NoticeRestored:
		o = Order{Action: Reopen, Note: fmt.Sprintf("the objection to notice %d won", n.ID)}
	default:
		return nil
	}
	step := n.Trail[len(n.Trail)-1]
	for _, item := range n.Items {
		if item.Outcome != ItemAccepted {
			continue
		}
		was, err := loadHit(w, item.Hit)
		if err != nil {
			return err
		}
		h, err := was.after(step.Actor, o, step.At, step.At)
		if errors.Is(err, ErrMove) {
			continue // decided otherwise meanwhile: that stands
		}
		if err != nil {
			return err
		}
		if err := commitStep(w, &was, &h); err != nil {
			return err
		}
	}
	return nil
}

// tellNotice notes the step in the history.
func tellNotice(w hashindex.Writer, n *Notice, from NoticeState) error {
	step := n.Trail[len(n.Trail)-1]
	moved := Moved{From: string(from), To: string(n.State), Reason: step.Why, Detail: detail(NoticeBrief{n.Holder, len(n.Items), n.Automatic, n.Overdue, n.Due, n.Named})}
	if len(n.Statements) > 0 && !n.Statements[len(n.Statements)-1].At.Before(step.At) {
		moved.Note = n.Statements[len(n.Statements)-1].Text
	}
	if len(n.Named) == 1 {
		moved.Collection = n.Named[0]
	}
	return tell(w, NoticeTopic, n.ID.String(), moved)
}

// NoticeBrief is what a note says of a notice besides its state.
type NoticeBrief struct {
	Holder      string    `json:"holder"`
	Hits        int       `json:"hits"`
	Automatic   bool      `json:"automatic,omitempty"`
	Overdue     bool      `json:"overdue,omitempty"`
	Due         time.Time `json:"due,omitzero"`
	Collections []string  `json:"collections"`
}

// Notice is the notice of that id. It is in sight of whoever sees all of its collections.
func (d *Desk) Notice(ctx context.Context, v Visible, id NoticeID) (n Notice, err error) {
	err = d.index.View(ctx, func(r hashindex.Reader) error {
		n, err = visibleNotice(r, v, id)
		return err
	})
	return n, err
}

func visibleNotice(r hashindex.Reader, v Visible, id NoticeID) (Notice, error) {
	s, err := v.resolve(r)
	if err != nil {
		return Notice{}, err
	}
	n, err := loadNotice(r, id)
	if err == nil && !n.seenBy(s) {
		return Notice{}, fmt.Errorf("notice %d: %w", id, hashindex.ErrNotFound)
	}
	return n, err
}

func (n *Notice) seenBy(s sight) bool {
	return !slices.ContainsFunc(n.Collections, func(c hashindex.CollectionID) bool { return !s.sees(c) })
}

// sweepNotices does what the clock does to notices: drafts that nobody submitted are withdrawn, what nobody
// objected to is closed, and the rest is overdue.
func (d *Desk) sweepNotices(ctx context.Context) error {
	at, policy := d.now(), d.Policy()
	due, err := d.dueNotices(ctx, at)
	for batch := range slices.Chunk(due, 100) {
		if err != nil {
			return err
		}
		_, err = d.index.Transact(ctx, "", func(w hashindex.Writer) error {
			for _, id := range batch {
				if err := lapse(w, id, at, policy); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return err
}

func (d *Desk) dueNotices(ctx context.Context, at time.Time) (due []NoticeID, err error) {
	err = d.index.View(ctx, func(r hashindex.Reader) error {
		until := numberKey(uint64(at.Unix() + 1))
		for row, err := range r.Rows(noticeDue, "") {
			if err != nil || row.Key >= until {
				return err
			}
			id, err := numberOf(row.Key[min(16, len(row.Key)):])
			if err != nil {
				return fmt.Errorf("row %q of %s: %w", row.Key, noticeDue, hashindex.ErrDamaged)
			}
			due = append(due, NoticeID(id))
		}
		return nil
	})
	return due, err
}

func lapse(w hashindex.Writer, id NoticeID, at time.Time, p Policy) error {
	before, err := loadNotice(w, id)
	if err != nil || before.Due.IsZero() || at.Before(before.Due) {
		return err
	}
	n := before
	switch before.State {
	case NoticeDrafted:
		n = n.moved(NoticeStep{at, "", WithdrawNotice, NoticeDrafted, NoticeWithdrawn, "nobody submitted it in time"}, p)
	case NoticeRemoved:
		n = n.moved(NoticeStep{at, "", closeNotice, NoticeRemoved, NoticeClosed, "nobody objected in time"}, p)
	default:
		n.Trail = append(slices.Clone(n.Trail), NoticeStep{at, "", overdueNotice, n.State, n.State, ""})
		n.Overdue, n.Due = true, time.Time{}
	}
	return commitNotice(w, &before, &n, p)
}
