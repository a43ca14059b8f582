package casework

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"touchstone/hashindex"
)

// NoticeID numbers notices from 1.
type NoticeID uint64

func (id NoticeID) String() string { return strconv.FormatUint(uint64(id), 10) }
func (id NoticeID) key() string    { return numberKey(uint64(id)) }

// Notice is a complaint of a holder about listings, made of confirmed hits.
type Notice struct {
	ID        NoticeID    `json:"id"`
	State     NoticeState `json:"state"`
	Holder    string      `json:"holder"`
	Items     []Item      `json:"items"`
	Automatic bool        `json:"automatic,omitempty"` // by policy, not by a person

	Collections []hashindex.CollectionID `json:"collections"` // of its hits
	Named       []string                 `json:"named"`       // the same, as they were called

	Created    time.Time    `json:"created"`
	By         string       `json:"by,omitempty"`
	Due        time.Time    `json:"due,omitzero"` // when the next step ought to be done; zero: nothing is waited for
	Overdue    bool         `json:"overdue,omitempty"`
	Statements []Statement  `json:"statements,omitempty"`
	Trail      []NoticeStep `json:"trail"`
}

// Item is one hit of a notice, with what became of it there.
type Item struct {
	Hit     HitID   `json:"hit"`
	Subject Subject `json:"subject"`
	Outcome Outcome `json:"outcome,omitempty"` // empty until the notice is decided
}

// Outcome is what became of one item.
type Outcome string

const (
	ItemAccepted Outcome = "accepted"
	ItemRefused  Outcome = "refused"
)

// Statement is what a party says.
type Statement struct {
	Party Party     `json:"party"`
	Text  string    `json:"text"`
	By    string    `json:"by,omitempty"`
	At    time.Time `json:"at"`
}

// Party is who speaks.
type Party string

const (
	HolderParty   Party = "holder"
	SellerParty   Party = "seller"
	OperatorParty Party = "operator" // of the place where the listings are
)

// Parties lists them.
func Parties() []Party { return []Party{HolderParty, SellerParty, OperatorParty} }

// NoticeStep is one step of a notice.
type NoticeStep struct {
	At     time.Time    `json:"at"`
	Actor  string       `json:"actor,omitempty"`
	Action NoticeAction `json:"action"`
	From   NoticeState  `json:"from,omitempty"`
	To     NoticeState  `json:"to"`
	Why    string       `json:"why,omitempty"` // where nobody decided it
}

// NoticeState is how far a notice has come.
type NoticeState string

const (
	NoticeDrafted   NoticeState = "drafted"
	NoticeSubmitted NoticeState = "submitted"
	NoticeAccepted  NoticeState = "accepted"  // every item
	NoticePartly    NoticeState = "partly"    // some items
	NoticeRefused   NoticeState = "refused"   // the end
	NoticeRemoved   NoticeState = "removed"   // the listings are gone
	NoticeCountered NoticeState = "countered" // the seller objects
	NoticeUpheld    NoticeState = "upheld"    // the end: the objection failed
	NoticeRestored  NoticeState = "restored"  // the end: the objection won, the listings are back
	NoticeClosed    NoticeState = "closed"    // the end: nobody objected in time
	NoticeWithdrawn NoticeState = "withdrawn" // the end: by the holder, or a draft that nobody submitted
)

// NoticeStates lists them, in the order of a notice's life.
func NoticeStates() []NoticeState {
	return []NoticeState{
		NoticeDrafted, NoticeSubmitted, NoticeAccepted, NoticePartly, NoticeRefused, NoticeRemoved,
		NoticeCountered, NoticeUpheld, NoticeRestored, NoticeClosed, NoticeWithdrawn,
	}
}

// noticeLetters stand for the states in keys: never change one.
var noticeLetters = map[NoticeState]string{
	NoticeDrafted: "d", NoticeSubmitted: "s", NoticeAccepted: "a", NoticePartly: "p", NoticeRefused: "n", NoticeRemoved: "r",
	NoticeCountered: "c", NoticeUpheld: "u", NoticeRestored: "b", NoticeClosed: "z", NoticeWithdrawn: "w",
}

// NoticeAction is what is done with a notice.
type NoticeAction string

const (
	DraftNotice    NoticeAction = "draft"
	SubmitNotice   NoticeAction = "submit"
	WithdrawNotice NoticeAction = "withdraw"
	CounterNotice  NoticeAction = "counter" // the seller objects
	AddStatement   NoticeAction = "state"   // somebody says something; nothing moves

	AcceptNotice    NoticeAction = "accept"
	AcceptPartly    NoticeAction = "partly"
	RefuseNotice    NoticeAction = "refuse"
	RemoveListings  NoticeAction = "remove" // note that the listings are gone
	UpholdNotice    NoticeAction = "uphold"
	RestoreListings NoticeAction = "restore"

	closeNotice   NoticeAction = "close" // by the clock
	overdueNotice NoticeAction = "overdue"
)

// PartyActions lists what the parties do.
func PartyActions() []NoticeAction {
	return []NoticeAction{SubmitNotice, WithdrawNotice, CounterNotice, AddStatement}
}

// Decisions lists what the operator decides.
func Decisions() []NoticeAction {
	return []NoticeAction{AcceptNotice, AcceptPartly, RefuseNotice, RemoveListings, UpholdNotice, RestoreListings}
}

// noticeMoves is the table of states: where each action leads.
var noticeMoves = map[NoticeState]map[NoticeAction]NoticeState{
	NoticeDrafted:   {SubmitNotice: NoticeSubmitted, WithdrawNotice: NoticeWithdrawn},
	NoticeSubmitted: {AcceptNotice: NoticeAccepted, AcceptPartly: NoticePartly, RefuseNotice: NoticeRefused, WithdrawNotice: NoticeWithdrawn},
	NoticeAccepted:  {RemoveListings: NoticeRemoved},
	NoticePartly:    {RemoveListings: NoticeRemoved},
	NoticeRemoved:   {CounterNotice: NoticeCountered, closeNotice: NoticeClosed},
	NoticeCountered: {UpholdNotice: NoticeUpheld, RestoreListings: NoticeRestored},
}

// speakers are those whose statement comes with the action.
var speakers = map[NoticeAction]Party{
	DraftNotice: HolderParty, SubmitNotice: HolderParty, WithdrawNotice: HolderParty, CounterNotice: SellerParty,
	AcceptNotice: OperatorParty, AcceptPartly: OperatorParty, RefuseNotice: OperatorParty, RemoveListings: OperatorParty,
	UpholdNotice: OperatorParty, RestoreListings: OperatorParty,
}

// noticeAllowed are the actions that people have in the state, in a fixed order.
func noticeAllowed(s NoticeState) []NoticeAction {
	list := slices.DeleteFunc(slices.Sorted(maps.Keys(noticeMoves[s])), func(a NoticeAction) bool { return a == closeNotice })
	return append(list, AddStatement)
}

// NoticeOrder is what somebody does with a notice.
type NoticeOrder struct {
	Action NoticeAction
	Text   string  // a statement of whose action it is
	Party  Party   // whose, for AddStatement
	Hits   []HitID // for AcceptPartly: those that are accepted
}

const (
	// MaxNoticeItems bounds the hits of one notice.
	MaxNoticeItems = 1000

	// MaxStatements bounds the statements on one notice.
	MaxStatements = 100
)

func (o NoticeOrder) validate() error {
	known := append(PartyActions(), Decisions()...)
	switch {
	case !slices.Contains(known, o.Action):
		return invalid("action", "%.40q is not one of %s", o.Action, join(known))
	case (o.Action == CounterNotice || o.Action == RefuseNotice || o.Action == AddStatement) && o.Text == "":
		return invalid("text", "missing: %s needs a statement", o.Action)
	case o.Action == AddStatement && !slices.Contains(Parties(), o.Party):
		return invalid("party", "%.40q is not one of %s", o.Party, join(Parties()))
	case o.Action != AddStatement && o.Party != "" && o.Party != speakers[o.Action]:
		return invalid("party", "%s is an action of the %s", o.Action, speakers[o.Action])
	case (o.Action == AcceptPartly) != (len(o.Hits) > 0):
		return invalid("hits", "partly, and nothing else, names the hits that are accepted")
	}
	return checkLines("text", o.Text, maxNote)
}

// after is the notice after the order, or why it is not allowed.
func (n Notice) after(actor string, o NoticeOrder, at time.Time, p Policy) (Notice, error) {
	to, ok := noticeMoves[n.State][o.Action]
	if !ok && o.Action != AddStatement {
		return n, refuse("notice "+n.ID.String(), n.State, o.Action, noticeAllowed(n.State))
	}
	said, err := n.saying(actor, o, at)
	if err != nil || o.Action == AddStatement {
		return said, err
	}
	if said.Items, err = n.outcomes(o); err != nil {
		return n, err
	}
	return said.moved(NoticeStep{at, actor, o.Action, n.State, to, ""}, p), nil
}

// moved is the notice after the step, with a deadline for the next one.
func (n Notice) moved(s NoticeStep, p Policy) Notice {
	n.Trail = append(slices.Clone(n.Trail), s)
	n.State, n.Overdue, n.Due = s.To, false, time.Time{}
	if term := p.noticeTerm(s.To); term > 0 {
		n.Due = s.At.Add(term)
	}
	return n
}

func (n Notice) saying(actor string, o NoticeOrder, at time.Time) (Notice, error) {
	if o.Text == "" {
		return n, nil
	}
	if len(n.Statements) >= MaxStatements {
		return n, &hashindex.LimitError{Limit: "notice_statements", Max: MaxStatements, Got: MaxStatements + 1}
	}
	party := o.Party
	if party == "" {
		party = speakers[o.Action]
	}
	n.Statements = append(slices.Clone(n.Statements), Statement{party, o.Text, actor, at})
	return n, nil
}

// outcomes are the items after a decision.
func (n Notice) outcomes(o NoticeOrder) ([]Item, error) {
	var accepted func(HitID) bool
	switch o.Action {
	case AcceptNotice:
		accepted = func(HitID) bool { return true }
	case RefuseNotice:
		accepted = func(HitID) bool { return false }
	case AcceptPartly:
		for _, id := range o.Hits {
			if !slices.ContainsFunc(n.Items, func(i Item) bool { return i.Hit == id }) {
				return nil, invalid("hits", "hit %d is not in notice %d", id, n.ID)
			}
		}
		accepted = func(id HitID) bool { return slices.Contains(o.Hits, id) }
	default:
		return n.Items, nil
	}
	items := slices.Clone(n.Items)
	for i := range items {
		items[i].Outcome = ItemRefused
		if accepted(items[i].Hit) {
			items[i].Outcome = ItemAccepted
		}
	}
	return items, nil
}

// entries are the rows that list the notice (C6).
func (n *Notice) entries() []entry {
	id := n.ID.key()
	list := []entry{{noticeStates, noticeLetters[n.State] + id}, {noticeHolders, textKey(n.Holder) + id}}
	if !n.Due.IsZero() {
		list = append(list, entry{noticeDue, numberKey(uint64(n.Due.Unix())) + id})
	}
	for _, item := range n.Items {
		list = append(list, entry{noticeHits, item.Hit.key() + id})
	}
	return list
}

// holds reports whether the hit, which is in the notice, must not be in another one.
func (n *Notice) holds(id HitID) bool {
	switch n.State {
	case NoticeRefused, NoticeRestored, NoticeWithdrawn:
		return false
	}
	return slices.ContainsFunc(n.Items, func(i Item) bool { return i.Hit == id && i.Outcome != ItemRefused })
}

func loadNotice(r hashindex.Reader, id NoticeID) (Notice, error) {
	n, err := hashindex.LoadRow[Notice](r, noticeRows, id.key())
	if errors.Is(err, hashindex.ErrNotFound) {
		err = hashindex.ErrNotFound // whatever the row is called
	}
	if err != nil {
		return n, fmt.Errorf("notice %d: %w", id, err)
	}
	return n, nil
}

// putNotice writes the notice and what lists it, in place of what listed it before.
func putNotice(w hashindex.Writer, n *Notice, before *Notice) error {
	now := n.entries()
	if before != nil {
		for _, old := range before.entries() {
			if !slices.Contains(now, old) {
				if err := w.RemoveRow(old.table, old.key); err != nil {
					return err
				}
			}
		}
	}
	for _, e := range now {
		if err := w.PutRow(e.table, e.key, []byte(noticeLetters[n.State])); err != nil {
			return err
		}
	}
	return hashindex.SaveRow(w, noticeRows, n.ID.key(), n)
}
