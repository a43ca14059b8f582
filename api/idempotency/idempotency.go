// Package idempotency remembers requests under the keys that their clients gave them: what was asked and what
// was answered, written in the transaction of the effect. A request that comes again, because its answer got
// lost, is answered again and has no second effect, whatever died in between.
//
// The records are rows of the table "idempotency", numbers big-endian:
//
//	r, who, 0x00, key          a record: see record.append
//	t, u64 Unix microseconds,  u32 bytes of the record of that key and time,
//	   who, 0x00, key          so that the oldest are found first
//	n                          u64 how many records there are, u64 their bytes
package idempotency

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"touchstone/hashindex"
)

var (
	ErrBusy  = errors.New("a request with this key is under way")          // the caller: wait for its answer
	ErrOther = errors.New("the key belongs to a request for other things") // the caller: take a new key
)

// MaxKey is how long a key may be, in bytes.
const MaxKey = 255

// Limits bound what is remembered. The oldest records go first, when they are over age or over the bounds. Zero
// fields stand for the defaults.
type Limits struct {
	Age     time.Duration // 24 h
	Records int           // 100,000
	Bytes   int64         // of all records; 256 MiB
}

// WithDefaults fills in what is zero.
func (l Limits) WithDefaults() Limits {
	return Limits{Age: cmp.Or(l.Age, 24*time.Hour), Records: cmp.Or(l.Records, 100_000), Bytes: cmp.Or(l.Bytes, 256<<20)}
}

// Records are kept in an index. They are safe for concurrent use.
type Records struct {
	index  *hashindex.Index
	limits Limits
	now    func() time.Time

	mu   sync.Mutex // guards busy
	busy map[string]bool
}

// New returns the records that the index holds.
func New(index *hashindex.Index, limits Limits, now func() time.Time) *Records {
	return &Records{index: index, limits: limits.WithDefaults(), now: now, busy: map[string]bool{}}
}

// Answer is what a client was told, as it was written.
type Answer struct {
	Status   int
	Location string
	Body     []byte
}

// Attempt is one request under a key, from its beginning to its end.
type Attempt struct {
	records *Records
	actor   string
	name    string // who asks, and the key: what it is found under
	at      time.Time
	stored  *record // of an earlier request; nil for the first
}

// Begin looks for an earlier request of the actor under the key, and keeps others out until End. ErrBusy while
// one is under way, ErrInvalid for what is no key.
func (r *Records) Begin(ctx context.Context, actor, key string) (*Attempt, error) {
	if err := checkKey(key); err != nil {
		return nil, err
	}
	a := &Attempt{records: r, actor: actor, name: actor + "\x00" + key, at: r.now().UTC().Truncate(time.Microsecond)}
	if !r.enter(a.name) {
		return nil, ErrBusy
	}
	err := r.index.View(ctx, func(reader hashindex.Reader) (err error) {
		a.stored, err = r.find(reader, a.name, a.at)
		return err
	})
	if err != nil {
		a.End()
		return nil, err
	}
	return a, nil
}

func checkKey(key string) error {
	if len(key) > MaxKey {
		return &hashindex.LimitError{Limit: "idempotency_key_bytes", Max: MaxKey, Got: int64(len(key))}
	}
	for _, b := range []byte(key) {
		if b < 0x20 || b > 0x7e {
			return &hashindex.InputError{Field: "Idempotency-Key", Reason: fmt.Sprintf("holds the byte %#x: want printable ASCII", b)}
		}
	}
	return nil
}

func (r *Records) enter(name string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.busy[name] {
		return false
	}
	r.busy[name] = true
	return true
}

// End lets the next one in.
func (a *Attempt) End() {
	a.records.mu.Lock()
	defer a.records.mu.Unlock()
	delete(a.records.busy, a.name)
}

// Repeated reports whether there was an earlier request under the key.
func (a *Attempt) Repeated() bool { return a.stored != nil }

// Answer is what the earlier request was answered; ErrOther when that asked for something else.
func (a *Attempt) Answer(asked hashindex.Digest) (Answer, error) {
	if a.stored.asked != asked {
		return Answer{}, ErrOther
	}
	return a.stored.Answer, nil
}

// Keep is to be written along with the effect of the request: what was asked, and the answer that says of the
// changes as much as is known in their transaction.
func (a *Attempt) Keep(asked hashindex.Digest, answer func([]hashindex.Change) (Answer, error)) hashindex.Also {
	return func(w hashindex.Writer, appended []hashindex.Change) error {
		say, err := answer(appended)
		if err != nil {
			return err
		}
		return a.put(w, record{at: a.at, asked: asked, Answer: say})
	}
}

// Complete replaces the answer by one that says more.
func (a *Attempt) Complete(ctx context.Context, asked hashindex.Digest, answer Answer) error {
	_, err := a.records.index.Transact(ctx, a.actor, func(w hashindex.Writer) error {
		return a.put(w, record{at: a.at, asked: asked, Answer: answer})
	})
	return err
}
