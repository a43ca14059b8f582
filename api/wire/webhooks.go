package wire

import "time"

// NewWebhook is the body of POST /v1/webhooks.
type NewWebhook struct {
	URL    string   `json:"url"`
	Events []string `json:"events"`
	After  *uint64  `json:"after,omitempty"` // the Seq after which events are sent; absent: from now on
}

// Webhook is where events are sent.
type Webhook struct {
	ID          string     `json:"id"`
	URL         string     `json:"url"`
	Events      []string   `json:"events"`
	Created     time.Time  `json:"created"`
	Enabled     bool       `json:"enabled"`
	Disabled    string     `json:"disabled,omitempty"`             // why
	Cursor      uint64     `json:"cursor"`                         // all up to this change was sent, or is parked
	Parked      int        `json:"parked"`                         // deliveries that failed and are tried again
	Due         *time.Time `json:"due,omitempty"`                  // when the first of them is
	Tried       *time.Time `json:"tried,omitempty"`                // the last delivery
	Status      int        `json:"status,omitempty"`               // its answer's
	Error       string     `json:"error,omitempty"`                // why it failed
	Secret      string     `json:"secret,omitempty"`               // in the answer that makes it alone
	FormerUntil *time.Time `json:"former_secrets_until,omitempty"` // until then deliveries are signed with former secrets too
	Seq         uint64     `json:"seq,omitempty"`                  // in answers to writes
}

// Webhooks is the answer of GET /v1/webhooks.
type Webhooks struct {
	Webhooks []Webhook `json:"webhooks"`
}

// WebhookPatch is the body of PATCH /v1/webhooks/{id}; absent fields stay.
type WebhookPatch struct {
	URL     *string  `json:"url,omitempty"`
	Events  []string `json:"events,omitempty"`
	Enabled *bool    `json:"enabled,omitempty"`
}

// Replay is the body of POST /v1/webhooks/{id}/replay.
type Replay struct {
	After *uint64 `json:"after"`
}

// RotateSecret is the body of POST /v1/webhooks/{id}/secret.
type RotateSecret struct {
	OverlapSeconds *int64 `json:"overlap_seconds,omitempty"` // how long former secrets sign along; absent: a day
}

// TestDelivery is the answer of POST /v1/webhooks/{id}/test.
type TestDelivery struct {
	Delivered bool   `json:"delivered"`
	Status    int    `json:"status,omitempty"`
	Error     string `json:"error,omitempty"`
}

// DeadLetter is a delivery that was given up.
type DeadLetter struct {
	Seq      uint64    `json:"seq"`
	Type     string    `json:"type"`
	Attempts int       `json:"attempts"`
	First    time.Time `json:"first"`
	Status   int       `json:"status,omitempty"`
	Error    string    `json:"error,omitempty"`
}

// DeadLetters is a page of them, by Seq.
type DeadLetters struct {
	Letters []DeadLetter `json:"letters"`
}
