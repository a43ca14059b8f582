package webhook_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	standard "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"go.uber.org/goleak"

	"touchstone/api/webhook"
	"touchstone/hashindex"
	"touchstone/hashindex/search/linear"
	"touchstone/hashindex/store/memory"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// post is one that reached the receiver.
type post struct {
	id, kind string
	body     []byte
	header   http.Header
}

// bench is an index, a sender over it and a receiver that answers as it is told.
type bench struct {
	t      *testing.T
	store  hashindex.Storage
	index  *hashindex.Index
	sender *webhook.Sender
	log    bytes.Buffer

	mu    sync.Mutex // guards what follows
	now   time.Time
	posts []post
	reply func(post) (int, error)
	after string // the Retry-After of the answers
	blind bool   // nothing is an event
	came  chan struct{}
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, store: memory.New(), now: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC), came: make(chan struct{}, 1000)}
	b.reply = func(post) (int, error) { return 204, nil }
	var err error
	b.index, err = hashindex.Open(hashindex.Config{
		Store: b.store, Recipe: "t", NewSearcher: func(a hashindex.Algorithm) hashindex.Searcher { return linear.New(a.Bits()) },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if report, err := b.index.Check(context.Background()); err != nil || len(report.Findings) > 0 {
			t.Errorf("check: %v, %v", report.Findings, err)
		}
		b.index.Close()
	})
	if err := b.index.WaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.start()
	return b
}

// start is a sender that knows what is in the store and nothing else, as after a restart.
func (b *bench) start() {
	b.sender = webhook.New(webhook.Config{
		Index: b.index, Post: b.post, Event: b.event, Now: b.clock, Log: slog.New(slog.NewTextHandler(&b.log, nil)),
		Check: func(url string) error {
			if strings.HasPrefix(url, "http") {
				return nil
			}
			return errors.New("no URL")
		},
	})
}

func (b *bench) event(c hashindex.Change) (webhook.Event, bool) {
	if b.blind || c.Kind != hashindex.Noted || c.Note.Topic == webhook.Topic {
		return webhook.Event{}, false
	}
	return webhook.Event{Type: c.Note.Topic + "." + c.Note.Subject, Time: c.Time, Data: map[string]uint64{"seq": uint64(c.Seq)}}, true
}

func (b *bench) clock() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.now
}

func (b *bench) pass(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now = b.now.Add(d)
}

func (b *bench) post(_ context.Context, url string, header http.Header, body []byte) (int, http.Header, error) {
	var sent struct{ Type string }
	if err := json.Unmarshal(body, &sent); err != nil {
		b.t.Error(err)
	}
	p := post{header.Get("webhook-id"), sent.Type, body, header}
	b.mu.Lock()
	b.posts = append(b.posts, p)
	reply, after := b.reply, b.after
	b.mu.Unlock()
	b.came <- struct{}{}
	status, err := reply(p)
	return status, http.Header{"Retry-After": {after}}, err
}

// sent is what reached the receiver since the last time.
func (b *bench) sent() (kinds []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, p := range b.posts {
		kinds = append(kinds, p.kind)
	}
	b.posts = nil
	return kinds
}

func (b *bench) answer(reply func(post) (int, error)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.reply = reply
}

func status(code int) func(post) (int, error) { return func(post) (int, error) { return code, nil } }

func (b *bench) happen(topic string, subjects ...string) (last hashindex.Seq) {
	b.t.Helper()
	for _, subject := range subjects {
		seq, err := b.index.Transact(b.t.Context(), "", func(w hashindex.Writer) error {
			_, err := w.Append(hashindex.Change{Kind: hashindex.Noted, Note: hashindex.Note{Topic: topic, Subject: subject, Body: []byte(`{}`)}})
			return err
		})
		if err != nil {
			b.t.Fatal(err)
		}
		last = seq
	}
	return last
}

func (b *bench) create(events ...string) (webhook.Hook, string) {
	b.t.Helper()
	h, secret, _, err := b.sender.Create(b.t.Context(), "ann", webhook.Hook{URL: "http://there.example/in", Events: events, Cursor: b.index.Seq()})
	if err != nil {
		b.t.Fatal(err)
	}
	return h, secret
}

func (b *bench) round(id webhook.ID) webhook.Hook {
	b.t.Helper()
	if err := b.sender.Round(b.t.Context(), id); err != nil {
		b.t.Fatal(err)
	}
	h, err := b.sender.Hook(b.t.Context(), id)
	if err != nil {
		b.t.Fatal(err)
	}
	return h
}

func (b *bench) want(kinds ...string) {
	b.t.Helper()
	if got := b.sent(); !slices.Equal(got, kinds) {
		b.t.Errorf("sent %q, want %q", got, kinds)
	}
}

func TestEventsAreSignedByTheScheme(t *testing.T) {
	b := newBench(t)
	h, secret := b.create("hit.*", "decision")
	seq := b.happen("hit", "recorded")
	b.happen("right", "verified")
	b.round(h.ID)
	if len(b.posts) != 1 {
		t.Fatalf("%d posts, want one", len(b.posts))
	}
	p := b.posts[0]
	verifier, err := standard.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	if err := verifier.VerifyIgnoringTimestamp(p.body, p.header); err != nil {
		t.Error(err)
	}
	if err := verifier.VerifyIgnoringTimestamp(append(p.body, ' '), p.header); err == nil {
		t.Error("another body has the same signature")
	}
	if want := fmt.Sprintf("1-%d", seq); p.id != want || p.header.Get("webhook-timestamp") != fmt.Sprint(b.now.Unix()) {
		t.Errorf("headers %v, want the id %s", p.header, want)
	}
	var body struct {
		Type      string
		Timestamp time.Time
		Data      struct{ Seq hashindex.Seq }
	}
	if err := json.Unmarshal(p.body, &body); err != nil || body.Type != "hit.recorded" || body.Data.Seq != seq || body.Timestamp.IsZero() {
		t.Errorf("body %s: %v", p.body, err)
	}
	if status, err := b.sender.Test(t.Context(), h.ID); status != 204 || err != nil {
		t.Errorf("test: %d, %v", status, err)
	}
	b.want("hit.recorded", "webhook.test")
}

func TestPatternsChooseEvents(t *testing.T) {
	for _, c := range []struct {
		pattern string
		want    []string
	}{
		{"*", []string{"hit.recorded", "hits.recorded", "hit.actioned"}},
		{"hit.*", []string{"hit.recorded", "hit.actioned"}},
		{"hit.recorded", []string{"hit.recorded"}},
		{"hit", nil},
	} {
		b := newBench(t)
		h, _ := b.create(c.pattern)
		b.happen("hit", "recorded")
		b.happen("hits", "recorded")
		b.happen("hit", "actioned")
		b.round(h.ID)
		b.want(c.want...)
	}
	b := newBench(t)
	for _, events := range [][]string{nil, {""}, {"Hit"}, {"hit.**"}, {"*.*"}, {"hit.x.y"}, slices.Repeat([]string{"*"}, 21)} {
		if _, _, _, err := b.sender.Create(t.Context(), "", webhook.Hook{URL: "http://x", Events: events}); !errors.Is(err, hashindex.ErrInvalid) {
			t.Errorf("events %q: %v", events, err)
		}
	}
}

func TestFailuresAreTriedForADayThenAreDeadLetters(t *testing.T) {
	b := newBench(t)
	h, _ := b.create("*")
	start := b.clock()
	b.answer(status(500))
	seq := b.happen("hit", "recorded")
	ids := map[string]bool{}
	attempts := 0
	for h = b.round(h.ID); h.Parked > 0; h = b.round(h.ID) {
		b.round(h.ID) // nothing before it is due
		if h.Due.Sub(b.clock()) <= 0 {
			t.Fatalf("attempt %d is due at once", attempts)
		}
		b.pass(h.Due.Sub(b.clock()))
		b.start() // whatever stops in between
	}
	for _, p := range b.posts {
		attempts++
		ids[p.id] = true
	}
	if day := b.clock().Sub(start); attempts != 9 || len(ids) != 1 || day < 23*time.Hour || day > 25*time.Hour {
		t.Errorf("%d attempts with %d ids in %v", attempts, len(ids), day)
	}
	dead, err := b.sender.Dead(t.Context(), h.ID, 0, 10)
	if err != nil || len(dead) != 1 || dead[0].Seq != seq || dead[0].Attempts != 9 || dead[0].Status != 500 || dead[0].Error == "" {
		t.Errorf("dead letters %+v, %v", dead, err)
	}
	if h.Disabled != "" {
		t.Error("disabled by one letter:", h.Disabled)
	}
}

// TestLettersAreTriedAgainThoughTheClockGoesBack: a wait that was set before lies days ahead now.
func TestLettersAreTriedAgainThoughTheClockGoesBack(t *testing.T) {
	b := newBench(t)
	h, _ := b.create("*")
	b.answer(status(500))
	b.happen("hit", "recorded")
	if h = b.round(h.ID); h.Parked != 1 {
		t.Fatalf("%+v, want a letter that waits", h)
	}
	b.pass(-time.Second)
	if h = b.round(h.ID); len(b.sent()) != 1 {
		t.Errorf("%d attempts before it is due", len(b.posts))
	}
	b.answer(status(200))
	b.pass(-48 * time.Hour)
	if h = b.round(h.ID); h.Parked != 0 {
		t.Errorf("%+v, want the letter delivered", h)
	}
}

// TestHookIsDueWhenALetterIs: one that is due when none of its letters is would be visited again and again.
func TestHookIsDueWhenALetterIs(t *testing.T) {
	b := newBench(t)
	h, _ := b.create("*")
	b.answer(status(500))
	first := b.happen("hit", "a")
	b.round(h.ID)
	b.pass(5 * time.Second)
	b.happen("hit", "b")
	if h = b.round(h.ID); h.Due.Sub(b.clock()) != 5*time.Second {
		t.Fatalf("due at %v, want that of b, in five seconds from %v", h.Due, b.clock())
	}
	h, _, err := b.sender.Replay(t.Context(), "", h.ID, first)
	if err != nil || h.Parked != 1 || h.Due.Sub(b.clock()) != time.Minute {
		t.Errorf("after the replay %+v, %v; want that of a alone, in a minute from %v", h, err, b.clock())
	}
	b.blind = true // the letter is about what is no event any more
	b.pass(time.Minute)
	if h = b.round(h.ID); h.Parked != 0 || !h.Due.IsZero() {
		t.Errorf("%+v, want nothing parked", h)
	}
}

func TestDeadLettersInARowDisable(t *testing.T) {
	b := newBench(t)
	h, _ := b.create("*")
	b.answer(func(post) (int, error) { return 0, errors.New("nobody listens") })
	b.happen("hit", "a", "b", "c", "d", "e")
	for range 12 {
		b.happen("hit", "more")
	}
	for h = b.round(h.ID); h.Disabled == ""; h = b.round(h.ID) {
		b.pass(time.Hour)
	}
	if attempts := len(b.sent()); attempts > 5*9 { // of 17 letters
		t.Errorf("%d attempts at a receiver that is down", attempts)
	}
	b.answer(status(200))
	b.pass(24 * time.Hour)
	b.round(h.ID)
	b.want()
	on := true
	if _, _, err := b.sender.Change(t.Context(), "", h.ID, webhook.Patch{Enabled: &on}); err != nil {
		t.Fatal(err)
	}
	h = b.round(h.ID)
	if got := b.sent(); len(got) != 14 || got[0] != "hit.d" || got[1] != "hit.e" {
		t.Errorf("sent %q, want all but the three dead letters", got)
	}
	first := h.Cursor
	if h, _, err := b.sender.Replay(t.Context(), "", h.ID, 1); err != nil || h.Cursor != 1 {
		t.Fatalf("%+v, %v", h, err)
	}
	if h = b.round(h.ID); h.Cursor < first {
		t.Errorf("cursor %d, want %d", h.Cursor, first)
	}
	if got := b.sent(); len(got) != 17 || got[0] != "hit.a" {
		t.Errorf("replayed %q", got)
	}
	if dead, err := b.sender.Dead(t.Context(), h.ID, 0, 10); err != nil || len(dead) != 0 {
		t.Errorf("dead letters after the replay: %+v, %v", dead, err)
	}
}

func TestOneBadLetterKeepsNoneFromTheRest(t *testing.T) {
	b := newBench(t)
	h, _ := b.create("*")
	b.answer(func(p post) (int, error) {
		if p.kind == "hit.bad" {
			return 422, nil
		}
		return 200, nil
	})
	b.happen("hit", "a", "bad", "b")
	b.round(h.ID)
	b.want("hit.a", "hit.bad", "hit.b")
	for range 10 { // many more failures in a row than a receiver that is down has
		b.pass(24 * time.Hour)
		b.round(h.ID)
	}
	b.sent()
	b.happen("hit", "c")
	if h = b.round(h.ID); h.Disabled != "" {
		t.Error("disabled:", h.Disabled)
	}
	b.want("hit.c")
}

func TestReceiverThatIsDownIsSentOneLetterAtATime(t *testing.T) {
	b := newBench(t)
	h, _ := b.create("*")
	b.answer(status(503))
	b.happen("hit", "a", "b", "c", "d", "e", "f")
	b.round(h.ID)
	b.want("hit.a", "hit.b", "hit.c")
	b.pass(5 * time.Second)
	b.round(h.ID)
	b.want("hit.a")
	b.answer(status(200))
	b.round(h.ID)
	b.want("hit.b", "hit.c", "hit.d", "hit.e", "hit.f")
	b.pass(time.Hour)
	b.round(h.ID)
	b.want("hit.a")
}

func TestReceiverIsSentNothingBeforeItAsksForIt(t *testing.T) {
	day := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		status int
		after  string
		want   time.Duration // until the next attempt
	}{
		{429, "1800", 30 * time.Minute},
		{503, day.Add(time.Hour).Format(http.TimeFormat), time.Hour},
		{503, "0", 5 * time.Second},
		{503, "2", 5 * time.Second}, // the backoff is longer
		{429, "86400", 8 * time.Hour},
		{429, "99999999999999999999", 8 * time.Hour},
		{503, day.Add(1000 * time.Hour).Format(http.TimeFormat), 8 * time.Hour},
		{503, day.Add(-time.Hour).Format(http.TimeFormat), 5 * time.Second},
		{503, "soon", 5 * time.Second},
		{503, "-5", 5 * time.Second},
		{500, "1800", 5 * time.Second}, // not an answer that says when
	} {
		b := newBench(t)
		h, _ := b.create("*")
		b.answer(status(c.status))
		b.after = c.after
		b.happen("hit", "a")
		if h = b.round(h.ID); h.Due.Sub(day) != c.want {
			t.Errorf("%d with Retry-After %q: due after %v, want %v", c.status, c.after, h.Due.Sub(day), c.want)
		}
		b.want("hit.a")
		b.answer(status(200))
		b.pass(c.want - time.Second)
		b.start() // it is remembered over a restart
		b.round(h.ID)
		b.want()
		b.pass(time.Second)
		b.round(h.ID)
		b.want("hit.a")
	}
}

// TestReceiverThatAsksForTimeGetsNoOtherLetter: what waits for others, and what is new, waits too.
func TestReceiverThatAsksForTimeGetsNoOtherLetter(t *testing.T) {
	b := newBench(t)
	h, _ := b.create("*")
	b.answer(status(500))
	b.happen("hit", "a")
	b.round(h.ID)
	b.answer(status(429))
	b.after = "3600"
	b.happen("hit", "b", "c")
	b.round(h.ID)
	b.want("hit.a", "hit.b")
	b.answer(status(200))
	b.pass(time.Hour - time.Second) // that of a is long due
	b.happen("hit", "d")
	if h = b.round(h.ID); !h.Due.Equal(b.clock().Add(time.Second)) {
		t.Errorf("due at %v, a second from %v is wanted", h.Due, b.clock())
	}
	b.want()
	b.pass(time.Second)
	b.round(h.ID)
	b.want("hit.a", "hit.b", "hit.c", "hit.d")

	b.answer(status(503))
	b.happen("hit", "e")
	b.round(h.ID)
	b.want("hit.e")
	on := true
	if _, _, err := b.sender.Change(t.Context(), "", h.ID, webhook.Patch{Enabled: &on}); err != nil {
		t.Fatal(err)
	}
	b.answer(status(200))
	b.happen("hit", "f")
	b.round(h.ID)
	b.want("hit.e", "hit.f") // whoever enables it wants it now
}

func TestGoneDisablesAtOnce(t *testing.T) {
	b := newBench(t)
	h, _ := b.create("*")
	b.answer(status(410))
	b.happen("hit", "a", "b")
	if h = b.round(h.ID); h.Disabled == "" || h.Parked != 1 {
		t.Errorf("%+v", h)
	}
	b.want("hit.a")
}

func TestNothingIsLostWhateverStops(t *testing.T) {
	b := newBench(t)
	h, _ := b.create("hit.*")
	want := map[string]bool{}
	for i := range 40 {
		kind := fmt.Sprintf("n%d", i)
		b.happen("hit", kind)
		b.happen("other", kind)
		want["hit."+kind] = true
		b.answer(func(post) (int, error) {
			if i%3 == 0 {
				return 0, errors.New("broken")
			}
			return 200, nil
		})
		if i%5 == 0 { // it stops in the middle of a round: what was sent may be sent again
			ctx, cancel := context.WithCancel(t.Context())
			b.answer(func(post) (int, error) { cancel(); return 200, nil })
			b.sender.Round(ctx, h.ID)
			b.start()
		}
		b.round(h.ID)
	}
	b.answer(status(200))
	for range 20 {
		b.pass(24 * time.Hour)
		h = b.round(h.ID)
	}
	got := map[string]bool{}
	for _, kind := range b.sent() {
		got[kind] = true
	}
	if !maps.Equal(got, want) || h.Parked != 0 {
		t.Errorf("%d kinds reached the receiver, want %d; %d are parked", len(got), len(want), h.Parked)
	}
}

func TestChangeDuringARoundStands(t *testing.T) {
	b := newBench(t)
	h, _ := b.create("*")
	b.happen("hit", "a")
	off := false
	b.answer(func(post) (int, error) {
		if _, _, err := b.sender.Change(b.t.Context(), "", h.ID, webhook.Patch{Enabled: &off}); err != nil {
			t.Error(err)
		}
		return 200, nil
	})
	if h = b.round(h.ID); h.Disabled == "" {
		t.Error("the round wrote over the change")
	}
}

func TestRunSendsWhatHappens(t *testing.T) {
	b := newBench(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); b.sender.Run(ctx) }()
	h, _ := b.create("*")
	b.happen("hit", "a")
	<-b.came
	b.answer(status(500))
	b.happen("hit", "b")
	<-b.came
	b.answer(status(200))
	b.happen("hit", "c")
	<-b.came
	b.answer(func(post) (int, error) { <-ctx.Done(); return 0, ctx.Err() }) // c is settled once d comes, which never is
	b.happen("hit", "d")
	<-b.came
	cancel()
	<-done
	b.want("hit.a", "hit.b", "hit.c", "hit.d")
	stats, err := b.sender.Stats(t.Context())
	if err != nil || stats.Delivered != 2 || stats.Failed != 1 || stats.Enabled != 1 || stats.Parked != 1 {
		t.Errorf("%+v, %v", stats, err)
	}
	if _, _, _, err := b.sender.Rotate(t.Context(), "", h.ID, time.Hour); err != nil {
		t.Fatal(err)
	}
	if _, err := b.sender.Remove(t.Context(), "", h.ID); err != nil {
		t.Fatal(err)
	}
	for _, table := range []string{"webhooks", "webhook-secrets", "webhook-former", "webhook-parked", "webhook-dead"} {
		err := b.index.View(t.Context(), func(r hashindex.Reader) error {
			for row, err := range r.Rows(table, "") {
				t.Errorf("left in %s: %v, %v", table, row, err)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
}

func TestSecretsAndURLsAreNeitherLoggedNorNoted(t *testing.T) {
	b := newBench(t)
	h, secret := b.create("*")
	b.answer(func(post) (int, error) { return 0, io.ErrUnexpectedEOF })
	b.happen("hit", "a")
	b.round(h.ID)
	b.sender.Remove(t.Context(), "", h.ID)
	changes, err := b.index.Changes(t.Context(), 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	all := b.log.String() + fmt.Sprintf("%+v", changes)
	for _, c := range changes {
		all += string(c.Note.Body)
	}
	if strings.Contains(all, strings.TrimPrefix(secret, "whsec_")) || strings.Contains(all, "there.example") {
		t.Error(all)
	}
	if !strings.Contains(b.log.String(), "not delivered") {
		t.Error("the failure is not logged:", b.log.String())
	}
}
