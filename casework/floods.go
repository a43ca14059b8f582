package casework

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"strings"
	"sync"
	"time"

	"touchstone/hashindex"
)

// floods counts, for references and for pictures asked about, the sellers that new hits came from. It
// lives in memory: after a start it counts anew.
type floods struct {
	mu   sync.Mutex // guards what follows
	seed maphash.Seed
	seen map[string]*crowd
}

// crowd are the sellers of one window.
type crowd struct {
	since   time.Time
	sellers map[uint64]struct{} // by hash
}

// flood is something that was seen with too many sellers.
type flood struct {
	key     string
	sellers int
}

// maxCrowds bounds how many things are counted at a time.
const maxCrowds = 100_000

func referenceKey(id hashindex.ReferenceID) string { return "reference-" + fmt.Sprint(uint64(id)) }
func hashKey(h hashindex.Hash) string              { return "hash-" + h.String() }

// watch counts what is new of the observation, and says what has become a flood by it.
func (d *Desk) watch(o *Observation, rulings []Ruling) (over []flood) {
	if o.Subject.Seller == "" {
		return nil
	}
	p := d.Policy()
	count := func(key string) {
		if n := d.floods.count(key, o.Subject.Seller, d.now(), p.FloodWindow.d()); n > p.FloodSellers {
			over = append(over, flood{key, n})
		}
	}
	for i, ruling := range rulings {
		if ruling.New {
			count(referenceKey(o.Matches[i].Reference.ID))
		}
	}
	if !o.Hash.IsZero() {
		count(hashKey(o.Hash))
	}
	return over
}

// count is how many sellers the thing was seen with in this window, that one included.
func (f *floods) count(key, seller string, at time.Time, window time.Duration) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.seen == nil {
		f.seen, f.seed = map[string]*crowd{}, maphash.MakeSeed()
	}
	c := f.seen[key]
	if c == nil || c.over(at, window) {
		if c == nil && len(f.seen) >= maxCrowds {
			return 0
		}
		c = &crowd{at, map[uint64]struct{}{}}
		f.seen[key] = c
	}
	c.sellers[maphash.String(f.seed, seller)] = struct{}{}
	return len(c.sellers)
}

// over reports whether the window has passed, or lies ahead by more than its length: then the clock went back, and
// sellers would be counted for as long as that takes to be made up.
func (c *crowd) over(at time.Time, window time.Duration) bool {
	age := at.Sub(c.since)
	return age > window || age < -window
}

// forget drops windows that are over.
func (f *floods) forget(at time.Time, window time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for key, c := range f.seen {
		if c.over(at, window) {
			delete(f.seen, key)
		}
	}
}

// Quarantine is something that is kept out of new hits because it was seen with very many sellers at once.
type Quarantine struct {
	ID       string    `json:"id"`      // "reference-12" or "hash-0f…"
	Sellers  int       `json:"sellers"` // when it was quarantined
	At       time.Time `json:"at"`
	Released bool      `json:"released,omitempty"` // for good: whoever released it has looked
	By       string    `json:"by,omitempty"`       // who did
}

// stem quarantines the floods, but for what was released.
func stem(w hashindex.Writer, over []flood, at time.Time) error {
	for _, f := range over {
		known, err := there(w, quarantine, f.key)
		if err != nil {
			return err
		}
		if known {
			continue
		}
		q := Quarantine{ID: f.key, Sellers: f.sellers, At: at}
		err = firstOf(hashindex.SaveRow(w, quarantine, f.key, q), tell(w, QuarantineTopic, f.key, Moved{To: "quarantined", Reason: "flood", Detail: detail(q)}))
		if err != nil {
			return err
		}
	}
	return nil
}

// quarantined reports whether the match is kept out of hits.
func quarantined(r hashindex.Reader, o *Observation, m hashindex.Match) (bool, error) {
	held, err := isQuarantined(r, referenceKey(m.Reference.ID))
	if err == nil && !held && !o.Hash.IsZero() {
		held, err = isQuarantined(r, hashKey(o.Hash))
	}
	return held, err
}

func isQuarantined(r hashindex.Reader, key string) (bool, error) {
	q, err := hashindex.LoadRow[Quarantine](r, quarantine, key)
	if errors.Is(err, hashindex.ErrNotFound) {
		return false, nil
	}
	return err == nil && !q.Released, err
}

// Quarantines lists at most limit of them after that id. Hashes are in the sight of those alone who see
// everything.
func (d *Desk) Quarantines(ctx context.Context, v Visible, after string, limit int) (list []Quarantine, err error) {
	err = d.index.View(ctx, func(r hashindex.Reader) error {
		for row, err := range r.Rows(quarantine, textKey(after)) {
			if err != nil || len(list) == limit {
				return err
			}
			q, err := hashindex.DecodeRow[Quarantine](quarantine, row)
			if err != nil {
				return err
			}
			sees, err := seesQuarantine(r, v, q.ID)
			if err != nil {
				return err
			}
			if sees {
				list = append(list, q)
			}
		}
		return nil
	})
	return list, err
}

func seesQuarantine(r hashindex.Reader, v Visible, id string) (bool, error) {
	if v.all() {
		return true, nil
	}
	text, ok := strings.CutPrefix(id, "reference-")
	if !ok {
		return false, nil
	}
	var n hashindex.ReferenceID
	if _, err := fmt.Sscan(text, &n); err != nil {
		return false, fmt.Errorf("quarantine %q: %w", id, hashindex.ErrDamaged)
	}
	_, err := visibleReference(r, v, n)
	if errors.Is(err, hashindex.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// ReleaseQuarantine lets hits be recorded again, whatever comes: it is not quarantined a second time.
func (d *Desk) ReleaseQuarantine(ctx context.Context, actor string, v Visible, id string, along ...hashindex.Along[Quarantine]) (q Quarantine, seq hashindex.Seq, err error) {
	seq, err = d.index.Transact(ctx, actor, func(w hashindex.Writer) error {
		q, err = hashindex.LoadRow[Quarantine](w, quarantine, id)
		if err == nil {
			var sees bool
			if sees, err = seesQuarantine(w, v, id); err == nil && !sees {
				err = hashindex.ErrNotFound
			}
		}
		if err != nil {
			return about(err, "quarantine %.100q", id)
		}
		if q.Released {
			return &MoveError{What: id, From: "released", Wanted: "release"}
		}
		q.Released, q.By = true, actor
		return firstOf(hashindex.SaveRow(w, quarantine, id, q), tell(w, QuarantineTopic, id, Moved{From: "quarantined", To: "released"}), hashindex.WriteAlong(w, q, along))
	})
	return q, seq, err
}
