// Package keys says who may ask a server what. A key is an id and a secret of 256 random bits, of
// which only the SHA-256 is kept, in rows of the store; what becomes of keys is in the history.
//
//	ring, err := keys.Open(ctx, keys.Config{Index: index})
//	key, token, _, err := ring.Create(ctx, actor, keys.New{Name: "pipeline", Scopes: keys.Match})
//	holder, err := ring.Identify(token) // with each request
//	quota, leave, err := holder.Enter()
//
// The token is shown once, when the key is made; nobody can find it out later.
package keys

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"touchstone/hashindex"
)

// Key is what is known of a key. Its secret is not.
type Key struct {
	ID          string
	Name        string
	Scopes      Scope
	Collections []string // by name, sorted; none: all of them
	Limits      Limits
	Created     time.Time
	Expires     time.Time // zero: never
	Revoked     time.Time // zero: it is not
	LastUsed    time.Time // to the minute; zero: never
	Rotates     string    // the id of the key that this one takes the place of
}

// Limits bound what one key may cost. Zero is no limit.
type Limits struct {
	PerMinute int // requests; as many may come at once after a pause
	AtOnce    int // requests under way
}

// What a key may hold.
const (
	MaxName        = 128
	MaxCollections = 100
	MaxKeys        = 10_000 // revoked ones included: they stay, for the history names them
)

// Usable reports whether the key opens anything at that time.
func (k Key) Usable(at time.Time) bool { return k.refusal(at) == "" }

func (k Key) refusal(at time.Time) string {
	switch {
	case !k.Revoked.IsZero():
		return "revoked"
	case !k.Expires.IsZero() && !at.Before(k.Expires):
		return "expired"
	}
	return ""
}

// record is a key as its row holds it, in JSON.
type record struct {
	Name        string    `json:"name"`
	Scopes      []string  `json:"scopes"`
	Collections []string  `json:"collections,omitempty"`
	PerMinute   int       `json:"per_minute,omitempty"`
	AtOnce      int       `json:"at_once,omitempty"`
	Created     time.Time `json:"created"`
	Expires     time.Time `json:"expires,omitzero"`
	Revoked     time.Time `json:"revoked,omitzero"`
	Rotates     string    `json:"rotates,omitempty"`

	// Not in the history: the one is of no use there, the other changes all the time.
	Digest   string    `json:"sha256,omitempty"`
	LastUsed time.Time `json:"last_used,omitzero"`
}

func recordOf(k Key) record {
	return record{
		Name: k.Name, Scopes: k.Scopes.Names(), Collections: k.Collections, PerMinute: k.Limits.PerMinute, AtOnce: k.Limits.AtOnce,
		Created: k.Created, Expires: k.Expires, Revoked: k.Revoked, Rotates: k.Rotates, LastUsed: k.LastUsed,
	}
}

// save stores the key.
func save(w hashindex.Writer, k Key, digest hashindex.Digest) error {
	r := recordOf(k)
	r.Digest = digest.String()
	return hashindex.SaveRow(w, table, k.ID, r)
}

// note is what the history tells of the key.
func note(k Key) ([]byte, error) {
	r := recordOf(k)
	r.LastUsed = time.Time{}
	return json.Marshal(r)
}

func parseRow(row hashindex.Row) (k Key, digest hashindex.Digest, err error) {
	damaged := func(why error) error { return fmt.Errorf("key %s: %w: %w", row.Key, hashindex.ErrDamaged, why) }
	r, err := hashindex.DecodeRow[record](table, row)
	if err != nil {
		return k, digest, err
	}
	scopes, err := ParseScopes(r.Scopes)
	if err != nil {
		return k, digest, damaged(err)
	}
	raw, err := hex.DecodeString(r.Digest)
	if err != nil || len(raw) != len(digest) {
		return k, digest, damaged(fmt.Errorf("sha256 %q", r.Digest))
	}
	copy(digest[:], raw)
	return Key{
		ID: row.Key, Name: r.Name, Scopes: scopes, Collections: r.Collections, Limits: Limits{r.PerMinute, r.AtOnce},
		Created: r.Created, Expires: r.Expires, Revoked: r.Revoked, Rotates: r.Rotates, LastUsed: r.LastUsed,
	}, digest, nil
}
