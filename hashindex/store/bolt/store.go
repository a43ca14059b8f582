// Package bolt keeps a store in one folder: touchstone.db, a bbolt file that holds the history and
// what is derived from it for look-ups, and blobs/, the pictures under their digests. FORMAT.md
// describes every byte.
//
// One process opens a folder for writing, or several read-only. Views run beside each other and
// beside the one Update, and never wait for it.
package bolt

import (
	"fmt"
	"sync"
	"sync/atomic"

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
	db       *bbolt.DB
	identity identity

	// saving is held by SaveSnapshot and SaveRun: a sweep must not take a save under way for litter.
	saving   sync.Mutex
	verified sync.Map // run id -> verified
	removals removals

	// uncertain is set when a commit failed after its last write: what was reported as not done may
	// be on the disk. No Update is let in after it until the store is opened again (I1).
	uncertain atomic.Pointer[error]
}

var (
	_ hashindex.Store     = (*Store)(nil)
	_ hashindex.Snapshots = (*Store)(nil)
	_ hashindex.Pages     = (*Store)(nil)
	_ hashindex.Blobs     = (*Store)(nil)
)

// Close waits for the transactions under way and releases the file.
func (s *Store) Close() error { return s.db.Close() }

// View implements hashindex.Store.
func (s *Store) View(read func(hashindex.Reader) error) error {
	tx, err := guarded(func() (*bbolt.Tx, error) { return s.db.Begin(false) })
	if err != nil {
		return translate(err)
	}
	defer tx.Rollback()
	r, err := newReader(tx, s.identity.format)
	if err != nil {
		return err
	}
	return read(r)
}

// Update implements hashindex.Store: one bbolt transaction, two flushes of the disk.
func (s *Store) Update(write func(hashindex.Writer) error) error {
	if err := s.writable(); err != nil {
		return err
	}
	tx, err := guarded(func() (*bbolt.Tx, error) { return s.db.Begin(true) })
	if err != nil {
		return translate(err)
	}
	defer tx.Rollback() // does nothing after a commit
	w, err := newWriter(tx, s.identity.format)
	if err != nil {
		return err
	}
	number := tx.ID()
	if err := write(w); err != nil {
		return err
	}
	if _, err := guarded(func() (any, error) { return nil, w.commit() }); err != nil {
		s.doubt(number, err)
		return fmt.Errorf("commit: %w", translate(err))
	}
	return nil
}

func (s *Store) writable() error {
	if s.readOnly {
		return hashindex.ErrReadOnly
	}
	if err := s.uncertain.Load(); err != nil {
		return fmt.Errorf("an earlier commit is neither done nor undone, open the store again: %w", *err)
	}
	return nil
}

// doubt finds out whether the failed commit can be seen. bbolt takes up the new root as soon as it
// is written, even if the flush that should make it last fails.
func (s *Store) doubt(failed int, cause error) {
	_, err := guarded(func() (any, error) {
		return nil, s.db.View(func(tx *bbolt.Tx) error {
			if tx.ID() >= failed {
				return cause
			}
			return nil
		})
	})
	if err != nil {
		s.uncertain.Store(&err)
	}
}
