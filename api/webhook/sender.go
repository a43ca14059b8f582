package webhook

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"touchstone/hashindex"
)

// Config says what a Sender works with. Index, Check, Post and Event are needed.
type Config struct {
	Index *hashindex.Index

	// Check refuses a URL that Post would refuse by its text.
	Check func(url string) error

	// Post sends the body and is the status and the header of the answer.
	Post func(ctx context.Context, url string, header http.Header, body []byte) (status int, answered http.Header, err error)

	// Event is what is sent of the change; false: nothing is.
	Event func(hashindex.Change) (Event, bool)

	AtOnce int // hooks that are sent something at once; 8
	Now    func() time.Time
	Random io.Reader // of secrets; crypto/rand by default
	Log    *slog.Logger
}

func (c Config) withDefaults() Config {
	if c.AtOnce == 0 {
		c.AtOnce = 8
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Random == nil {
		c.Random = rand.Reader
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

// Sender keeps the hooks of an index, and sends while Run runs. Its methods are safe for concurrent use.
type Sender struct {
	Config
	slots chan struct{}
	kick  chan struct{} // wakes Run

	mu   sync.Mutex // guards what follows
	busy map[ID]bool
	seen map[ID]cursor    // beyond what is in the rows: nothing was to be sent up to there
	rest map[ID]time.Time // until then nothing is tried, because the store took nothing

	delivered, failed, dead atomic.Uint64
}

type cursor struct {
	edition int
	upTo    hashindex.Seq
}

// New is a Sender that sends nothing yet.
func New(config Config) *Sender {
	config = config.withDefaults()
	return &Sender{
		Config: config, slots: make(chan struct{}, config.AtOnce), kick: make(chan struct{}, 1),
		busy: map[ID]bool{}, seen: map[ID]cursor{}, rest: map[ID]time.Time{},
	}
}

func (s *Sender) now() time.Time { return s.Now().UTC().Truncate(time.Microsecond) }

// wake lets Run look again.
func (s *Sender) wake() {
	select {
	case s.kick <- struct{}{}:
	default:
	}
}

// Made is a new hook with its secret.
type Made struct {
	Hook
	Secret string
}

// Create adds a hook for the events after that Seq, and is its secret, which nothing hands out again.
func (s *Sender) Create(ctx context.Context, actor string, h Hook, along ...hashindex.Along[Made]) (Hook, string, hashindex.Seq, error) {
	if err := errors.Join(s.Check(h.URL), h.validate()); err != nil {
		return h, "", 0, err
	}
	secret, err := s.newSecret()
	if err != nil {
		return h, "", 0, err
	}
	h.Created = s.now()
	seq, err := s.Index.Transact(ctx, actor, func(w hashindex.Writer) error {
		there, err := hooks(w)
		if err != nil {
			return err
		}
		if len(there) >= MaxHooks {
			return &hashindex.LimitError{Limit: "webhooks", Max: MaxHooks, Got: int64(len(there)) + 1}
		}
		number, err := hashindex.NextNumber(w, counters, "webhook")
		if err != nil {
			return err
		}
		h.ID = ID(number)
		return errors.Join(hashindex.SaveRow(w, hookRows, h.ID.key(), h), hashindex.SaveRow(w, secretRows, h.ID.key(), secret), tell(w, h, "", "created"), hashindex.WriteAlong(w, Made{h, secret}, along))
	})
	s.wake()
	return h, secret, seq, err
}

// tell notes in the history what somebody did with the hook. Its URL may be a secret of the receiver's.
func tell(w hashindex.Writer, h Hook, from, to string) error {
	body, err := json.Marshal(map[string]any{"from": from, "to": to, "detail": map[string]any{"events": h.Events}})
	if err != nil {
		return err
	}
	_, err = w.Append(hashindex.Change{Kind: hashindex.Noted, Note: hashindex.Note{Topic: Topic, Subject: h.ID.String(), Body: body}})
	return err
}

// Topic is that of the notes about hooks.
const Topic = "webhook"

// Hooks lists all.
func (s *Sender) Hooks(ctx context.Context) (list []Hook, err error) {
	err = s.Index.View(ctx, func(r hashindex.Reader) error {
		list, err = hooks(r)
		return err
	})
	return list, err
}

// Hook is the one of that id.
func (s *Sender) Hook(ctx context.Context, id ID) (h Hook, err error) {
	err = s.Index.View(ctx, func(r hashindex.Reader) error {
		h, err = loadHook(r, id)
		return err
	})
	return h, err
}

// Dead lists the hook's dead letters after that Seq.
func (s *Sender) Dead(ctx context.Context, id ID, after hashindex.Seq, limit int) (list []Letter, err error) {
	err = s.Index.View(ctx, func(r hashindex.Reader) error {
		if _, err := loadHook(r, id); err != nil {
			return err
		}
		list, err = letters(r, deadRows, id, after+1, limit)
		return err
	})
	return list, err
}

// Patch is what can be changed of a hook; nil leaves it.
type Patch struct {
	URL     *string
	Events  []string
	Enabled *bool
}

// Change changes the hook. Enabling one lets what is parked be tried at once, whatever the receiver asked for.
func (s *Sender) Change(ctx context.Context, actor string, id ID, p Patch) (h Hook, seq hashindex.Seq, err error) {
	seq, err = s.Index.Transact(ctx, actor, func(w hashindex.Writer) error {
		if h, err = loadHook(w, id); err != nil {
			return err
		}
		if p.URL != nil {
			h.URL = *p.URL
		}
		if p.Events != nil {
			h.Events = p.Events
		}
		if p.Enabled != nil && *p.Enabled {
			h.Disabled, h.Failures, h.Dead, h.Due, h.Later = "", 0, 0, s.now(), time.Time{}
			if err := hasten(w, id, h.Due); err != nil {
				return err
			}
		}
		if p.Enabled != nil && !*p.Enabled {
			h.Disabled = "switched off"
		}
		if err := errors.Join(s.Check(h.URL), h.validate()); err != nil {
			return err
		}
		h.Edition++
		return errors.Join(hashindex.SaveRow(w, hookRows, id.key(), h), tell(w, h, "changed", "changed"))
	})
	s.wake()
	return h, seq, err
}

// hasten lets all parked letters of the hook be due.
func hasten(w hashindex.Writer, id ID, now time.Time) error {
	parked, err := letters(w, parkedRows, id, 0, maxParked+batch)
	for _, l := range parked {
		l.Due = now
		err = errors.Join(err, hashindex.SaveRow(w, parkedRows, letterKey(id, l.Seq), l))
	}
	return err
}

// Remove removes the hook and all that waits to be sent to it.
func (s *Sender) Remove(ctx context.Context, actor string, id ID) (hashindex.Seq, error) {
	return s.Index.Transact(ctx, actor, func(w hashindex.Writer) error {
		h, err := loadHook(w, id)
		if err != nil {
			return err
		}
		if err := errors.Join(dropLetters(w, parkedRows, id, 0), dropLetters(w, deadRows, id, 0)); err != nil {
			return err
		}
		return errors.Join(w.RemoveRow(hookRows, id.key()), w.RemoveRow(secretRows, id.key()), w.RemoveRow(formerRows, id.key()), tell(w, h, "created", "removed"))
	})
}

func dropLetters(w hashindex.Writer, table string, id ID, from hashindex.Seq) error {
	list, err := letters(w, table, id, from, maxDead+maxParked)
	for _, l := range list {
		err = errors.Join(err, w.RemoveRow(table, letterKey(id, l.Seq)))
	}
	return err
}

// Replay sends all events after that Seq once more, dead and parked ones among them.
func (s *Sender) Replay(ctx context.Context, actor string, id ID, after hashindex.Seq, along ...hashindex.Along[Hook]) (h Hook, seq hashindex.Seq, err error) {
	seq, err = s.Index.Transact(ctx, actor, func(w hashindex.Writer) error {
		if h, err = loadHook(w, id); err != nil {
			return err
		}
		if after > h.Cursor {
			return invalid("after", "%d is not sent yet: the cursor stands at %d", after, h.Cursor)
		}
		if err := errors.Join(dropLetters(w, parkedRows, id, after+1), dropLetters(w, deadRows, id, after+1)); err != nil {
			return err
		}
		rest, err := letters(w, parkedRows, id, 0, maxParked)
		if err != nil {
			return err
		}
		h.waitFor(rest)
		h.Cursor, h.Failures, h.Edition = after, 0, h.Edition+1
		return errors.Join(hashindex.SaveRow(w, hookRows, id.key(), h), tell(w, h, "created", fmt.Sprintf("replayed after %d", after)), hashindex.WriteAlong(w, h, along))
	})
	s.wake()
	return h, seq, err
}

// Test sends an event of the type "webhook.test" and is the status of the answer. It changes nothing.
func (s *Sender) Test(ctx context.Context, id ID) (status int, err error) {
	var h Hook
	var signing []string
	err = s.Index.View(ctx, func(r hashindex.Reader) error {
		if h, err = loadHook(r, id); err != nil {
			return err
		}
		signing, err = secrets(r, id, s.now())
		return err
	})
	if err != nil {
		return 0, err
	}
	at := s.now()
	status, _, err = s.post(ctx, h, signing, "test-"+id.String()+"-"+fmt.Sprint(at.UnixMicro()), at, Event{"webhook.test", at, map[string]string{"webhook": id.String()}})
	return status, err
}

// Stats are what was done since the start, and what is there now.
type Stats struct {
	Delivered, Failed, Dead uint64
	Enabled, Disabled       int
	Parked                  int
	Behind                  uint64 // changes that the slowest enabled hook has not seen
}

// Stats counts.
func (s *Sender) Stats(ctx context.Context) (Stats, error) {
	stats := Stats{Delivered: s.delivered.Load(), Failed: s.failed.Load(), Dead: s.dead.Load()}
	list, err := s.Hooks(ctx)
	for _, h := range list {
		stats.Parked += h.Parked
		if h.Disabled != "" {
			stats.Disabled++
			continue
		}
		stats.Enabled++
		stats.Behind = max(stats.Behind, uint64(s.Index.Seq()-s.cursorOf(h)))
	}
	return stats, err
}
