// Package memory keeps a store in maps: the twin of bolt, for tests and for what need not last.
// It holds each change as the same bytes, so that equal histories have equal digests.
package memory

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"touchstone/hashindex"
)

// Store implements hashindex.Store, Snapshots, Pages and Blobs. The zero Store is empty and ready.
//
// Nothing in a state is ever taken out or changed, only added under a higher Seq; a picture of the
// store is a state and the Seq up to which it is read. So Views and the Update need no copies.
type Store struct {
	writing sync.Mutex // held by Update from start to end; taken before mu

	mu        sync.RWMutex // guards what follows, and the insides of every state
	state     *state
	head      hashindex.Seq              // of the last committed change
	rows      map[string][]hashindex.Row // by table, ascending by key; maps and lists are replaced, never changed
	closed    bool
	snapshots map[string]snapshot
	runs      map[string][]hashindex.Run // oldest first; lists are replaced, never changed
	lastRun   uint64
	blobs     map[hashindex.Digest][]byte
}

type snapshot struct {
	seq   hashindex.Seq
	state []byte
}

var (
	_ hashindex.Store     = (*Store)(nil)
	_ hashindex.Snapshots = (*Store)(nil)
	_ hashindex.Pages     = (*Store)(nil)
	_ hashindex.Blobs     = (*Store)(nil)
)

// New returns an empty store.
func New() *Store { return &Store{} }

// View implements hashindex.Store.
func (s *Store) View(read func(hashindex.Reader) error) error {
	r, err := s.picture()
	if err != nil {
		return err
	}
	return read(r)
}

// Update implements hashindex.Store. What write appended before an error or a panic lies beyond
// every picture's head; the state is then made anew from what was committed.
func (s *Store) Update(write func(hashindex.Writer) error) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	r, err := s.picture()
	if err != nil {
		return err
	}
	w := &writer{reader: r, own: map[string]bool{}}
	committed := false
	defer func() {
		if !committed {
			s.undo()
		}
	}()
	if err := write(w); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.head, s.rows, committed = w.head, w.rows, true
	return nil
}

// picture is a reader of what is committed now.
func (s *Store) picture() (*reader, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, hashindex.ErrClosed
	}
	if s.state == nil {
		s.state = newState()
	}
	return &reader{mu: &s.mu, state: s.state, head: s.head, rows: s.rows}, nil
}

// undo leaves the old state to the Views that have it.
func (s *Store) undo() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.state.records) > int(s.head) {
		s.state = replay(s.state.records[:s.head], s.state.features)
	}
}

// Check implements hashindex.Store: the history must be a chain (I1), and the features those of
// their digests.
func (s *Store) Check(ctx context.Context, found func(hashindex.Finding)) error {
	return s.View(func(r hashindex.Reader) error {
		var prev hashindex.Digest
		next := hashindex.Seq(1)
		for c, err := range r.Changes(0) {
			if err != nil {
				found(hashindex.Finding{Invariant: "store", What: err.Error()})
				return ctx.Err()
			}
			if c.Seq != next || c.Prev != prev {
				found(hashindex.Finding{Invariant: "I1", What: "the chain of changes is broken"})
			}
			prev, next = c.Digest, c.Seq+1
			if c.Kind == hashindex.ReferenceAdded {
				checkFeatures(r, c.Reference, found)
			}
		}
		return ctx.Err()
	})
}

func checkFeatures(r hashindex.Reader, added hashindex.Reference, found func(hashindex.Finding)) {
	for n, frame := range added.Frames {
		encoded, err := r.Features(hashindex.FrameOf(added.ID, n))
		if err == nil && hashindex.DigestOf(encoded) != frame.Features {
			found(hashindex.Finding{Invariant: "store", What: fmt.Sprintf("features of frame %d of reference %d", n, added.ID)})
		}
	}
}

// Close implements hashindex.Store.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return nil
}

// SaveSnapshot implements hashindex.Snapshots.
func (s *Store) SaveSnapshot(name string, seq hashindex.Seq, state []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.snapshots == nil {
		s.snapshots = map[string]snapshot{}
	}
	s.snapshots[name] = snapshot{seq, slices.Clone(state)}
	return nil
}

// LoadSnapshot implements hashindex.Snapshots.
func (s *Store) LoadSnapshot(name string) (hashindex.Seq, []byte, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	saved, ok := s.snapshots[name]
	if !ok {
		return 0, nil, notFound("snapshot", name)
	}
	return saved.seq, slices.Clone(saved.state), nil
}

// PutBlobs implements hashindex.Blobs.
func (s *Store) PutBlobs(ctx context.Context, contents [][]byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.blobs == nil {
		s.blobs = map[hashindex.Digest][]byte{}
	}
	for _, content := range contents {
		s.blobs[hashindex.DigestOf(content)] = slices.Clone(content)
	}
	return ctx.Err()
}

// Blob implements hashindex.Blobs.
func (s *Store) Blob(d hashindex.Digest) ([]byte, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	content, ok := s.blobs[d]
	if !ok {
		return nil, notFound("blob", d)
	}
	return slices.Clone(content), nil
}

// RemoveBlob implements hashindex.Blobs.
func (s *Store) RemoveBlob(d hashindex.Digest) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.blobs, d)
	return nil
}
