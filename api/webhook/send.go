package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	standard "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"touchstone/hashindex"
)

// waits are the times between a letter's attempts: nine of them within 24 hours.
var waits = []time.Duration{5 * time.Second, time.Minute, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 8 * time.Hour, 8 * time.Hour}

const (
	downAfter    = 3   // letters, and failures in a row: then only what is due is tried, one at a time
	disableAfter = 3   // dead letters in a row
	batch        = 100 // changes a round
	worthWriting = 1000
	longestPause = time.Minute
	longestWait  = 8 * time.Hour         // of waits, and of what a receiver asks for
	shortPause   = 20 * time.Millisecond // between looks, however many changes there are
)

// Run sends what is to be sent until ctx ends, and returns once nothing is under way.
func (s *Sender) Run(ctx context.Context) {
	var sending sync.WaitGroup
	defer sending.Wait()
	for ctx.Err() == nil {
		seq := s.Index.Seq()
		pause := s.dispatch(ctx, &sending)
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
		case <-s.kick:
		case <-s.Index.Beyond(seq):
		case <-timer.C:
		}
		timer.Stop()
		time.Sleep(shortPause)
	}
}

// dispatch lets each hook that has something to be sent have its round, and says how long nothing more
// is due.
func (s *Sender) dispatch(ctx context.Context, sending *sync.WaitGroup) (pause time.Duration) {
	list, err := s.Hooks(ctx)
	if err != nil && ctx.Err() == nil {
		s.Log.Warn("webhooks cannot be read", "err", err)
	}
	now := s.now()
	pause = longestPause
	for _, h := range list {
		due, ready := s.ready(h, now)
		if !ready {
			pause = min(pause, max(due.Sub(now), 0))
			continue
		}
		sending.Go(func() {
			s.slots <- struct{}{}
			defer func() { <-s.slots }()
			err := s.Round(ctx, h.ID)
			s.settle(ctx, h.ID, err)
		})
	}
	return pause
}

// ready takes the hook if it has something to be sent, and says when it will otherwise.
func (s *Sender) ready(h Hook, now time.Time) (due time.Time, ready bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	due = now.Add(longestPause)
	switch rest := s.rest[h.ID]; {
	case h.Disabled != "" || s.busy[h.ID]:
		return due, false
	case yetToCome(now, rest, longestPause):
		return rest, false
	case yetToCome(now, h.Later, longestWait):
		return h.Later, false
	}
	fresh := h.takesNew() && s.cursorLocked(h) < s.Index.Seq()
	if h.Parked > 0 && h.Due.Before(due) {
		due = h.Due
	}
	ready = fresh || h.Parked > 0 && !yetToCome(now, h.Due, longestWait)
	if ready {
		s.busy[h.ID] = true
	}
	return due, ready
}

// yetToCome reports whether a time that was set so far ahead at most is still to come. One that lies further ahead was
// set before the clock went back.
func yetToCome(now, at time.Time, most time.Duration) bool {
	return now.Before(at) && at.Sub(now) <= most
}

func (s *Sender) settle(ctx context.Context, id ID, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.busy, id)
	if err != nil && ctx.Err() == nil && !errors.Is(err, hashindex.ErrNotFound) {
		s.Log.Warn("webhook", "id", id, "err", err)
		s.rest[id] = s.now().Add(longestPause)
	}
	s.wake()
}

func (s *Sender) cursorOf(h Hook) hashindex.Seq {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cursorLocked(h)
}

func (s *Sender) cursorLocked(h Hook) hashindex.Seq {
	if seen := s.seen[h.ID]; seen.edition == h.Edition {
		return max(h.Cursor, seen.upTo)
	}
	return h.Cursor
}

// takesNew reports whether the hook is sent events that were not tried before. One letter that the
// receiver never likes does not keep the rest from it: a hook is down when several fail.
func (h Hook) takesNew() bool {
	return h.Disabled == "" && (h.Failures < downAfter || h.Parked < downAfter) && h.Parked < maxParked
}

// round is what one visit to a hook has done, before it is written.
type round struct {
	hook    Hook
	secrets []string
	parked  []Letter

	put, remove, dead []Letter
	sent              int
}

// Round sends the hook what is due: first what failed before, then up to a hundred changes. What it did
// is in the store when it returns.
func (s *Sender) Round(ctx context.Context, id ID) error {
	r, err := s.begin(ctx, id)
	if err != nil || r.hook.Disabled != "" || s.heldOff(r.hook) {
		return err
	}
	from := r.hook.Cursor
	if err := s.retry(ctx, r); err != nil {
		return err
	}
	if err := s.sendNew(ctx, r); err != nil {
		return err
	}
	if r.sent == 0 && len(r.remove) == 0 && r.hook.Cursor-from < worthWriting {
		s.mu.Lock()
		s.seen[id] = cursor{r.hook.Edition, r.hook.Cursor} // not worth a write
		s.mu.Unlock()
		return nil
	}
	return s.finish(context.WithoutCancel(ctx), r)
}

// heldOff reports whether the receiver asked to be sent nothing for now.
func (s *Sender) heldOff(h Hook) bool { return yetToCome(s.now(), h.Later, longestWait) }

func (s *Sender) begin(ctx context.Context, id ID) (*round, error) {
	r := new(round)
	err := s.Index.View(ctx, func(reader hashindex.Reader) (err error) {
		if r.hook, err = loadHook(reader, id); err != nil {
			return err
		}
		if r.secrets, err = secrets(reader, id, s.now()); err != nil {
			return err
		}
		r.parked, err = letters(reader, parkedRows, id, 0, maxParked)
		return err
	})
	r.hook.Cursor = s.cursorOf(r.hook)
	return r, err
}

// retry tries what is due of the parked letters. One failure more of a hook that is down ends the round.
func (s *Sender) retry(ctx context.Context, r *round) error {
	for _, l := range r.parked {
		if yetToCome(s.now(), l.Due, longestWait) || r.hook.Disabled != "" || s.heldOff(r.hook) {
			continue
		}
		event, ok, err := s.read(ctx, l.Seq)
		if err != nil {
			return err
		}
		if !ok {
			r.remove = append(r.remove, l)
			continue
		}
		if s.attempt(ctx, r, event, l); ctx.Err() != nil {
			return nil // what was done is written; this letter waits
		}
		if r.hook.Failures >= downAfter {
			return nil
		}
	}
	return nil
}

func (s *Sender) read(ctx context.Context, seq hashindex.Seq) (Event, bool, error) {
	list, err := s.Index.Changes(ctx, seq-1, 1)
	if err != nil || len(list) == 0 || list[0].Seq != seq {
		return Event{}, false, err
	}
	event, ok := s.Event(list[0])
	return event, ok, nil
}

func (s *Sender) sendNew(ctx context.Context, r *round) error {
	changes, err := s.Index.Changes(ctx, r.hook.Cursor, batch)
	if err != nil {
		return err
	}
	for _, change := range changes {
		if !r.takesNew() || s.heldOff(r.hook) {
			return nil
		}
		if event, ok := s.Event(change); ok && r.hook.wants(event.Type) {
			s.attempt(ctx, r, event, Letter{Seq: change.Seq, Type: event.Type})
			if ctx.Err() != nil {
				return nil
			}
		}
		r.hook.Cursor = change.Seq
	}
	return nil
}

func (r *round) takesNew() bool {
	h := r.hook
	h.Parked = len(r.parked) - len(r.remove) + len(r.put)
	return h.takesNew()
}

// attempt sends one letter and notes what became of it.
func (s *Sender) attempt(ctx context.Context, r *round, event Event, l Letter) {
	at := s.now()
	status, later, err := s.post(ctx, r.hook, r.secrets, fmt.Sprintf("%v-%d", r.hook.ID, l.Seq), at, event)
	if ctx.Err() != nil {
		return // given up by us: no failure of theirs
	}
	r.sent++
	r.hook.Status, r.hook.Error, r.hook.Tried, r.hook.Later = status, "", at, later
	again := l.Attempts > 0
	if err == nil {
		s.delivered.Add(1)
		r.hook.Failures, r.hook.Dead = 0, 0
		if again {
			r.remove = append(r.remove, l)
		}
		return
	}
	s.failed.Add(1)
	s.Log.Info("webhook not delivered", "id", r.hook.ID, "seq", l.Seq, "type", l.Type, "attempt", l.Attempts+1, "status", status, "err", err)
	r.hook.Failures++
	r.hook.Error = err.Error()
	if !again {
		l.First = at
	}
	l.Attempts, l.Status, l.Error = l.Attempts+1, status, err.Error()
	if again {
		r.remove = append(r.remove, l)
	}
	switch {
	case status == http.StatusGone:
		r.hook.Disabled = "the receiver answered 410 Gone"
		r.park(l, at)
	case l.Attempts > len(waits):
		s.bury(r, l)
	default:
		r.park(l, at.Add(waits[l.Attempts-1]))
	}
}

func (r *round) park(l Letter, due time.Time) {
	l.Due = due
	r.put = append(r.put, l)
}

// bury gives a letter up.
func (s *Sender) bury(r *round, l Letter) {
	s.dead.Add(1)
	l.Due = time.Time{}
	r.dead = append(r.dead, l)
	if r.hook.Dead++; r.hook.Dead >= disableAfter {
		r.hook.Disabled = fmt.Sprintf("%d letters in a row were given up after a day", r.hook.Dead)
		s.Log.Warn("webhook disabled", "id", r.hook.ID, "why", r.hook.Disabled)
	}
}

// finish writes what the round did, unless somebody changed the hook meanwhile: then it is done again,
// which the receiver tells by the ids.
func (s *Sender) finish(ctx context.Context, r *round) error {
	_, err := s.Index.Transact(ctx, "", func(w hashindex.Writer) error {
		now, err := loadHook(w, r.hook.ID)
		if err != nil || now.Edition != r.hook.Edition {
			return err
		}
		return errors.Join(r.write(w), forget(w, r.hook.ID, s.now()))
	})
	return err
}

func (r *round) write(w hashindex.Writer) error {
	id := r.hook.ID
	var errs []error
	for _, l := range r.remove {
		errs = append(errs, w.RemoveRow(parkedRows, letterKey(id, l.Seq)))
	}
	for _, l := range r.put {
		errs = append(errs, hashindex.SaveRow(w, parkedRows, letterKey(id, l.Seq), l))
	}
	for _, l := range r.dead {
		errs = append(errs, hashindex.SaveRow(w, deadRows, letterKey(id, l.Seq), l))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if len(r.dead) > 0 {
		kept, err := letters(w, deadRows, id, 0, maxDead+batch)
		if err != nil {
			return err
		}
		for _, l := range kept[:max(0, len(kept)-maxDead)] {
			errs = append(errs, w.RemoveRow(deadRows, letterKey(id, l.Seq)))
		}
	}
	waiting, err := letters(w, parkedRows, id, 0, maxParked+batch)
	if err != nil {
		return err
	}
	r.hook.waitFor(waiting)
	return errors.Join(append(errs, hashindex.SaveRow(w, hookRows, id.key(), r.hook))...)
}

// errStatus is an answer that is no success.
var errStatus = errors.New("the receiver refused it")

// post signs and sends one event. Any answer but 2xx is an error; later is when the receiver wants the next.
func (s *Sender) post(ctx context.Context, h Hook, secrets []string, id string, at time.Time, event Event) (status int, later time.Time, err error) {
	body, err := json.Marshal(struct {
		Type      string    `json:"type"`
		Timestamp time.Time `json:"timestamp"`
		Data      any       `json:"data"`
	}{event.Type, event.Time, event.Data})
	if err != nil {
		return 0, later, err
	}
	signatures, err := sign(secrets, id, at, body)
	if err != nil {
		return 0, later, err
	}
	header := http.Header{"Content-Type": {"application/json"}}
	header.Set(standard.HeaderWebhookID, id)
	header.Set(standard.HeaderWebhookTimestamp, fmt.Sprint(at.Unix()))
	header.Set(standard.HeaderWebhookSignature, signatures)
	status, answered, err := s.Post(ctx, h.URL, header, body)
	if err == nil && (status < 200 || status > 299) {
		err = fmt.Errorf("status %d: %w", status, errStatus)
	}
	if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
		later = retryAfter(answered.Get("Retry-After"), s.now())
	}
	return status, later, err
}

// retryAfter is the time that a Retry-After names, in seconds or as a date (RFC 9110, section 10.2.3), but no
// further ahead than a letter ever waits. It is zero for what is neither.
func retryAfter(text string, now time.Time) time.Time {
	last := now.Add(longestWait)
	seconds, err := strconv.ParseUint(text, 10, 64)
	if err == nil || errors.Is(err, strconv.ErrRange) {
		return now.Add(time.Duration(min(seconds, uint64(longestWait/time.Second))) * time.Second)
	}
	at, err := http.ParseTime(text)
	switch {
	case err != nil || !at.After(now):
		return time.Time{}
	case at.After(last):
		return last
	}
	return at.UTC()
}
