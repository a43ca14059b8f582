package casework

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"touchstone/hashindex"
)

// Policy is how the desk works: set by whoever runs the place, kept in the store. The zero value of a field
// stands for its default.
type Policy struct {
	Claim Duration `json:"claim,omitzero"` // how long a claim holds; 30 minutes

	SightingAge   Duration `json:"sighting_age,omitzero"`   // how long sightings are kept; 30 days
	SightingCount int      `json:"sighting_count,omitzero"` // how many at most, the newest; 1,000,000. Each takes about 100 bytes of memory

	PictureAge   Duration `json:"picture_age,omitzero"`   // how long the pictures of decided hits are kept; a year
	PictureBytes int64    `json:"picture_bytes,omitzero"` // how much they may take together, the oldest go first; 20 GiB

	// A reference, or a picture asked about, that makes new hits with more than FloodSellers sellers in
	// FloodWindow is quarantined; 100 and an hour.
	FloodSellers int      `json:"flood_sellers,omitzero"`
	FloodWindow  Duration `json:"flood_window,omitzero"`

	// How long each step of a notice may take: a draft to be submitted, 30 days; to be decided, 3 days; the
	// listings to be removed, a day; the seller to object, 14 days; and that to be decided, 14 days.
	DraftTerm   Duration `json:"draft_term,omitzero"`
	DecideTerm  Duration `json:"decide_term,omitzero"`
	RemoveTerm  Duration `json:"remove_term,omitzero"`
	CounterTerm Duration `json:"counter_term,omitzero"`
	UpholdTerm  Duration `json:"uphold_term,omitzero"`

	// A holder is trusted once so many of its notices were decided and at most so many percent were refused
	// or lost to an objection, 20 and 5; and doubtful by as many decided and at least so many percent, 5 and 50.
	TrustAfter   int `json:"trust_after,omitzero"`
	TrustPercent int `json:"trust_percent,omitzero"`
	DoubtAfter   int `json:"doubt_after,omitzero"`
	DoubtPercent int `json:"doubt_percent,omitzero"`

	// What is done by itself about a seller of AutoTally confirmed hits or more: off, and 3.
	Auto      Auto `json:"auto,omitzero"`
	AutoTally int  `json:"auto_tally,omitzero"`
}

// noticeTerm is how long the next step of a notice in the state may take; 0: nothing is waited for.
func (p Policy) noticeTerm(s NoticeState) time.Duration {
	return map[NoticeState]Duration{
		NoticeDrafted: p.DraftTerm, NoticeSubmitted: p.DecideTerm, NoticeAccepted: p.RemoveTerm, NoticePartly: p.RemoveTerm,
		NoticeRemoved: p.CounterTerm, NoticeCountered: p.UpholdTerm,
	}[s].d()
}

// Duration is a time.Duration that is text in JSON, such as "30m0s".
type Duration time.Duration

func (d Duration) d() time.Duration { return time.Duration(d) }

// MarshalText implements encoding.TextMarshaler.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.d().String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	if err != nil {
		return invalid("policy", "%.40q is no duration such as 30m or 24h", text)
	}
	*d = Duration(parsed)
	return nil
}

const day = 24 * time.Hour

// DefaultPolicy is the one that holds until somebody sets another.
func DefaultPolicy() Policy {
	return Policy{
		Claim:       Duration(30 * time.Minute),
		SightingAge: Duration(30 * day), SightingCount: 1_000_000,
		PictureAge: Duration(365 * day), PictureBytes: 20 << 30,
		FloodSellers: 100, FloodWindow: Duration(time.Hour),
		DraftTerm: Duration(30 * day), DecideTerm: Duration(3 * day), RemoveTerm: Duration(day), CounterTerm: Duration(14 * day), UpholdTerm: Duration(14 * day),
		TrustAfter: 20, TrustPercent: 5, DoubtAfter: 5, DoubtPercent: 50,
		Auto: AutoOff, AutoTally: 3,
	}
}

// MaxSightings bounds Policy.SightingCount: at ten million a reference is searched for among them within
// milliseconds (BenchmarkRetro), and they take a gigabyte of memory.
const MaxSightings = 10_000_000

func (p Policy) validate() error {
	for _, f := range []struct {
		name string
		d    Duration
	}{{"claim", p.Claim}, {"sighting_age", p.SightingAge}, {"picture_age", p.PictureAge}, {"flood_window", p.FloodWindow},
		{"draft_term", p.DraftTerm}, {"decide_term", p.DecideTerm}, {"remove_term", p.RemoveTerm}, {"counter_term", p.CounterTerm}, {"uphold_term", p.UpholdTerm}} {
		if f.d.d() < time.Second || f.d.d() > 100*365*day {
			return invalid(f.name, "%v is not within a second and a hundred years", f.d.d())
		}
	}
	if p.SightingCount < 1 || p.SightingCount > MaxSightings {
		return invalid("sighting_count", "%d is not within 1..%d", p.SightingCount, MaxSightings)
	}
	if p.PictureBytes < 1 {
		return invalid("picture_bytes", "%d is not above 0", p.PictureBytes)
	}
	for _, f := range []struct {
		name         string
		n, low, high int
	}{
		{"trust_after", p.TrustAfter, 1, 1_000_000}, {"trust_percent", p.TrustPercent, 1, 100}, {"doubt_after", p.DoubtAfter, 1, 1_000_000},
		{"doubt_percent", p.DoubtPercent, 1, 100}, {"auto_tally", p.AutoTally, 1, 1_000_000},
	} {
		if f.n < f.low || f.n > f.high {
			return invalid(f.name, "%d is not within %d..%d", f.n, f.low, f.high)
		}
	}
	if p.Auto != AutoOff && p.Auto != AutoDraft && p.Auto != AutoSubmit {
		return invalid("auto", "%.40q is not one of off, draft, submit", p.Auto)
	}
	if p.FloodSellers < 2 || p.FloodSellers > 100_000 {
		return invalid("flood_sellers", "%d is not within 2..100000", p.FloodSellers)
	}
	return nil
}

const policyKey = "policy"

// Policy is the one in force.
func (d *Desk) Policy() Policy { return *d.policy.Load() }

// SetPolicy changes the policy to what change makes of it.
func (d *Desk) SetPolicy(ctx context.Context, actor string, change func(*Policy)) (Policy, hashindex.Seq, error) {
	d.policyLead.Lock()
	defer d.policyLead.Unlock()
	var p Policy
	seq, err := d.index.Transact(ctx, actor, func(w hashindex.Writer) error {
		before, err := loadPolicy(w)
		if err != nil {
			return err
		}
		p = before
		change(&p)
		if err := p.validate(); err != nil {
			return err
		}
		changed, err := json.Marshal(map[string]Policy{"before": before, "after": p})
		return firstOf(err, hashindex.SaveRow(w, policyRow, policyKey, p), tell(w, PolicyTopic, policyKey, Moved{To: "set", Detail: changed}))
	})
	if err == nil {
		d.policy.Store(&p)
	}
	return p, seq, err
}

func loadPolicy(r hashindex.Reader) (Policy, error) {
	raw, err := r.Row(policyRow, policyKey)
	p := DefaultPolicy()
	if errors.Is(err, hashindex.ErrNotFound) {
		return p, nil
	}
	if err != nil {
		return p, err
	}
	if err := json.Unmarshal(raw, &p); err != nil { // over the defaults: what an older version wrote lacks some
		return p, fmt.Errorf("policy: %v: %w", err, hashindex.ErrDamaged)
	}
	return p, nil
}
