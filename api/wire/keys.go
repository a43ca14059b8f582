package wire

import "time"

// NewKey is the body of POST /v1/keys. With Rotates, what is absent is as the other key has it.
type NewKey struct {
	Name              string     `json:"name,omitempty"`
	Scopes            []string   `json:"scopes,omitempty"`
	Collections       []string   `json:"collections,omitempty"`         // none: all
	RequestsPerMinute int        `json:"requests_per_minute,omitempty"` // 0: no limit
	RequestsAtOnce    int        `json:"requests_at_once,omitempty"`    // 0: no limit
	Expires           *time.Time `json:"expires,omitempty"`             // absent: never
	Rotates           string     `json:"rotates,omitempty"`             // the key that this one takes the place of
	OverlapSeconds    int64      `json:"overlap_seconds,omitempty"`     // how long the other one still opens
}

// Key is what is known of a key.
type Key struct {
	ID                string     `json:"id"`
	Name              string     `json:"name"`
	Scopes            []string   `json:"scopes"`
	Collections       []string   `json:"collections,omitempty"` // absent: all
	RequestsPerMinute int        `json:"requests_per_minute,omitempty"`
	RequestsAtOnce    int        `json:"requests_at_once,omitempty"`
	Rotates           string     `json:"rotates,omitempty"`
	Created           time.Time  `json:"created"`
	Expires           *time.Time `json:"expires,omitempty"`
	Revoked           *time.Time `json:"revoked,omitempty"`
	LastUsed          *time.Time `json:"last_used,omitempty"` // to the minute
	Usable            bool       `json:"usable"`              // neither revoked nor expired
}

// CreatedKey is the answer of POST /v1/keys. Token is what the client sends; nobody can ask for it again.
type CreatedKey struct {
	Key   Key    `json:"key"`
	Token string `json:"token"`
	Seq   uint64 `json:"seq"`
}

// Keys is the answer of GET /v1/keys, in the order in which they were made.
type Keys struct {
	Keys []Key `json:"keys"`
}
