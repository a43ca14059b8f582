package casework

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"touchstone/hashindex"
)

// RightID numbers rights from 1.
type RightID uint64

func (id RightID) String() string { return strconv.FormatUint(uint64(id), 10) }
func (id RightID) key() string    { return numberKey(uint64(id)) }

// RightKind is what kind of right it is.
type RightKind string

const (
	Trademark RightKind = "trademark"
	Copyright RightKind = "copyright"
	Design    RightKind = "design"
)

// RightKinds lists them.
func RightKinds() []RightKind { return []RightKind{Trademark, Copyright, Design} }

// RightState is how far a right has come.
type RightState string

const (
	RightRecorded  RightState = "recorded"  // somebody says so
	RightVerified  RightState = "verified"  // somebody looked it up
	RightExpired   RightState = "expired"   // its term is over
	RightWithdrawn RightState = "withdrawn" // by the holder or by us
)

// rightMoves are the states that a right can go to.
var rightMoves = map[RightState][]RightState{
	RightRecorded:  {RightVerified, RightExpired, RightWithdrawn},
	RightVerified:  {RightExpired, RightWithdrawn},
	RightExpired:   {RightVerified, RightWithdrawn}, // renewed
	RightWithdrawn: {},
}

// Right is what a holder owns, where and for how long. References of the collections that belong to it are
// protected by it.
type Right struct {
	ID          RightID    `json:"id"`
	Holder      string     `json:"holder"`
	Kind        RightKind  `json:"kind"`
	Number      string     `json:"number,omitempty"` // of its registration
	Territory   Territory  `json:"territory,omitempty"`
	Class       string     `json:"class,omitempty"` // of goods
	Term        Term       `json:"term,omitzero"`
	Document    string     `json:"document,omitempty"` // where the certificate is
	Note        string     `json:"note,omitempty"`
	State       RightState `json:"state"`
	Added       time.Time  `json:"added"`
	Collections []string   `json:"collections,omitempty"` // that belong to it, by name

	linked []hashindex.CollectionID
}

// storedRight is Right as its row holds it: collections by number.
type storedRight struct {
	Right
	Linked []hashindex.CollectionID `json:"linked,omitempty"`
}

// InForce reports whether the right can be asserted there and then.
func (r Right) InForce(place string, at time.Time) bool {
	return r.State != RightExpired && r.State != RightWithdrawn && r.Term.Holds(at) && r.Territory.Covers(place)
}

const (
	maxName = 256
	maxNote = 4 << 10
)

func (r Right) validate() error {
	if !slices.Contains(RightKinds(), r.Kind) {
		return invalid("kind", "%.40q is not one of trademark, copyright, design", r.Kind)
	}
	return firstOf(
		checkText("number", r.Number, maxName), checkText("class", r.Class, maxName),
		checkText("document", r.Document, maxSubjectField), checkText("note", r.Note, maxNote),
		r.Territory.validate(), r.Term.validate())
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// AddRight records a right of a holder that is there, with the collections that belong to it, and what is written along.
func (d *Desk) AddRight(ctx context.Context, actor string, v Visible, right Right, along ...hashindex.Along[Right]) (Right, hashindex.Seq, error) {
	if err := right.validate(); err != nil {
		return right, 0, err
	}
	var added Right
	seq, err := d.index.Transact(ctx, actor, func(w hashindex.Writer) error {
		if _, err := hashindex.LoadRow[Holder](w, holderRows, right.Holder); err != nil {
			return fieldMissing("holder", right.Holder, err)
		}
		id, err := hashindex.NextNumber(w, counters, "right")
		if err != nil {
			return err
		}
		added = right
		added.ID, added.State, added.Added = RightID(id), RightRecorded, d.now()
		if added.linked, err = collectionsNamed(w, v, right.Collections); err != nil {
			return err
		}
		return firstOf(putRight(w, added, nil, Moved{To: string(RightRecorded), Detail: detail(added)}), hashindex.WriteAlong(w, added, along))
	})
	return added, seq, err
}

// fieldMissing makes "not found" about something that a field names an error of that field.
func fieldMissing(field, name string, err error) error {
	if errors.Is(err, hashindex.ErrNotFound) {
		return invalid(field, "%.80q is not there", name)
	}
	return err
}

func collectionsNamed(r hashindex.Reader, v Visible, names []string) (ids []hashindex.CollectionID, err error) {
	for _, name := range names {
		c, err := r.CollectionNamed(name)
		if err == nil && !v.Sees(name) {
			err = hashindex.ErrNotFound
		}
		if err != nil {
			return nil, fieldMissing("collections", name, err)
		}
		if !slices.Contains(ids, c.ID) {
			ids = append(ids, c.ID)
		}
	}
	return ids, nil
}

// putRight writes the right, its links in place of those before, and the note.
func putRight(w hashindex.Writer, right Right, before []hashindex.CollectionID, moved Moved) error {
	for _, c := range before {
		if !slices.Contains(right.linked, c) {
			if err := w.RemoveRow(rightLinks, shortKey(uint32(c))+right.ID.key()); err != nil {
				return err
			}
		}
	}
	for _, c := range right.linked {
		if err := w.PutRow(rightLinks, shortKey(uint32(c))+right.ID.key(), []byte{}); err != nil {
			return err
		}
	}
	stored := storedRight{Right: right, Linked: right.linked}
	stored.Collections = nil
	return firstOf(hashindex.SaveRow(w, rightRows, right.ID.key(), stored), tell(w, RightTopic, right.ID.String(), moved))
}

func loadRight(r hashindex.Reader, id RightID) (Right, error) {
	stored, err := hashindex.LoadRow[storedRight](r, rightRows, id.key())
	if err != nil {
		return Right{}, about(err, "right %d", id)
	}
	stored.Right.linked = stored.Linked
	return stored.Right, nil
}

// named fills in the names of the collections in sight, and reports whether the right is.
func (r *Right) named(s sight) bool {
	r.Collections = nil
	for _, c := range r.linked {
		if name, ok := s.names[c]; ok {
			r.Collections = append(r.Collections, name)
		}
	}
	return s.all || len(r.Collections) > 0
}

// Right is the right of that id.
func (d *Desk) Right(ctx context.Context, v Visible, id RightID) (right Right, err error) {
	err = d.index.View(ctx, func(r hashindex.Reader) error {
		right, err = visibleRight(r, v, id)
		return err
	})
	return right, err
}

func visibleRight(r hashindex.Reader, v Visible, id RightID) (Right, error) {
	s, err := v.resolve(r)
	if err != nil {
		return Right{}, err
	}
	right, err := loadRight(r, id)
	if err == nil && !right.named(s) {
		err = fmt.Errorf("right %d: %w", id, hashindex.ErrNotFound)
	}
	return right, err
}

// RightFilter says which rights are listed; empty fields let all through.
type RightFilter struct {
	Holder string
	State  RightState
	After  RightID
	Limit  int // 0: all
}

// Rights lists rights in the order in which they were recorded.
func (d *Desk) Rights(ctx context.Context, v Visible, f RightFilter) (list []Right, err error) {
	err = d.index.View(ctx, func(r hashindex.Reader) error {
		list, err = rightsWhere(r, v, func(right Right) bool {
			return (f.Holder == "" || f.Holder == right.Holder) && (f.State == "" || f.State == right.State)
		}, f.After, f.Limit)
		return err
	})
	return list, err
}

func rightsWhere(r hashindex.Reader, v Visible, want func(Right) bool, after RightID, limit int) (list []Right, err error) {
	s, err := v.resolve(r)
	if err != nil {
		return nil, err
	}
	for row, err := range r.Rows(rightRows, (after + 1).key()) {
		if err != nil {
			return nil, err
		}
		stored, err := hashindex.DecodeRow[storedRight](rightRows, row)
		if err != nil {
			return nil, err
		}
		right := stored.Right
		right.linked = stored.Linked
		if !right.named(s) || !want(right) {
			continue
		}
		if list = append(list, right); len(list) == limit {
			break
		}
	}
	return list, nil
}

// RightPatch changes what is not nil.
type RightPatch struct {
	State       *RightState
	Number      *string
	Class       *string
	Document    *string
	Note        *string
	Territory   *Territory
	Term        *Term
	Collections *[]string
}

// ChangeRight changes a right. A state that it cannot go to is a *MoveError.
func (d *Desk) ChangeRight(ctx context.Context, actor string, v Visible, id RightID, patch RightPatch) (Right, hashindex.Seq, error) {
	var changed Right
	seq, err := d.index.Transact(ctx, actor, func(w hashindex.Writer) error {
		before, err := visibleRight(w, v, id)
		if err != nil {
			return err
		}
		if changed, err = before.patched(w, v, patch); err != nil {
			return err
		}
		if changed.State != RightExpired && changed.State != RightWithdrawn && changed.Term.Over(d.now()) {
			return invalid("state", "the term ended at %s", changed.Term.Until.Format(time.RFC3339))
		}
		return putRight(w, changed, before.linked, Moved{From: string(before.State), To: string(changed.State), Detail: detail(changed)})
	})
	return changed, seq, err
}

func (r Right) patched(in hashindex.Reader, v Visible, patch RightPatch) (Right, error) {
	set(&r.Number, patch.Number)
	set(&r.Class, patch.Class)
	set(&r.Document, patch.Document)
	set(&r.Note, patch.Note)
	set(&r.Territory, patch.Territory)
	set(&r.Term, patch.Term)
	if to := patch.State; to != nil && *to != r.State {
		if !slices.Contains(rightMoves[r.State], *to) {
			return r, refuse("right "+r.ID.String(), r.State, *to, rightMoves[r.State])
		}
		r.State = *to
	}
	if patch.Collections != nil {
		asked, err := collectionsNamed(in, v, *patch.Collections)
		if err != nil {
			return r, err
		}
		if !v.all() { // what the caller does not see stays
			s, err := v.resolve(in)
			if err != nil {
				return r, err
			}
			for _, c := range r.linked {
				if !s.sees(c) {
					asked = append(asked, c)
				}
			}
		}
		r.linked, r.Collections = asked, *patch.Collections
	}
	return r, r.validate()
}

func set[T any](field, value *T) {
	if value != nil {
		*field = *value
	}
}

// rightsOf are the rights that the collection belongs to.
func rightsOf(r hashindex.Reader, c hashindex.CollectionID) (list []Right, err error) {
	for row, err := range below(r, rightLinks, shortKey(uint32(c)), "") {
		if err != nil {
			return nil, err
		}
		id, err := numberOf(row.Key)
		if err != nil {
			return nil, fmt.Errorf("row %q of %s: %w", row.Key, rightLinks, hashindex.ErrDamaged)
		}
		right, err := loadRight(r, RightID(id))
		if err != nil {
			return nil, err
		}
		list = append(list, right)
	}
	return list, nil
}

// expireRights moves rights whose term is over to expired.
func (d *Desk) expireRights(ctx context.Context) error {
	over := func(r Right) bool {
		return (r.State == RightRecorded || r.State == RightVerified) && r.Term.Over(d.now())
	}
	var due []Right
	err := d.index.View(ctx, func(r hashindex.Reader) (err error) {
		due, err = rightsWhere(r, Everything, over, 0, 0)
		return err
	})
	if err != nil || len(due) == 0 {
		return err
	}
	_, err = d.index.Transact(ctx, "", func(w hashindex.Writer) error {
		for _, each := range due {
			right, err := loadRight(w, each.ID)
			if err != nil {
				return err
			}
			if !over(right) {
				continue
			}
			from := right.State
			right.State = RightExpired
			if err := putRight(w, right, right.linked, Moved{From: string(from), To: string(RightExpired), Reason: "term_over"}); err != nil {
				return err
			}
		}
		return nil
	})
	return err
}
