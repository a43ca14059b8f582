package keys

import (
	"math"
	"sync"
	"time"

	"touchstone/hashindex"
)

// Holder is a key in use: how much of its quota is left.
type Holder struct {
	now    func() time.Time
	digest hashindex.Digest

	mu     sync.Mutex // guards what follows
	key    Key
	unsent bool // the last use is not in the store
	tokens float64
	filled time.Time // when tokens was right
	active int
}

// Quota is what a key may still do.
type Quota struct {
	PerMinute int           // 0: no limit, and the rest means nothing
	Remaining int           // requests, at once
	Full      time.Duration // until all of them are there again
}

// OverLimit is a request that a key's limits refuse.
type OverLimit struct {
	Limit string // "requests_per_minute" or "requests_at_once"
	Max   int
	After time.Duration // when to come again
}

func (e *OverLimit) Error() string { return "over the limit " + e.Limit + " of the key" }

// Key is the key as it is now.
func (h *Holder) Key() Key {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.key
}

// Enter takes one request from the quota, or refuses it with an *OverLimit. Leave is called once the
// request is answered.
func (h *Holder) Enter() (quota Quota, leave func(), err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.now()
	h.fill(now)
	if most := h.key.Limits.AtOnce; most > 0 && h.active >= most {
		return h.quota(), nil, &OverLimit{"requests_at_once", most, time.Second}
	}
	if most := h.key.Limits.PerMinute; most > 0 {
		if h.tokens < 1 {
			return h.quota(), nil, &OverLimit{"requests_per_minute", most, h.until(1)}
		}
		h.tokens--
	}
	h.active++
	h.use(now)
	return h.quota(), sync.OnceFunc(h.leave), nil
}

func (h *Holder) leave() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.active--
}

// fill adds what has come since it was called last: the bucket holds a minute's worth.
func (h *Holder) fill(now time.Time) {
	rate := float64(h.key.Limits.PerMinute)
	if h.filled.IsZero() {
		h.tokens = rate
	} else if passed := now.Sub(h.filled); passed > 0 {
		h.tokens = min(rate, h.tokens+rate*passed.Minutes())
	}
	h.filled = now
}

// until is how long the bucket takes to hold so many.
func (h *Holder) until(tokens float64) time.Duration {
	minutes := (tokens - h.tokens) / float64(h.key.Limits.PerMinute)
	return time.Duration(math.Ceil(minutes * float64(time.Minute)))
}

func (h *Holder) quota() Quota {
	most := h.key.Limits.PerMinute
	if most == 0 {
		return Quota{}
	}
	return Quota{most, int(h.tokens), h.until(float64(most))}
}

// use notes the minute: more would have to be stored more often.
func (h *Holder) use(now time.Time) {
	if minute := now.UTC().Truncate(time.Minute); minute.After(h.key.LastUsed) {
		h.key.LastUsed, h.unsent = minute, true
	}
}

// replace takes another state of the key, but for its use.
func (h *Holder) replace(k Key) {
	h.mu.Lock()
	defer h.mu.Unlock()
	k.LastUsed = h.key.LastUsed
	h.key = k
}

// unsaved is the key when its last use is not in the store.
func (h *Holder) unsaved() (Key, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.key, h.unsent
}

// saved notes that the store has that use.
func (h *Holder) saved(used time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.unsent = h.key.LastUsed.After(used)
}
