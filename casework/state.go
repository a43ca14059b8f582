package casework

import (
	"maps"
	"slices"
)

// State is how far a hit has come.
type State string

const (
	Opened    State = "open"      // nobody has looked
	Claimed   State = "claimed"   // somebody is looking, until the claim expires
	Confirmed State = "confirmed" // it infringes
	Rejected  State = "rejected"  // it does not: the pair never returns
	Actioned  State = "actioned"  // something was done about it, such as a notice
	Reopened  State = "reopened"  // to be looked at again
)

// States lists them, in the order of a hit's life.
func States() []State { return []State{Opened, Claimed, Confirmed, Rejected, Actioned, Reopened} }

// letters stand for the states in keys: never change one.
var letters = map[State]byte{Opened: 'o', Claimed: 'c', Confirmed: 'y', Rejected: 'n', Actioned: 'a', Reopened: 'r'}

func (s State) letter() byte { return letters[s] }

func stateOf(letter byte) State {
	for s, l := range letters {
		if l == letter {
			return s
		}
	}
	return ""
}

// undecided reports whether the hit waits for a person.
func (s State) undecided() bool { return s == Opened || s == Claimed || s == Reopened }

// stands reports whether the hit counts as confirmed.
func (s State) stands() bool { return s == Confirmed || s == Actioned }

// Action is what a person does with a hit.
type Action string

const (
	Claim   Action = "claim"   // take it; again: for longer
	Release Action = "release" // give it back
	Confirm Action = "confirm"
	Reject  Action = "reject"
	Act     Action = "action" // note that something was done
	Reopen  Action = "reopen"
	Undo    Action = "undo"    // take the last decision back
	Comment Action = "comment" // note something
	expire  Action = "expire"  // of a claim, by the clock
)

// Actions lists those that people have.
func Actions() []Action {
	return []Action{Claim, Release, Confirm, Reject, Act, Reopen, Undo, Comment}
}

// moves is the table of states: where each action leads. Undo leads back to where the last decision came
// from, and comment nowhere.
var moves = map[State]map[Action]State{
	Opened:    {Claim: Claimed, Confirm: Confirmed, Reject: Rejected},
	Claimed:   {Claim: Claimed, Release: Opened, Confirm: Confirmed, Reject: Rejected, expire: Opened},
	Confirmed: {Act: Actioned, Reopen: Reopened, Undo: ""},
	Rejected:  {Reopen: Reopened, Undo: ""},
	Actioned:  {Reopen: Reopened},
	Reopened:  {Claim: Claimed, Confirm: Confirmed, Reject: Rejected},
}

// allowed are the actions that people have in the state, in a fixed order.
func allowed(s State) []Action {
	list := slices.DeleteFunc(slices.Sorted(maps.Keys(moves[s])), func(a Action) bool { return a == expire })
	return append(list, Comment)
}

// reasons are those that a decision may give; a rejection must give one. "other" wants a note.
var reasons = map[Action][]string{
	Confirm: {"stolen_image", "copied_work", "counterfeit", "other"},
	Reject:  {"different_picture", "authorised", "own_picture", "fair_use", "stock_picture", "other"},
}
