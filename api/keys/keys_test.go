package keys_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"touchstone/api/keys"
	"touchstone/hashindex"
	"touchstone/hashindex/search/linear"
	"touchstone/hashindex/store/memory"
)

// clock is a time that stands still until it is moved.
type clock struct{ time.Time }

func (c *clock) now() time.Time { return c.Time }

func (c *clock) pass(d time.Duration) { c.Time = c.Add(d) }

var start = time.Date(2026, 11, 23, 10, 0, 30, 0, time.UTC)

// openIndex is an index over the store, checked when the test ends.
func openIndex(t *testing.T, store hashindex.Storage) *hashindex.Index {
	t.Helper()
	index, err := hashindex.Open(hashindex.Config{Store: store, Recipe: "t1",
		NewSearcher: func(a hashindex.Algorithm) hashindex.Searcher { return linear.New(a.Bits()) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		err := index.WaitReady(context.Background())
		report, checked := index.Check(context.Background())
		if err = errors.Join(err, checked, index.Close()); err != nil || len(report.Findings) > 0 {
			t.Errorf("check: %v %v", report.Findings, err)
		}
	})
	return index
}

func open(t *testing.T, index *hashindex.Index, c *clock) *keys.Ring {
	t.Helper()
	ring, err := keys.Open(t.Context(), keys.Config{Index: index, Now: c.now})
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

func create(t *testing.T, ring *keys.Ring, n keys.New) (keys.Key, string) {
	t.Helper()
	key, token, seq, err := ring.Create(t.Context(), "somebody", n)
	if err != nil || seq == 0 {
		t.Fatal(seq, err)
	}
	return key, token
}

func TestTokenOpensUntilTheKeyIsRevokedOrExpires(t *testing.T) {
	c := &clock{start}
	ring := open(t, openIndex(t, memory.New()), c)
	if !ring.Empty() {
		t.Error("keys in a new store")
	}
	first, firstToken := create(t, ring, keys.New{Name: "a", Scopes: keys.Match})
	_, shortToken := create(t, ring, keys.New{Name: "b", Scopes: keys.Match, Expires: start.Add(time.Hour)})
	for _, token := range []string{firstToken, shortToken} {
		if _, err := ring.Identify(token); err != nil {
			t.Errorf("%v", err)
		}
	}
	c.pass(time.Hour)
	if _, err := ring.Identify(shortToken); !errors.Is(err, keys.ErrRefused) || !strings.Contains(err.Error(), "expired") {
		t.Errorf("an expired key: %v", err)
	}
	if _, err := ring.Revoke(t.Context(), "", first.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := ring.Identify(firstToken); !errors.Is(err, keys.ErrRefused) || !strings.Contains(err.Error(), "revoked") {
		t.Errorf("a revoked key: %v", err)
	}
	if ring.Empty() || ring.Usable() != 0 {
		t.Error("revoked and expired keys stay, and are not usable")
	}
	if _, err := ring.Revoke(t.Context(), "", "nobody"); !errors.Is(err, hashindex.ErrNotFound) {
		t.Errorf("no such key: %v", err)
	}
}

func TestOnlyTheWholeTokenOpens(t *testing.T) {
	ring := open(t, openIndex(t, memory.New()), &clock{start})
	key, token := create(t, ring, keys.New{Name: "a", Scopes: keys.Match})
	_, other := create(t, ring, keys.New{Name: "b", Scopes: keys.Match})
	secret := token[strings.LastIndex(token, "_")+1:]
	if raw, err := hex.DecodeString(secret); err != nil || len(raw) != 32 {
		t.Errorf("the secret is %d bytes, want 32: %v", len(raw), err)
	}
	flipped := []byte(token)
	for i := range flipped {
		flipped[i] ^= 1
		if _, err := ring.Identify(string(flipped)); !errors.Is(err, keys.ErrRefused) {
			t.Errorf("with byte %d changed: %v", i, err)
		}
		flipped[i] ^= 1
	}
	for _, wrong := range []string{"", "tsk_", "tsk__", key.ID, secret, "tsk_" + key.ID, "tsk_" + key.ID + "_", token + "0", token[:len(token)-1],
		strings.ToUpper(token), "tsk_" + key.ID + "_" + other[strings.LastIndex(other, "_")+1:]} {
		if _, err := ring.Identify(wrong); !errors.Is(err, keys.ErrRefused) || strings.Contains(err.Error(), secret) {
			t.Errorf("%q: %v", wrong, err)
		}
	}
}

func TestKeysOutliveTheProcessAndTheirSecretsAreNowhere(t *testing.T) {
	store, c := memory.New(), &clock{start}
	index := openIndex(t, store)
	ring := open(t, index, c)
	_, token := create(t, ring, keys.New{Name: "a", Scopes: keys.Match | keys.Review, Collections: []string{"shoes", "bags", "shoes"},
		Limits: keys.Limits{PerMinute: 10, AtOnce: 2}, Expires: start.Add(24 * time.Hour)})
	c.pass(time.Second) // the list is in the order of making
	gone, _ := create(t, ring, keys.New{Name: "b", Scopes: keys.Admin})
	if _, err := ring.Revoke(t.Context(), "", gone.ID); err != nil {
		t.Fatal(err)
	}
	again := open(t, index, c)
	if got, want := again.List(), ring.List(); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	for _, key := range again.List() {
		if key.Name == "a" && !slices.Equal(key.Collections, []string{"bags", "shoes"}) {
			t.Errorf("collections %v", key.Collections)
		}
	}
	if _, err := again.Identify(token); err != nil {
		t.Error(err)
	}

	secret := token[strings.LastIndex(token, "_")+1:]
	digest := sha256.Sum256([]byte(secret))
	inRows := false
	err := index.View(t.Context(), func(r hashindex.Reader) error {
		for row, err := range r.Rows("keys", "") {
			if err != nil || bytes.Contains(row.Value, []byte(secret)) {
				t.Errorf("row %s: %v", row.Key, err)
			}
			inRows = inRows || bytes.Contains(row.Value, []byte(hex.EncodeToString(digest[:])))
		}
		return nil
	})
	if err != nil || !inRows {
		t.Errorf("the SHA-256 is in no row: %v", err)
	}
	changes, err := index.Changes(t.Context(), 0, 100)
	if err != nil || len(changes) != 3 {
		t.Fatalf("%d changes, want one for each of two creations and a revocation: %v", len(changes), err)
	}
	for _, change := range changes {
		if change.Kind != hashindex.Noted || change.Note.Topic != keys.Topic || bytes.Contains(change.Note.Body, []byte(secret)) || bytes.Contains(change.Note.Body, []byte("sha256")) {
			t.Errorf("change %d: %+v", change.Seq, change)
		}
	}
	if changes[0].Actor != "somebody" {
		t.Errorf("the actor is %q", changes[0].Actor)
	}
}

func TestRotationLeavesTheOldKeyItsOverlap(t *testing.T) {
	c := &clock{start}
	ring := open(t, openIndex(t, memory.New()), c)
	old, oldToken := create(t, ring, keys.New{Name: "a", Scopes: keys.Ingest, Collections: []string{"shoes"}, Limits: keys.Limits{PerMinute: 7}})
	key, token := create(t, ring, keys.New{Rotates: old.ID, Overlap: time.Hour})
	if key.Name != "a" || key.Scopes != keys.Ingest || !slices.Equal(key.Collections, old.Collections) || key.Limits != old.Limits || key.Rotates != old.ID {
		t.Errorf("got %+v", key)
	}
	for _, each := range []string{oldToken, token} {
		if _, err := ring.Identify(each); err != nil {
			t.Errorf("within the overlap: %v", err)
		}
	}
	c.pass(time.Hour)
	if _, err := ring.Identify(oldToken); !errors.Is(err, keys.ErrRefused) {
		t.Errorf("after the overlap: %v", err)
	}
	if _, err := ring.Identify(token); err != nil {
		t.Errorf("the new one: %v", err)
	}
	if _, _, _, err := ring.Create(t.Context(), "", keys.New{Rotates: old.ID}); !errors.Is(err, hashindex.ErrInvalid) {
		t.Errorf("an expired key was rotated: %v", err)
	}
}

func TestBucketGivesAMinutesWorthAndFillsWithTime(t *testing.T) {
	c := &clock{start}
	ring := open(t, openIndex(t, memory.New()), c)
	_, token := create(t, ring, keys.New{Name: "a", Scopes: keys.Match, Limits: keys.Limits{PerMinute: 6}})
	h, err := ring.Identify(token)
	if err != nil {
		t.Fatal(err)
	}
	enter := func() (keys.Quota, error) {
		quota, leave, err := h.Enter()
		if err == nil {
			leave()
		}
		return quota, err
	}
	for n := range 6 {
		want := keys.Quota{PerMinute: 6, Remaining: 5 - n, Full: time.Duration(n+1) * 10 * time.Second}
		if got, err := enter(); err != nil || got != want {
			t.Errorf("request %d: %+v %v, want %+v", n, got, err, want)
		}
	}
	refused := func(after time.Duration) {
		t.Helper()
		_, err := enter()
		if over, ok := errors.AsType[*keys.OverLimit](err); !ok || over.Limit != "requests_per_minute" || over.After != after {
			t.Errorf("got %#v, want to wait %s", err, after)
		}
	}
	refused(10 * time.Second)
	c.pass(4 * time.Second)
	refused(6 * time.Second)
	c.pass(6 * time.Second)
	if _, err := enter(); err != nil {
		t.Error(err)
	}
	refused(10 * time.Second)
	c.pass(-time.Hour) // a clock that was set back gives nothing and takes nothing
	refused(10 * time.Second)
	c.pass(24 * time.Hour)
	if got, err := enter(); err != nil || got.Remaining != 5 {
		t.Errorf("after a day: %+v %v", got, err)
	}
}

func TestOnlySoManyAtOnce(t *testing.T) {
	ring := open(t, openIndex(t, memory.New()), &clock{start})
	_, token := create(t, ring, keys.New{Name: "a", Scopes: keys.Match, Limits: keys.Limits{AtOnce: 2}})
	h, err := ring.Identify(token)
	if err != nil {
		t.Fatal(err)
	}
	_, leave, err := h.Enter()
	_, _, err2 := h.Enter()
	if err != nil || err2 != nil {
		t.Fatal(err, err2)
	}
	_, _, err = h.Enter()
	if over, ok := errors.AsType[*keys.OverLimit](err); !ok || over.Limit != "requests_at_once" || over.Max != 2 {
		t.Errorf("a third: %v", err)
	}
	leave()
	leave() // once counts
	if _, _, err = h.Enter(); err != nil {
		t.Errorf("after one left: %v", err)
	}
	if _, _, err = h.Enter(); err == nil {
		t.Error("leaving twice made room for two")
	}
}

func TestLastUseIsStoredToTheMinute(t *testing.T) {
	c := &clock{start}
	index := openIndex(t, memory.New())
	ring := open(t, index, c)
	_, token := create(t, ring, keys.New{Name: "a", Scopes: keys.Match})
	use := func() {
		h, err := ring.Identify(token)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := h.Enter(); err != nil {
			t.Fatal(err)
		}
	}
	stored := func() time.Time { return open(t, index, c).List()[0].LastUsed }
	use()
	if at := ring.List()[0].LastUsed; !at.Equal(start.Truncate(time.Minute)) {
		t.Errorf("used at %s", at)
	}
	if !stored().IsZero() {
		t.Error("stored before it was asked for")
	}
	before := index.Seq()
	for range 2 {
		if err := ring.SaveUses(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if at := stored(); !at.Equal(start.Truncate(time.Minute)) || index.Seq() != before {
		t.Errorf("stored as %s; the history went from %d to %d", at, before, index.Seq())
	}
	c.pass(time.Hour)
	use()
	if err := ring.SaveUses(t.Context()); err != nil || !stored().Equal(start.Add(time.Hour).Truncate(time.Minute)) {
		t.Errorf("%v, stored as %s", err, stored())
	}
}

func TestBadKeysAreRefusedWithTheirField(t *testing.T) {
	ring := open(t, openIndex(t, memory.New()), &clock{start})
	for field, n := range map[string]keys.New{
		"name":                {Scopes: keys.Match},
		"scopes":              {Name: "a"},
		"collections":         {Name: "a", Scopes: keys.Match, Collections: []string{""}},
		"requests_per_minute": {Name: "a", Scopes: keys.Match, Limits: keys.Limits{PerMinute: -1}},
		"requests_at_once":    {Name: "a", Scopes: keys.Match, Limits: keys.Limits{AtOnce: -1}},
		"expires":             {Name: "a", Scopes: keys.Match, Expires: start},
		"overlap_seconds":     {Name: "a", Scopes: keys.Match, Overlap: -1},
	} {
		_, _, _, err := ring.Create(t.Context(), "", n)
		if wrong, ok := errors.AsType[*hashindex.InputError](err); !ok || wrong.Field != field {
			t.Errorf("%+v: %v", n, err)
		}
	}
	for limit, n := range map[string]keys.New{
		"key_name_bytes":  {Name: strings.Repeat("x", keys.MaxName+1), Scopes: keys.Match},
		"key_collections": {Name: "a", Scopes: keys.Match, Collections: make([]string, keys.MaxCollections+1)},
	} {
		_, _, _, err := ring.Create(t.Context(), "", n)
		if over, ok := errors.AsType[*hashindex.LimitError](err); !ok || over.Limit != limit {
			t.Errorf("%s: %v", limit, err)
		}
	}
	if !ring.Empty() {
		t.Error("a refused key is there")
	}
}

func TestDamagedKeyIsNotPassedOver(t *testing.T) {
	for _, row := range []string{"", "{}", `{"scopes":["match"],"sha256":"00"}`, `{"scopes":["fun"],"sha256":"` + strings.Repeat("0", 64) + `"}`} {
		index := openIndex(t, memory.New())
		_, err := index.Transact(t.Context(), "", func(w hashindex.Writer) error { return w.PutRow("keys", "abc", []byte(row)) })
		if err != nil {
			t.Fatal(err)
		}
		if _, err := keys.Open(t.Context(), keys.Config{Index: index}); !errors.Is(err, hashindex.ErrDamaged) {
			t.Errorf("%s: %v", row, err)
		}
	}
}

func TestScopesAreReadAsTheyAreWritten(t *testing.T) {
	for s := keys.Match; s <= keys.Any; s++ {
		if got, err := keys.ParseScopes(s.Names()); err != nil || got != s {
			t.Errorf("%s: %s %v", s, got, err)
		}
		if s.Allows(keys.Match) != (s&keys.Match != 0 || s&keys.Admin != 0) {
			t.Errorf("%s and match", s)
		}
	}
	if _, err := keys.ParseScopes([]string{"match", "root"}); !errors.Is(err, hashindex.ErrInvalid) {
		t.Errorf("got %v", err)
	}
}
