package keys

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"touchstone/hashindex"
)

// ErrRefused is a token that opens nothing.
var ErrRefused = errors.New("key refused")

// table is where the keys stand, by id.
const table = "keys"

// Topic is what the history files changes of keys under.
const Topic = "key"

// Index is what keys need of a hashindex.Index.
type Index interface {
	View(ctx context.Context, read func(hashindex.Reader) error) error
	Transact(ctx context.Context, actor string, plan func(hashindex.Writer) error) (hashindex.Seq, error)
}

// Config says where the keys are. Index is needed.
type Config struct {
	Index  Index
	Now    func() time.Time // the clock; time.Now by default
	Random io.Reader        // of secrets; crypto/rand by default
}

// Ring holds all keys in memory, as the store has them, so that asking costs no read. One process has
// the store open, so nobody else changes it.
type Ring struct {
	index  Index
	now    func() time.Time
	random io.Reader

	changing sync.Mutex   // held through a change of the store; taken before mu
	mu       sync.RWMutex // guards byID
	byID     map[string]*Holder
}

// Open reads the keys.
func Open(ctx context.Context, config Config) (*Ring, error) {
	r := &Ring{index: config.Index, now: config.Now, random: config.Random, byID: map[string]*Holder{}}
	if r.now == nil {
		r.now = time.Now
	}
	if r.random == nil {
		r.random = rand.Reader
	}
	err := r.index.View(ctx, func(reader hashindex.Reader) error {
		for each, err := range reader.Rows(table, "") {
			if err != nil {
				return err
			}
			key, digest, err := parseRow(each)
			if err != nil {
				return err
			}
			r.byID[key.ID] = r.newHolder(key, digest)
		}
		return nil
	})
	return r, err
}

func (r *Ring) newHolder(k Key, digest hashindex.Digest) *Holder {
	return &Holder{now: r.now, digest: digest, key: k}
}

// Empty reports whether there never was a key: one that is revoked or expired counts.
func (r *Ring) Empty() bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return len(r.byID) == 0
}

// Usable counts the keys that open something now.
func (r *Ring) Usable() (n int) {
	for _, k := range r.List() {
		if k.Usable(r.now()) {
			n++
		}
	}
	return n
}

// List is all keys in the order in which they were made.
func (r *Ring) List() []Key {
	r.mu.RLock()
	defer r.mu.RUnlock()
	list := make([]Key, 0, len(r.byID))
	for _, h := range r.byID {
		list = append(list, h.Key())
	}
	slices.SortFunc(list, func(a, b Key) int {
		if c := a.Created.Compare(b.Created); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	return list
}

// Identify is the holder of the token, or ErrRefused. Why a key is refused is told to whoever has its
// secret alone.
func (r *Ring) Identify(token string) (*Holder, error) {
	id, secret, ok := splitToken(token)
	if !ok {
		return nil, fmt.Errorf("not a key: %w", ErrRefused)
	}
	h := r.holder(id)
	if h == nil {
		h = &Holder{} // compared with as well, so that an unknown id takes as long
	}
	if !proves(secret, h.digest) {
		return nil, fmt.Errorf("no such key: %w", ErrRefused)
	}
	if why := h.Key().refusal(r.now()); why != "" {
		return nil, fmt.Errorf("key %s is %s: %w", id, why, ErrRefused)
	}
	return h, nil
}

func (r *Ring) holder(id string) *Holder {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.byID[id]
}

// New is a key to be made.
type New struct {
	Name        string
	Scopes      Scope
	Collections []string
	Limits      Limits
	Expires     time.Time

	// Rotates names a key that the new one takes the place of: it ends after Overlap. What is left out
	// above is as it has it, but for when it expires.
	Rotates string
	Overlap time.Duration
}

// Create makes a key. The token is nowhere else.
func (r *Ring) Create(ctx context.Context, actor string, n New, along ...hashindex.Along[Key]) (k Key, token string, seq hashindex.Seq, err error) {
	r.changing.Lock()
	defer r.changing.Unlock()
	now := r.now().UTC().Truncate(time.Microsecond)
	var old Key
	if n.Rotates != "" {
		if old, err = r.usable(n.Rotates, now); err != nil {
			return k, "", 0, err
		}
		n = n.like(old)
	}
	if err := n.validate(now, len(r.List())); err != nil {
		return k, "", 0, err
	}
	id, token, digest, err := newToken(r.random)
	if err != nil {
		return k, "", 0, err
	}
	k = Key{
		ID: id, Name: n.Name, Scopes: n.Scopes, Collections: sorted(n.Collections), Limits: n.Limits,
		Created: now, Expires: n.Expires.UTC().Truncate(time.Microsecond), Rotates: n.Rotates,
	}
	states := []state{{k, digest}}
	if n.Rotates != "" {
		if end := now.Add(n.Overlap); old.Expires.IsZero() || end.Before(old.Expires) {
			old.Expires = end
		}
		states = append(states, state{old, r.holder(old.ID).digest})
	}
	seq, err = r.store(ctx, actor, states, along...)
	return k, token, seq, err
}

func (r *Ring) usable(id string, now time.Time) (Key, error) {
	h := r.holder(id)
	if h == nil {
		return Key{}, fmt.Errorf("key %.40q: %w", id, hashindex.ErrNotFound)
	}
	k := h.Key()
	if why := k.refusal(now); why != "" {
		return Key{}, &hashindex.InputError{Field: "rotates", Reason: "key " + id + " is " + why}
	}
	return k, nil
}

// like takes from the key what is left out.
func (n New) like(k Key) New {
	if n.Name == "" {
		n.Name = k.Name
	}
	if n.Scopes == 0 {
		n.Scopes = k.Scopes
	}
	if len(n.Collections) == 0 {
		n.Collections = k.Collections
	}
	if n.Limits == (Limits{}) {
		n.Limits = k.Limits
	}
	return n
}

func (n New) validate(now time.Time, there int) error {
	invalid := func(field, format string, args ...any) error {
		return &hashindex.InputError{Field: field, Reason: fmt.Sprintf(format, args...)}
	}
	switch {
	case there >= MaxKeys:
		return &hashindex.LimitError{Limit: "keys", Max: MaxKeys}
	case n.Name == "":
		return invalid("name", "none given")
	case len(n.Name) > MaxName:
		return &hashindex.LimitError{Limit: "key_name_bytes", Max: MaxName, Got: int64(len(n.Name))}
	case !utf8.ValidString(n.Name) || strings.ContainsFunc(n.Name, unicode.IsControl):
		return invalid("name", "want UTF-8 without control characters")
	case n.Scopes == 0:
		_, err := ParseScopes(nil)
		return err
	case len(n.Collections) > MaxCollections:
		return &hashindex.LimitError{Limit: "key_collections", Max: MaxCollections, Got: int64(len(n.Collections))}
	case slices.Contains(n.Collections, ""):
		return invalid("collections", "an empty name")
	case n.Limits.PerMinute < 0:
		return invalid("requests_per_minute", "%d is negative", n.Limits.PerMinute)
	case n.Limits.AtOnce < 0:
		return invalid("requests_at_once", "%d is negative", n.Limits.AtOnce)
	case !n.Expires.IsZero() && !n.Expires.After(now):
		return invalid("expires", "is over already")
	case n.Overlap < 0:
		return invalid("overlap_seconds", "is negative")
	}
	return nil
}

func sorted(names []string) []string {
	names = slices.Sorted(slices.Values(names))
	return slices.Compact(names)
}

// Revoke ends the key at once. One that is revoked already stays as it is.
func (r *Ring) Revoke(ctx context.Context, actor, id string) (hashindex.Seq, error) {
	r.changing.Lock()
	defer r.changing.Unlock()
	h := r.holder(id)
	if h == nil {
		return 0, fmt.Errorf("key %.40q: %w", id, hashindex.ErrNotFound)
	}
	k := h.Key()
	if k.Revoked.IsZero() {
		k.Revoked = r.now().UTC().Truncate(time.Microsecond)
	}
	return r.store(ctx, actor, []state{{k, h.digest}})
}

// state is a key as it shall be.
type state struct {
	Key
	digest hashindex.Digest
}

// store writes the rows and their entries of the history in one step, and then the memory: a key that
// was acknowledged is durable, and one that was revoked opens nothing from here on. What is written along is told the
// first.
func (r *Ring) store(ctx context.Context, actor string, states []state, along ...hashindex.Along[Key]) (hashindex.Seq, error) {
	seq, err := r.index.Transact(ctx, actor, func(w hashindex.Writer) error {
		for _, s := range states {
			if err := s.write(w); err != nil {
				return err
			}
		}
		return hashindex.WriteAlong(w, states[0].Key, along)
	})
	if err != nil {
		return 0, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range states {
		if h := r.byID[s.ID]; h != nil {
			h.replace(s.Key)
		} else {
			r.byID[s.ID] = r.newHolder(s.Key, s.digest)
		}
	}
	return seq, nil
}

func (s state) write(w hashindex.Writer) error {
	if err := save(w, s.Key, s.digest); err != nil {
		return err
	}
	body, err := note(s.Key)
	if err != nil {
		return err
	}
	_, err = w.Append(hashindex.Change{Kind: hashindex.Noted, Note: hashindex.Note{Topic: Topic, Subject: s.ID, Body: body}})
	return err
}

// SaveUses stores when keys were used last, as far as that is new.
func (r *Ring) SaveUses(ctx context.Context) error {
	r.changing.Lock()
	defer r.changing.Unlock()
	used := r.used()
	if len(used) == 0 {
		return nil
	}
	_, err := r.index.Transact(ctx, "", func(w hashindex.Writer) error {
		for _, s := range used {
			if err := save(w, s.Key, s.digest); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, s := range used {
		r.holder(s.ID).saved(s.LastUsed)
	}
	return nil
}

func (r *Ring) used() (used []state) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for _, h := range r.byID {
		if k, unsaved := h.unsaved(); unsaved {
			used = append(used, state{k, h.digest})
		}
	}
	return used
}
