package bolt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"go.etcd.io/bbolt"

	"touchstone/hashindex"
)

// Check implements hashindex.Store. It works outward: first the pages, which nothing can be read
// without, then the history, then what is derived from it, then the pictures. The error is ctx's
// or the disk's; everything else is a finding. Views and Updates go on meanwhile.
func (s *Store) Check(ctx context.Context, found func(hashindex.Finding)) error {
	o, tx, end, err := s.begin()
	if err != nil {
		return err
	}
	defer end()
	c := &checker{ctx: ctx, tx: tx, format: s.identity.format, report: found}
	steps := []func() error{
		func() error { return c.pages(o.file) },
		c.history,
		c.derived,
		c.rows,
		func() error { return c.pictures(s) },
		func() error { return c.snapshots(s) },
		func() error { return c.runs(s) },
	}
	for _, step := range steps {
		if _, err := guarded(func() (any, error) { return nil, step() }); errors.Is(err, hashindex.ErrDamaged) {
			c.found("store", "%v", err)
		} else if err != nil {
			return err
		}
		if c.unreadable || ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}

// checker is one Check under way.
type checker struct {
	ctx    context.Context
	tx     *bbolt.Tx
	format uint32
	r      *reader
	report func(hashindex.Finding)

	// unreadable stops the check: bbolt follows page numbers blindly, and a circle of them for ever.
	unreadable bool

	// What the history says, gathered for the later steps.
	latest      map[hashindex.ReferenceID]hashindex.Seq // of references that changed; 0: removed
	collections map[hashindex.CollectionID]hashindex.Seq
	created     hashindex.CollectionID // the highest id ever
	live        int                    // references there are
	pictured    map[hashindex.Digest]bool
	featured    int // frames with features
}

func (c *checker) found(invariant, format string, args ...any) {
	c.report(hashindex.Finding{Invariant: invariant, What: fmt.Sprintf(format, args...)})
}

func (c *checker) pages(file io.ReaderAt) error {
	walk := newPageWalk(file, c.tx)
	err := walk.all(c.ctx, uint64(c.tx.Cursor().Bucket().Root()), uint64(c.tx.ID()))
	var broken pageDamage
	if errors.As(err, &broken) {
		c.found("store", "%v", broken)
		c.unreadable = true
		return nil
	}
	return err
}

// pictures reads the blob of every content that a live reference has.
func (c *checker) pictures(s *Store) error {
	for d := range c.pictured {
		if c.ctx.Err() != nil {
			return nil
		}
		_, err := s.Blob(d)
		if errors.Is(err, hashindex.ErrNotFound) && !s.stillHolds(d) {
			continue // removed since this check began
		}
		if err != nil {
			c.found("store", "%v", err)
		}
	}
	return nil
}

func (s *Store) stillHolds(d hashindex.Digest) (held bool) {
	err := s.View(func(r hashindex.Reader) (err error) {
		held, err = r.Holds(d)
		return err
	})
	return held || err != nil
}

func (c *checker) snapshots(s *Store) error {
	var all []string
	err := c.r.open[snapshots].ForEach(func(name, _ []byte) error {
		all = append(all, string(name))
		return nil
	})
	for _, name := range all {
		if _, _, err := loadSnapshot(c.tx, name); err != nil {
			c.found("store", "%v", err)
		}
	}
	return err
}

// runs reads every page of every run. What the pages mean is known to those whose they are.
func (c *checker) runs(s *Store) error {
	if c.r.open[runs] == nil {
		return nil
	}
	var all []string
	err := c.r.open[runs].ForEach(func(key, _ []byte) error {
		name, _, ok := bytes.Cut(key, []byte{0})
		if !ok || len(key) != len(name)+9 {
			return damaged("run %x", key)
		}
		if n := len(all); n == 0 || all[n-1] != string(name) {
			all = append(all, string(name))
		}
		return nil
	})
	for _, name := range all {
		found, err := s.runsOf(c.tx, name)
		if err != nil {
			c.found("store", "%v", err)
		}
		for _, run := range found {
			s.verified.Delete(run.ID) // what was right when it was first read may not be any more
			if err := c.pagesOf(s, run); err != nil {
				c.found("store", "run of %q after change %d: %v", name, run.After, err)
			}
		}
	}
	return err
}

func (c *checker) pagesOf(s *Store, run hashindex.Run) error {
	p := &pageRun{id: run.ID, pages: run.Pages, tx: c.tx, verified: make(verified, run.Pages/64+1)}
	for n := range run.Pages {
		if _, err := p.find(n); err != nil || c.ctx.Err() != nil {
			return err
		}
	}
	return nil
}

// Orphans lists the blobs that nothing keeps: what a crash between storing a picture and
// registering it leaves. A picture on its way in looks like one, so ask only a quiet store.
func (s *Store) Orphans(ctx context.Context) ([]hashindex.Digest, error) {
	var orphans []hashindex.Digest
	err := s.View(func(r hashindex.Reader) error {
		return s.each(ctx, func(d hashindex.Digest) error {
			held, err := hashindex.Held(r, d)
			if !held && err == nil {
				orphans = append(orphans, d)
			}
			return err
		})
	})
	return orphans, err
}
