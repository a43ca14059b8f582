package casework

import (
	"context"
	"encoding/json"
	"errors"
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
	}
}

// MaxSightings bounds Policy.SightingCount: at ten million a reference is searched for among them within
// milliseconds (BenchmarkRetro), and they take a gigabyte of memory.
const MaxSightings = 10_000_000

func (p Policy) validate() error {
	for _, f := range []struct {
		name string
		d    Duration
	}{{"claim", p.Claim}, {"sighting_age", p.SightingAge}, {"picture_age", p.PictureAge}, {"flood_window", p.FloodWindow}} {
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
		return firstOf(err, save(w, policyRow, policyKey, p), tell(w, PolicyTopic, policyKey, Moved{To: "set", Detail: changed}))
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
	if err == nil {
		err = json.Unmarshal(raw, &p)
	}
	return p, err
}
