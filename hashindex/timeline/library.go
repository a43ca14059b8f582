package timeline

import (
	"errors"
	"sync"
	"time"

	"touchstone/hashindex"
)

// Library is the references that followers of one index have lately met: a thousand streams that show one
// film hold it once. It is safe for concurrent use.
type Library struct {
	index *hashindex.Index
	now   func() time.Time

	mu     sync.Mutex // guards what follows
	known  map[hashindex.ReferenceID]known
	frames int // of all of them
}

// known is a reference as it was read then; not there: it is not to be answered.
type known struct {
	hashindex.Reference
	there bool
	until time.Time
}

const (
	// knownLife is how long a reference is believed to be as it was read: one that is disabled, or removed,
	// is answered no longer than that by a timeline that has found it.
	knownLife = 10 * time.Second

	// maxKnown and maxKnownFrames bound what is held: some 50 MiB.
	maxKnown       = 4096
	maxKnownFrames = 200_000
)

// NewLibrary is an empty one.
func NewLibrary(index *hashindex.Index, now func() time.Time) *Library {
	return &Library{index: index, now: now, known: map[hashindex.ReferenceID]known{}}
}

// Follow is a Follower without frames. Of the query the picture is not used.
func (l *Library) Follow(query hashindex.Query, rules Rules) *Follower {
	f := &Follower{library: l, index: l.index, query: query, credit: 1}
	f.timeline = New(rules, f.reference)
	return f
}

// reference is the reference if it may be answered now.
func (l *Library) reference(id hashindex.ReferenceID) (hashindex.Reference, bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	if k, ok := l.known[id]; ok && now.Before(k.until) {
		return k.Reference, k.there, nil
	}
	r, _, err := l.index.Reference(id)
	k := known{Reference: r, there: err == nil && r.Enabled(now), until: now.Add(knownLife)}
	if errors.Is(err, hashindex.ErrNotFound) {
		err = nil
	}
	if err == nil {
		l.keep(id, k)
	}
	return k.Reference, k.there, err
}

func (l *Library) keep(id hashindex.ReferenceID, k known) {
	if len(l.known) >= maxKnown || l.frames+len(k.Frames) > maxKnownFrames {
		clear(l.known)
		l.frames = 0
	}
	l.frames += len(k.Frames) - len(l.known[id].Frames)
	l.known[id] = k
}
