package bolt

import (
	"encoding/binary"
	"fmt"

	"go.etcd.io/bbolt"

	"touchstone/hashindex"
)

// undoing is a failed commit that the disk may have all the same. bbolt's last step writes one of the file's first
// two pages, which take turns in saying where the current tree is, and flushes it. If that fails, nobody knows which
// of the two a power loss would leave; and the operating system may take for written what is not, so that flushing
// once more proves nothing. What the commit was to make of the page is therefore written over: both pages then name
// the tree before it, and once they are flushed the commit never was (I1). Until then no other is let in, for it
// would write where the failed one's pages are.
type undoing struct {
	number int  // of the failed commit
	done   bool // both pages name the tree before it, and are flushed

	// reopen: bbolt has taken up the failed commit's list of free pages, and pages of the tree before it are on it.
	reopen bool
}

// undo undoes the commit of that number, which failed, or leaves that to the next who wants to write.
func (s *Store) undo(o *opened, number int) error {
	s.undoing = &undoing{number: number, reopen: seen(o, number)}
	return s.recover()
}

// seen reports whether whoever begins to read now sees the commit.
func seen(o *opened, number int) bool {
	last, err := guarded(func() (last int, err error) {
		err = o.View(func(tx *bbolt.Tx) error {
			last = tx.ID()
			return nil
		})
		return last, err
	})
	return err != nil || last >= number
}

// recover does what is left to be done of an undoing. The caller holds writing.
func (s *Store) recover() error {
	if s.closed {
		return s.door.lost
	}
	u := s.undoing
	if u == nil {
		return nil
	}
	if err := s.restore(u); err != nil {
		return fmt.Errorf("a failed commit is not undone yet: %w", translate(err))
	}
	s.undoing = nil
	return nil
}

func (s *Store) restore(u *undoing) error {
	if !u.done {
		if err := s.door.open().nameTreeBefore(u.number); err != nil {
			return err
		}
		u.done = true
	}
	if u.reopen {
		return s.openAgain()
	}
	return nil
}

// nameTreeBefore writes over the page that the transaction wrote last, or was to, with the other one.
func (o *opened) nameTreeBefore(transaction int) error {
	size := o.Info().PageSize
	page := make([]byte, size)
	if _, err := o.file.ReadAt(page, int64((transaction+1)%2*size)); err != nil {
		return err
	}
	binary.NativeEndian.PutUint64(page, uint64(transaction%2)) // a page's number is in its head
	if _, err := o.file.WriteAt(page, int64(transaction%2*size)); err != nil {
		return err
	}
	return o.file.Sync()
}

// openAgain has bbolt read the file anew. Views wait for that, but no longer than patience for views that take long.
func (s *Store) openAgain() error {
	if o := s.door.open(); o != nil {
		if !s.door.close() {
			s.door.reopen(o, nil)
			return fmt.Errorf("views of it have not ended: %w", hashindex.ErrBusy)
		}
		if err := o.Close(); err != nil {
			s.door.reopen(nil, err)
			return err
		}
	}
	s.verified.Clear()
	o, err := openFile(s.file, s.options)
	if err != nil {
		s.door.reopen(nil, fmt.Errorf("%s: %w", s.file, translate(err)))
		return err
	}
	s.door.reopen(o, nil)
	return nil
}
