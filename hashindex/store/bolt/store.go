// Package bolt keeps a store in one folder: touchstone.db, a bbolt file that holds the history and
// what is derived from it for look-ups, and blobs/, the pictures under their digests. FORMAT.md
// describes every byte.
//
// One process opens a folder for writing, or several read-only. Views run beside each other and
// beside the one Update, and never wait for it.
package bolt

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/bbolt"

	"touchstone/hashindex"
)

const (
	fileName   = "touchstone.db"
	folderMode = 0o700 // pictures and evidence are nobody else's business
	fileMode   = 0o600
)

// Options of Open. The zero value suits a server.
type Options struct {
	ReadOnly    bool             // several processes may share the folder; it must exist
	LockTimeout time.Duration    // how long to wait for another process; 1 s when zero
	Now         func() time.Time // the creation time of a new store; time.Now when nil

	// MapBytes is the address space reserved for the file, 64 GiB when zero; no memory. A file that
	// outgrows it still works, but an Update then waits for the Views under way, and new Views for it.
	MapBytes int
}

func (o Options) withDefaults() Options {
	if o.LockTimeout == 0 {
		o.LockTimeout = time.Second
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.MapBytes == 0 {
		o.MapBytes = mapBytes
	}
	return o
}

// mapBytes is 64 GiB where addresses have 64 bits, and else what a quarter of them reach.
const mapBytes = int(min(uint64(64<<30), uint64(^uint(0)>>2)))

// Store implements hashindex.Store, Snapshots and Blobs.
type Store struct {
	blobs
	db       *bbolt.DB
	identity identity

	saving sync.Mutex // held by SaveSnapshot: a sweep must not take a save under way for litter

	// uncertain is set when a commit failed after its last write: what was reported as not done may
	// be on the disk. No Update is let in after it until the store is opened again (I1).
	uncertain atomic.Pointer[error]
}

var (
	_ hashindex.Store     = (*Store)(nil)
	_ hashindex.Snapshots = (*Store)(nil)
	_ hashindex.Blobs     = (*Store)(nil)
)

// Open opens the store in the folder and, unless read-only, creates what is missing. The errors
// name the file: ErrNotFound (read-only), ErrLocked, ErrNotOurs, ErrNewer, ErrDamaged, the disk's.
func Open(folder string, options Options) (*Store, error) {
	options = options.withDefaults()
	path := filepath.Join(folder, fileName)
	s, err := open(folder, path, options)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, translate(err))
	}
	return s, nil
}

func open(folder, path string, options Options) (*Store, error) {
	if !options.ReadOnly {
		if err := createIfMissing(folder, path, options); err != nil {
			return nil, err
		}
	}
	if err := recognise(path); err != nil {
		return nil, err
	}
	db, err := openFile(path, options)
	if err != nil {
		return nil, err
	}
	s := &Store{db: db, blobs: blobs{folder: filepath.Join(folder, "blobs"), readOnly: options.ReadOnly}}
	if s.identity, err = readIdentity(db); err != nil {
		return nil, errorsAfter(err, db.Close)
	}
	return s, nil
}

// openFile opens the file with bbolt. The free list is written at every commit: it is short in a
// store that mostly grows, and without it each open would read every page to find the free ones.
func openFile(path string, options Options) (*bbolt.DB, error) {
	var file *os.File
	db, err := guarded(func() (*bbolt.DB, error) {
		return bbolt.Open(path, fileMode, &bbolt.Options{
			Timeout:         options.LockTimeout,
			ReadOnly:        options.ReadOnly,
			FreelistType:    bbolt.FreelistMapType,
			PreLoadFreelist: true, // while a fault is caught; Check would load it where none is
			InitialMmapSize: options.MapBytes,
			OpenFile: func(name string, flag int, mode os.FileMode) (_ *os.File, err error) {
				file, err = os.OpenFile(name, flag&^os.O_CREATE, mode)
				return file, err
			},
		})
	})
	if err != nil && file != nil { // twice does no harm where bbolt has cleaned up itself
		unlock(file)
		file.Close()
	}
	return db, err
}

// Close waits for the transactions under way and releases the file.
func (s *Store) Close() error { return s.db.Close() }

// View implements hashindex.Store.
func (s *Store) View(read func(hashindex.Reader) error) error {
	tx, err := guarded(func() (*bbolt.Tx, error) { return s.db.Begin(false) })
	if err != nil {
		return translate(err)
	}
	defer tx.Rollback()
	r, err := newReader(tx)
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
	w, err := newWriter(tx)
	if err != nil {
		return err
	}
	before := w.head
	if err := write(w); err != nil {
		return err
	}
	if _, err := guarded(func() (any, error) { return nil, w.commit() }); err != nil {
		s.doubt(before, err)
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
func (s *Store) doubt(before hashindex.Seq, cause error) {
	err := s.View(func(r hashindex.Reader) error {
		if now, _ := r.Head(); now != before {
			return cause
		}
		return nil
	})
	if err != nil {
		s.uncertain.Store(&err)
	}
}
