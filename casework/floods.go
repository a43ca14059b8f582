package casework

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/maphash"
	"slices"
	"strings"
	"sync"
	"time"

	"touchstone/hashindex"
)

// floods counts, for references and for pictures asked about, the sellers that new hits came from. It counts in
// memory; each seller counted is a row too, of the hit's transaction, from which the next process counts on.
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
func (d *Desk) watch(w hashindex.Writer, o *Observation, rulings []Ruling) (over []flood, err error) {
	if o.Subject.Seller == "" {
		return nil, nil
	}
	var keys []string
	for i, ruling := range rulings {
		if ruling.New {
			keys = append(keys, referenceKey(o.Matches[i].Reference.ID))
		}
	}
	if !o.Hash.IsZero() {
		keys = append(keys, hashKey(o.Hash))
	}
	p, at := d.Policy(), d.now()
	for _, key := range keys {
		n, since := d.floods.count(key, o.Subject.Seller, at, p)
		if n > p.FloodSellers {
			over = append(over, flood{key, n})
		}
		if since.IsZero() {
			continue
		}
		// Though it was counted before: that may have been by a run of the plan that came to nothing.
		if err := w.PutRow(floodRows, textKey(key)+o.Subject.Seller, encodeSince(since)); err != nil {
			return nil, err
		}
	}
	return over, nil
}

// count is how many sellers the thing was seen with in this window, that one included, and since when; no time where
// that one is not remembered, because enough are.
func (f *floods) count(key, seller string, at time.Time, p Policy) (int, time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := f.seen[key]
	if c == nil || c.over(at, p.FloodWindow.d()) {
		if c == nil && len(f.seen) >= maxCrowds {
			return 0, time.Time{}
		}
		c = &crowd{at, map[uint64]struct{}{}}
		f.seen[key] = c
	}
	hash := maphash.String(f.seed, seller)
	if _, known := c.sellers[hash]; !known {
		if len(c.sellers) > p.FloodSellers { // a flood already, whether it is held or was released
			return len(c.sellers), time.Time{}
		}
		c.sellers[hash] = struct{}{}
	}
	return len(c.sellers), c.since
}

// over reports whether the window has passed, or lies ahead by more than its length: then the clock went back, and
// sellers would be counted for as long as that takes to be made up.
func (c *crowd) over(at time.Time, window time.Duration) bool {
	return windowOver(c.since, at, window)
}

func windowOver(since, at time.Time, window time.Duration) bool {
	age := at.Sub(since)
	return age > window || age < -window
}

// A row of floodRows, of what is counted and a seller, holds since when (microseconds since 1970).
func encodeSince(at time.Time) []byte {
	return binary.BigEndian.AppendUint64(nil, uint64(at.UnixMicro()))
}

func decodeSince(row hashindex.Row) (time.Time, error) {
	if len(row.Value) != 8 {
		return time.Time{}, fmt.Errorf("row %q of %s: %w", row.Key, floodRows, hashindex.ErrDamaged)
	}
	return time.UnixMicro(int64(binary.BigEndian.Uint64(row.Value))).UTC(), nil
}

// remember reads what processes that ended have counted. Where a thing has rows of several windows, because no sweep
// came between them, the last that is not over counts.
func (f *floods) remember(r hashindex.Reader, at time.Time, window time.Duration) error {
	f.seed, f.seen = maphash.MakeSeed(), map[string]*crowd{}
	for row, err := range r.Rows(floodRows, "") {
		if err != nil {
			return err
		}
		since, err := decodeSince(row)
		if err != nil {
			return err
		}
		key, seller, _ := strings.Cut(row.Key, "\x00")
		c := f.seen[key]
		if c == nil || c.over(at, window) && !since.Equal(c.since) || since.After(c.since) && !windowOver(since, at, window) {
			c = &crowd{since, map[uint64]struct{}{}}
			f.seen[key] = c
		}
		if since.Equal(c.since) {
			c.sellers[maphash.String(f.seed, seller)] = struct{}{}
		}
	}
	return nil
}

// forgetAtOnce bounds how many windows go in one transaction.
const forgetAtOnce = 500

// forgetFloods drops windows that are over, and their rows.
func (d *Desk) forgetFloods(ctx context.Context) error {
	at, window := d.now(), d.Policy().FloodWindow.d()
	for keys := range slices.Chunk(d.floods.past(at, window), forgetAtOnce) {
		_, err := d.index.Transact(ctx, "", func(w hashindex.Writer) error {
			for _, key := range keys {
				if err := forgetFlood(w, key, at, window); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		d.floods.forget(keys, at, window)
	}
	return nil
}

// forgetFlood removes the thing's rows of windows that are over: a new one may have begun meanwhile.
func forgetFlood(w hashindex.Writer, key string, at time.Time, window time.Duration) error {
	var over []string
	for row, err := range below(w, floodRows, textKey(key), "") {
		if err != nil {
			return err
		}
		since, err := decodeSince(row)
		if err != nil {
			return err
		}
		if windowOver(since, at, window) {
			over = append(over, textKey(key)+row.Key)
		}
	}
	for _, each := range over {
		if err := w.RemoveRow(floodRows, each); err != nil {
			return err
		}
	}
	return nil
}

// past are the things whose windows are over.
func (f *floods) past(at time.Time, window time.Duration) (keys []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for key, c := range f.seen {
		if c.over(at, window) {
			keys = append(keys, key)
		}
	}
	return keys
}

func (f *floods) forget(keys []string, at time.Time, window time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, key := range keys {
		if c := f.seen[key]; c != nil && c.over(at, window) {
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
