package bolt

import (
	"os"
	"sync"
	"time"

	"go.etcd.io/bbolt"
)

// opened is the file as bbolt has it open. A store opens it again after a commit that had to be undone, and
// another in its place when it was compacted.
type opened struct {
	*bbolt.DB
	file *os.File // the one that bbolt writes to

	users int           // guarded by door.mu
	left  chan struct{} // closed when the last user leaves; nil: nobody waits for that
}

// door is what everyone goes through who reads the file, so that it can be exchanged behind their backs.
type door struct {
	mu   sync.Mutex // guards all below
	now  *opened    // nil: the file could not be opened again, for the reason lost
	lost error
	shut chan struct{} // not nil while nobody is let in; closed when the door opens
}

// enter is the file that is open now. Whoever is let in leaves it again.
func (d *door) enter() (*opened, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for d.shut != nil {
		shut := d.shut
		d.mu.Unlock()
		<-shut
		d.mu.Lock()
	}
	if d.now == nil {
		return nil, d.lost
	}
	d.now.users++
	return d.now, nil
}

func (d *door) leave(o *opened) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if o.users--; o.users == 0 && o.left != nil {
		close(o.left)
		o.left = nil
	}
}

// open is the file that is open now; nil: none is. Only who holds Store.writing can rely on it.
func (d *door) open() *opened {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.now
}

// patience is how long views keep the file from being opened again, and new ones from being let in meanwhile.
const patience = time.Second

// close lets nobody in any more and reports whether all who were inside have left. Reopen follows in either case.
func (d *door) close() bool {
	d.mu.Lock()
	d.shut = make(chan struct{})
	left := d.now.whenLeft()
	d.mu.Unlock()
	select {
	case <-left:
		return true
	case <-time.After(patience):
		return false
	}
}

// whenLeft is closed once nobody uses the file. The caller holds door.mu.
func (o *opened) whenLeft() <-chan struct{} {
	left := make(chan struct{})
	if o == nil || o.users == 0 {
		close(left)
	} else {
		o.left = left
	}
	return left
}

// reopen lets everyone in to that file; nil: nobody, for the reason lost.
func (d *door) reopen(o *opened, lost error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.now, d.lost = o, lost
	if d.shut != nil {
		close(d.shut)
		d.shut = nil
	}
}

// begin begins a transaction that reads. The caller calls end.
func (s *Store) begin() (o *opened, tx *bbolt.Tx, end func(), err error) {
	o, err = s.door.enter()
	if err != nil {
		if o, err = s.enterAgain(); err != nil {
			return nil, nil, nil, err
		}
	}
	tx, err = guarded(func() (*bbolt.Tx, error) { return o.Begin(false) })
	if err != nil {
		s.door.leave(o)
		return nil, nil, nil, translate(err)
	}
	return o, tx, func() { tx.Rollback(); s.door.leave(o) }, nil
}

// enterAgain opens the file that could not be opened when it was to be.
func (s *Store) enterAgain() (*opened, error) {
	s.writing.Lock()
	defer s.writing.Unlock()
	if s.door.open() == nil {
		if err := s.recover(); err != nil {
			return nil, err
		}
	}
	return s.door.enter()
}

// view runs our own code in a transaction that reads.
func (s *Store) view(read func(*opened, *bbolt.Tx) error) error {
	o, tx, end, err := s.begin()
	if err != nil {
		return err
	}
	defer end()
	_, err = guarded(func() (any, error) { return nil, read(o, tx) })
	return translate(err)
}
