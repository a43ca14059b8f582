package casework

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"touchstone/hashindex"
)

// Order is what somebody does with hits.
type Order struct {
	Action Action
	Reason string
	Note   string
	Notice string // for Act: the notice that was made of the hit
}

func (o Order) validate() error {
	if !slices.Contains(Actions(), o.Action) {
		return invalid("action", "%.40q is not one of %s", o.Action, join(Actions()))
	}
	known := reasons[o.Action]
	switch {
	case o.Reason != "" && !slices.Contains(known, o.Reason):
		return invalid("reason", "%.40q is not one of %s", o.Reason, strings.Join(known, ", "))
	case o.Action == Reject && o.Reason == "":
		return invalid("reason", "a rejection needs one of %s", strings.Join(known, ", "))
	case (o.Reason == "other" || o.Action == Comment) && o.Note == "":
		return invalid("note", "missing")
	}
	return firstOf(checkLines("note", o.Note, maxNote), checkText("notice", o.Notice, maxName))
}

func join[T ~string](list []T) string {
	texts := make([]string, len(list))
	for i, each := range list {
		texts[i] = string(each)
	}
	return strings.Join(texts, ", ")
}

// checkLines is checkText for a text of several lines.
func checkLines(field, text string, max int) error {
	return checkText(field, strings.NewReplacer("\n", " ", "\t", " ", "\r", " ").Replace(text), max)
}

// Decided says what became of one hit of several.
type Decided struct {
	ID  HitID // as it was asked for
	Hit Hit
	Err error // why nothing did: ErrNotFound, or a *MoveError
}

// MaxDecided bounds how many hits one order is for.
const MaxDecided = 1000

// Decide carries out the order for each hit, all in one step. A hit that does not allow it is left as it is,
// and says so.
func (d *Desk) Decide(ctx context.Context, actor string, v Visible, ids []HitID, o Order, along ...hashindex.Along[[]Decided]) (list []Decided, seq hashindex.Seq, err error) {
	if err := o.validate(); err != nil {
		return nil, 0, err
	}
	if len(ids) == 0 || len(ids) > MaxDecided {
		return nil, 0, invalid("hits", "%d, want 1 to %d", len(ids), MaxDecided)
	}
	at := d.now()
	policy := d.Policy()
	until := at.Add(policy.Claim.d())
	seq, err = d.index.Transact(ctx, actor, func(w hashindex.Writer) error {
		s, err := v.resolve(w)
		if err != nil {
			return err
		}
		list = make([]Decided, len(ids))
		for i, id := range ids {
			list[i].ID = id
			list[i].Hit, list[i].Err = decideOne(w, actor, s, id, o, at, until)
			if err := list[i].Err; err != nil && !errors.Is(err, ErrMove) && !errors.Is(err, hashindex.ErrNotFound) {
				return err
			}
		}
		if err := raise(w, list, at, policy); err != nil {
			return err
		}
		return hashindex.WriteAlong(w, list, along)
	})
	for i := range list {
		d.count(&list[i].Hit)
	}
	return list, seq, err
}

// DecideOne is Decide for one hit, with its error.
func (d *Desk) DecideOne(ctx context.Context, actor string, v Visible, id HitID, o Order, along ...hashindex.Along[Hit]) (Hit, hashindex.Seq, error) {
	list, seq, err := d.Decide(ctx, actor, v, []HitID{id}, o, func(w hashindex.Writer, list []Decided) error {
		if list[0].Err != nil {
			return nil // there is nothing to write along with
		}
		return hashindex.WriteAlong(w, list[0].Hit, along)
	})
	if err != nil {
		return Hit{}, 0, err
	}
	return list[0].Hit, seq, list[0].Err
}

func decideOne(w hashindex.Writer, actor string, s sight, id HitID, o Order, at, until time.Time) (Hit, error) {
	before, err := loadHit(w, id)
	if err == nil && !s.sees(before.Collection) {
		err = fmt.Errorf("hit %d: %w", id, hashindex.ErrNotFound)
	}
	if err != nil {
		return Hit{}, err
	}
	h, err := before.after(actor, o, at, until)
	if err != nil {
		return before, err
	}
	return h, commitStep(w, &before, &h)
}

// after is the hit after the order, or why it is not allowed.
func (h Hit) after(actor string, o Order, at, until time.Time) (Hit, error) {
	step := Step{At: at, Actor: actor, Action: o.Action, From: h.State, To: h.State, Reason: o.Reason, Note: o.Note}
	if o.Action != Comment {
		if err := h.admits(actor, o.Action, at); err != nil {
			return h, err
		}
		step.To = moves[h.State][o.Action]
	}
	switch o.Action {
	case Release, expire:
		step.To = h.beforeClaim()
	case Undo:
		step.To = h.beforeDecision()
	}
	h.Trail = append(slices.Clone(h.Trail), step)
	h.Trail = h.Trail[max(0, len(h.Trail)-maxTrail):]
	if o.Action == Claim {
		h.ClaimedBy, h.ClaimedUntil = actor, until
	} else if step.To != Claimed {
		h.ClaimedBy, h.ClaimedUntil = "", time.Time{}
	}
	if o.Notice != "" && !slices.Contains(h.Notices, o.Notice) {
		h.Notices = append(slices.Clone(h.Notices), o.Notice)
	}
	h.State = step.To
	return h, nil
}

// admits reports why the action is not allowed now.
func (h Hit) admits(actor string, a Action, at time.Time) error {
	if _, ok := moves[h.State][a]; !ok {
		return refuse("hit "+h.ID.String(), h.State, a, allowed(h.State))
	}
	if h.claimHolds(at) && h.ClaimedBy != actor && a != expire {
		return &MoveError{What: "hit " + h.ID.String(), From: string(h.State), Wanted: string(a), Allowed: []string{string(Comment)},
			Why: fmt.Sprintf("by %q until %s", h.ClaimedBy, h.ClaimedUntil.Format(time.RFC3339))}
	}
	return nil
}

// claimHolds reports whether somebody's claim keeps others out. A clock that goes back makes a claim last longer by as
// much; one that went back by more than the claim's whole time ends it, or nobody could decide until the clock is there again.
func (h Hit) claimHolds(at time.Time) bool {
	if h.State != Claimed || !at.Before(h.ClaimedUntil) {
		return false
	}
	for _, s := range slices.Backward(h.Trail) {
		if s.Action == Claim {
			return h.ClaimedUntil.Sub(at) <= 2*h.ClaimedUntil.Sub(s.At)
		}
	}
	return true
}

// beforeClaim is the state that the hit was claimed from.
func (h Hit) beforeClaim() State {
	for _, s := range slices.Backward(h.Trail) {
		if s.To == Claimed && s.From != Claimed {
			return s.From
		}
	}
	return Opened
}

// beforeDecision is what undoing the last decision leads to: a claim is not given back.
func (h Hit) beforeDecision() State {
	for _, s := range slices.Backward(h.Trail) {
		if s.To != h.State || s.From == h.State {
			continue
		}
		if s.From == Claimed {
			return h.beforeClaim()
		}
		return s.From
	}
	return Opened
}

// commitStep writes the hit after a step, with all that follows from it.
func commitStep(w hashindex.Writer, before, h *Hit) error {
	if err := verdictAt(w, before, h); err != nil {
		return err
	}
	step := h.Trail[len(h.Trail)-1]
	return firstOf(
		rejection(w, before, h),
		tally(w, before, h),
		putHit(w, h, before),
		tell(w, HitTopic, h.ID.String(), Moved{From: string(before.State), To: string(h.State), Reason: step.Reason, Note: step.Note,
			Collection: h.Named, Detail: detail(map[string]any{"action": step.Action, "subject": h.Subject, "reference": h.Reference})}))
}

// rejection keeps the pair away for as long as the hit is rejected.
func rejection(w hashindex.Writer, before, h *Hit) error {
	key := rejectionKey(h.Subject, h.Collection, h.shown()) + h.ID.key()
	switch {
	case before.State != Rejected && h.State == Rejected:
		return w.PutRow(rejections, key, []byte{})
	case before.State == Rejected && h.State != Rejected:
		return w.RemoveRow(rejections, key)
	}
	return nil
}

// expireClaims gives back hits whose claims are over.
func (d *Desk) expireClaims(ctx context.Context) error {
	at := d.now()
	var due []HitID
	err := d.index.View(ctx, func(r hashindex.Reader) error {
		for row, err := range below(r, hitStates, string(Claimed.letter()), "") {
			if err != nil {
				return err
			}
			n, err := numberOf(row.Key)
			if err != nil {
				return fmt.Errorf("row %q of %s: %w", row.Key, hitStates, hashindex.ErrDamaged)
			}
			h, err := loadHit(r, HitID(n))
			if err != nil {
				return err
			}
			if !h.claimHolds(at) {
				due = append(due, h.ID)
			}
		}
		return nil
	})
	if err != nil || len(due) == 0 {
		return err
	}
	_, err = d.index.Transact(ctx, "", func(w hashindex.Writer) error {
		for _, id := range due {
			before, err := loadHit(w, id)
			if err != nil {
				return err
			}
			if before.State != Claimed || before.claimHolds(at) {
				continue // renewed or decided meanwhile
			}
			h, err := before.after("", Order{Action: expire}, at, at)
			if err != nil {
				return err
			}
			if err := commitStep(w, &before, &h); err != nil {
				return err
			}
		}
		return nil
	})
	return err
}
