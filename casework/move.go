package casework

import (
	"errors"
	"fmt"
	"strings"
)

// ErrMove is a step that the table of states does not allow: the caller, look at the state.
var ErrMove = errors.New("not allowed in this state")

// MoveError is an ErrMove that names what is allowed.
type MoveError struct {
	What    string   // "hit 12"
	From    string   // the state it is in
	Wanted  string   // the state or the action
	Allowed []string // instead
	Why     string   // where the state alone does not say
}

func (e *MoveError) Error() string {
	allowed := strings.Join(e.Allowed, ", ")
	if allowed == "" {
		allowed = "nothing"
	}
	why := ""
	if e.Why != "" {
		why = " (" + e.Why + ")"
	}
	return fmt.Sprintf("%s is %s%s: %s is not allowed; allowed: %s", e.What, e.From, why, e.Wanted, allowed)
}

func (e *MoveError) Unwrap() error { return ErrMove }

func refuse[From, To ~string](what string, from From, wanted To, allowed []To) *MoveError {
	e := &MoveError{What: what, From: string(from), Wanted: string(wanted)}
	for _, a := range allowed {
		e.Allowed = append(e.Allowed, string(a))
	}
	return e
}
