package webhook_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	standard "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"touchstone/api/webhook"
	"touchstone/hashindex"
)

func (b *bench) rotate(id webhook.ID, overlap time.Duration) (webhook.Hook, string) {
	b.t.Helper()
	h, secret, _, err := b.sender.Rotate(b.t.Context(), "ann", id, overlap)
	if err != nil {
		b.t.Fatal(err)
	}
	return h, secret
}

// wantSigned has one event sent, which the secrets of those numbers verify and no others.
func (b *bench) wantSigned(id webhook.ID, secrets []string, want ...int) {
	b.t.Helper()
	b.happen("hit", "recorded")
	b.round(id)
	if len(b.posts) != 1 {
		b.t.Fatalf("%d posts, want one", len(b.posts))
	}
	p := b.posts[0]
	b.sent()
	var got []int
	for i, secret := range secrets {
		verifier, err := standard.NewWebhook(secret)
		if err != nil {
			b.t.Fatal(err)
		}
		if verifier.VerifyIgnoringTimestamp(p.body, p.header) == nil {
			got = append(got, i)
		}
	}
	if n := len(strings.Split(p.header.Get("webhook-signature"), " ")); !slices.Equal(got, want) || n != len(want) {
		b.t.Errorf("%d signatures, by the secrets %v, want %v", n, got, want)
	}
}

func TestFormerSecretSignsAlongForTheOverlap(t *testing.T) {
	b := newBench(t)
	h, first := b.create("*")
	b.wantSigned(h.ID, []string{first}, 0)
	h, second := b.rotate(h.ID, webhook.DefaultOverlap)
	if second == first || !h.FormerUntil.Equal(b.clock().Add(24*time.Hour)) {
		t.Errorf("%+v with the secret %q", h, second)
	}
	secrets := []string{first, second}
	b.wantSigned(h.ID, secrets, 0, 1)
	b.pass(24*time.Hour - time.Second)
	b.start() // it is remembered over a restart
	b.wantSigned(h.ID, secrets, 0, 1)
	b.pass(time.Second)
	b.wantSigned(h.ID, secrets, 1)
	if n := b.rows("webhook-former"); n != 0 {
		t.Errorf("%d rows of former secrets are left", n)
	}

	// A second rotation does not cut the first one short, and prolongs nothing.
	_, third := b.rotate(h.ID, 2*time.Hour)
	_, fourth := b.rotate(h.ID, webhook.DefaultOverlap)
	secrets = append(secrets, third, fourth)
	b.wantSigned(h.ID, secrets, 1, 2, 3)
	b.pass(2 * time.Hour)
	b.wantSigned(h.ID, secrets, 2, 3)

	// A secret that is known to others ends at once, and with it those before it.
	h, fifth := b.rotate(h.ID, 0)
	b.wantSigned(h.ID, append(secrets, fifth), 4)
	if n := b.rows("webhook-former"); n != 0 || !h.FormerUntil.IsZero() {
		t.Errorf("%d rows of former secrets are left, until %v", n, h.FormerUntil)
	}
}

func (b *bench) rows(table string) (n int) {
	b.t.Helper()
	err := b.index.View(b.t.Context(), func(r hashindex.Reader) error {
		for _, err := range r.Rows(table, "") {
			if err != nil {
				return err
			}
			n++
		}
		return nil
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return n
}

func TestRotationsAreBoundedAndNoted(t *testing.T) {
	b := newBench(t)
	h, first := b.create("*")
	secrets := []string{first}
	for range webhook.MaxSecrets - 1 {
		_, secret := b.rotate(h.ID, time.Hour)
		secrets = append(secrets, secret)
	}
	before := b.index.Seq()
	_, _, _, err := b.sender.Rotate(t.Context(), "", h.ID, time.Hour)
	if limit, ok := errors.AsType[*hashindex.LimitError](err); !ok || limit.Limit != "webhook_secrets" || limit.Max != webhook.MaxSecrets {
		t.Errorf("a secret too many: %v", err)
	}
	for _, overlap := range []time.Duration{-time.Second, webhook.MaxOverlap + time.Second} {
		if _, _, _, err := b.sender.Rotate(t.Context(), "", h.ID, overlap); !errors.Is(err, hashindex.ErrInvalid) {
			t.Errorf("overlap %v: %v", overlap, err)
		}
	}
	if _, _, _, err := b.sender.Rotate(t.Context(), "", 99, 0); !errors.Is(err, hashindex.ErrNotFound) {
		t.Errorf("no such hook: %v", err)
	}
	if b.index.Seq() != before {
		t.Error("what is refused is in the history")
	}
	b.wantSigned(h.ID, secrets, 0, 1, 2, 3, 4)
	changes, err := b.index.Changes(t.Context(), before-1, 1)
	if err != nil || len(changes) != 1 {
		t.Fatalf("%+v, %v", changes, err)
	}
	note := changes[0].Note
	if want := "rotated, former secrets end by 2026-11-01T13:00:00Z"; changes[0].Actor != "ann" || note.Topic != webhook.Topic || note.Subject != h.ID.String() || !strings.Contains(string(note.Body), want) {
		t.Errorf("note %s %s by %s, want %q", note.Topic, note.Body, changes[0].Actor, want)
	}
	for _, secret := range secrets {
		if text := strings.TrimPrefix(secret, "whsec_"); strings.Contains(b.log.String()+string(note.Body), text) {
			t.Error("a secret is logged or noted")
		}
	}
}

// TestRotationDuringARoundStands: what is under way is sent again, signed anew.
func TestRotationDuringARoundStands(t *testing.T) {
	b := newBench(t)
	h, first := b.create("*")
	var second string
	b.answer(func(post) (int, error) {
		if second == "" {
			_, second = b.rotate(h.ID, time.Hour)
		}
		return 200, nil
	})
	b.happen("hit", "recorded")
	if h = b.round(h.ID); h.FormerUntil.IsZero() {
		t.Error("the round wrote over the rotation")
	}
	b.round(h.ID)
	b.want("hit.recorded", "hit.recorded")
	b.wantSigned(h.ID, []string{first, second}, 0, 1)
}
