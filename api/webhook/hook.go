package webhook

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"touchstone/hashindex"
)

// ID numbers hooks from 1.
type ID uint64

func (id ID) String() string { return strconv.FormatUint(uint64(id), 10) }
func (id ID) key() string    { return fmt.Sprintf("%016x", uint64(id)) }

// Hook is where events are sent.
type Hook struct {
	ID       ID        `json:"id"`
	URL      string    `json:"url"`
	Events   []string  `json:"events"` // such as "hit.*"; "*" is all
	Created  time.Time `json:"created"`
	Disabled string    `json:"disabled,omitempty"` // why; empty: it is enabled

	Cursor   hashindex.Seq `json:"cursor"`             // all up to this one was sent, or is parked
	Failures int           `json:"failures,omitempty"` // in a row
	Dead     int           `json:"dead,omitempty"`     // letters given up, in a row
	Parked   int           `json:"parked,omitempty"`
	Due      time.Time     `json:"due,omitzero"`   // when the first of the parked is tried again
	Later    time.Time     `json:"later,omitzero"` // nothing is sent before it: the receiver asked for that

	Status int       `json:"status,omitempty"` // of the last answer
	Error  string    `json:"error,omitempty"`  // of the last delivery
	Tried  time.Time `json:"tried,omitzero"`

	FormerUntil time.Time `json:"former_until,omitzero"` // when the last of the former secrets ends

	// Edition changes whenever somebody changes the hook, so that a delivery under way does not write
	// what was true before.
	Edition int `json:"edition"`
}

// waitFor notes what is parked, and when the first of it is tried again: Due is never before that, or rounds
// would follow rounds that have nothing to do.
func (h *Hook) waitFor(parked []Letter) {
	h.Parked, h.Due = len(parked), time.Time{}
	for _, l := range parked {
		if h.Due.IsZero() || l.Due.Before(h.Due) {
			h.Due = l.Due
		}
	}
	if len(parked) > 0 && h.Due.Before(h.Later) {
		h.Due = h.Later
	}
}

// Letter is a delivery that failed.
type Letter struct {
	Seq      hashindex.Seq `json:"seq"`
	Type     string        `json:"type"`
	Attempts int           `json:"attempts"`
	First    time.Time     `json:"first"`
	Due      time.Time     `json:"due,omitzero"` // zero for a dead letter
	Status   int           `json:"status,omitempty"`
	Error    string        `json:"error,omitempty"`
}

// Event is what is sent of a change.
type Event struct {
	Type string    // such as "hit.recorded"
	Time time.Time // when it happened
	Data any       // as JSON
}

// The tables, with the keys of their rows. Secrets have their own: nothing that lists hooks reads it.
const (
	hookRows   = "webhooks"         // hook
	secretRows = "webhook-secrets"  // hook
	formerRows = "webhook-former"   // hook: its former secrets
	parkedRows = "webhook-parked"   // hook, seq
	deadRows   = "webhook-dead"     // hook, seq
	counters   = "webhook-counters" // "webhook": the last number given
)

// What there may be of hooks, and of patterns of a hook.
const (
	MaxHooks  = 100
	MaxEvents = 20
)

const (
	maxParked = 100  // letters of a hook; then it is sent nothing new
	maxDead   = 1000 // letters of a hook that are kept
)

var pattern = regexp.MustCompile(`^(\*|[a-z_]{1,32}(\.\*|\.[a-z_]{1,32})?)$`)

func (h Hook) validate() error {
	if len(h.Events) == 0 || len(h.Events) > MaxEvents {
		return invalid("events", "%d given, want 1 to %d", len(h.Events), MaxEvents)
	}
	for _, e := range h.Events {
		if !pattern.MatchString(e) {
			return invalid("events", "%.40q: want a type such as \"hit.recorded\", \"hit.*\" or \"*\"", e)
		}
	}
	return nil
}

// wants reports whether an event of the type is sent. A pattern without a dot is that type, or all below it.
func (h Hook) wants(eventType string) bool {
	return slices.ContainsFunc(h.Events, func(p string) bool {
		return p == "*" || p == eventType || strings.HasPrefix(eventType, strings.TrimSuffix(p, "*")) && strings.HasSuffix(p, ".*")
	})
}

func invalid(field, format string, args ...any) error {
	return &hashindex.InputError{Field: field, Reason: fmt.Sprintf(format, args...)}
}

func letterKey(id ID, seq hashindex.Seq) string { return id.key() + fmt.Sprintf("%016x", uint64(seq)) }

func loadHook(r hashindex.Reader, id ID) (Hook, error) {
	h, err := hashindex.LoadRow[Hook](r, hookRows, id.key())
	if err != nil {
		return h, fmt.Errorf("webhook %v: %w", id, err)
	}
	return h, nil
}

// letters are the hook's letters in the table, in order, from that Seq on.
func letters(r hashindex.Reader, table string, id ID, from hashindex.Seq, limit int) (list []Letter, err error) {
	for row, err := range r.Rows(table, letterKey(id, from)) {
		if err != nil {
			return nil, err
		}
		if !strings.HasPrefix(row.Key, id.key()) || len(list) == limit {
			break
		}
		l, err := hashindex.DecodeRow[Letter](table, row)
		if err != nil {
			return nil, err
		}
		list = append(list, l)
	}
	return list, nil
}

func hooks(r hashindex.Reader) (list []Hook, err error) {
	for row, err := range r.Rows(hookRows, "") {
		if err != nil {
			return nil, err
		}
		h, err := hashindex.DecodeRow[Hook](hookRows, row)
		if err != nil {
			return nil, err
		}
		list = append(list, h)
	}
	return list, nil
}
