// Package bolt keeps a store in one folder: touchstone.db, a bbolt file that holds the history and
// what is derived from it for look-ups, and blobs/, the pictures under their digests. FORMAT.md
// describes every byte.
//
// One process opens a folder for writing, or several read-only. Views run beside each other and
// beside the one Update, and never wait for it.
package bolt

import (
	"errors"
	"fmt"
	"sync"

	"go.etcd.io/bbolt"

	"touchstone/hashindex"
)

const (
	fileName   = "touchstone.db"
	folderMode = 0o700 // pictures and evidence are nobody else's business
	fileMode   = 0o600
)

// Store implements hashindex.Store, Snapshots, Pages and Blobs.
type Store struct {
	blobs
	file     string // its path
	options  Options
	identity identity
	door     door

	// writing is held by whoever writes to the file or exchanges it. Lock order: saving, writing, door.mu.
	writing sync.Mutex
	undoing *undoing // guarded by writing: nil when nothing is to be undone
	closed  bool     // guarded by writing

	// saving is held by SaveSnapshot and SaveRun: a sweep must not take a save under way for litter.
	saving   sync.Mutex
	verified sync.Map // run id -> verified
	removals removals
}

var (
	_ hashindex.Store     = (*Store)(nil)
	_ hashindex.Snapshots = (*Store)(nil)
	_ hashindex.Pages     = (*Store)(nil)
	_ hashindex.Blobs     = (*Store)(nil)
)

// Close waits for the transactions under way and releases the file.
func (s *Store) Close() error {
	s.writing.Lock()
	defer s.writing.Unlock()
	o := s.door.open()
	s.closed = true
	s.door.reopen(nil, hashindex.ErrClosed)
	if o == nil {
		return nil
	}
	return o.Close()
}

// View implements hashindex.Store.
func (s *Store) View(read func(hashindex.Reader) error) error {
	_, tx, end, err := s.begin()
	if err != nil {
		return err
	}
	defer end()
	r, err := newReader(tx, s.identity.format)
	if err != nil {
		return err
	}
	return read(r)
}

// Update implements hashindex.Store: one bbolt transaction, two flushes of the disk.
func (s *Store) Update(write func(hashindex.Writer) error) error {
	return s.commit(func(tx *bbolt.Tx) (func() error, error) {
		w, err := newWriter(tx, s.identity.format)
		if err != nil {
			return nil, err
		}
		return w.finish, write(w)
	})
}

// write runs our own code in a transaction.
func (s *Store) write(do func(*bbolt.Tx) error) error {
	return s.commit(func(tx *bbolt.Tx) (func() error, error) {
		_, err := guarded(func() (any, error) { return nil, do(tx) })
		return func() error { return nil }, translate(err)
	})
}

// commit carries out what do does, and then what it returns, in one transaction. Do may run a caller's code.
func (s *Store) commit(do func(*bbolt.Tx) (last func() error, err error)) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	o, err := s.writable()
	if err != nil {
		return err
	}
	tx, err := guarded(func() (*bbolt.Tx, error) { return o.Begin(true) })
	if err != nil {
		return translate(err)
	}
	defer tx.Rollback() // does nothing after a commit
	number := tx.ID()
	last, err := do(tx)
	if err != nil {
		return err
	}
	_, err = guarded(func() (any, error) {
		if err := last(); err != nil {
			return nil, err
		}
		return nil, tx.Commit()
	})
	if err != nil {
		tx.Rollback() // one that panicked is under way
		return fmt.Errorf("commit: %w", translate(errors.Join(err, s.undo(o, number))))
	}
	return nil
}

// writable is the file once nothing of it is to be undone any more.
func (s *Store) writable() (*opened, error) {
	if s.readOnly {
		return nil, hashindex.ErrReadOnly
	}
	if err := s.recover(); err != nil {
		return nil, err
	}
	return s.door.open(), nil
}
