package bolt

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"go.etcd.io/bbolt"
)

// Compact writes the folder's file anew without free pages and puts it in the place of the old one in one step.
// ErrLocked while anybody has it open; ErrDamaged for a file whose pages are not right, which stays as it is.
func Compact(folder string, options Options) (before, after int64, err error) {
	options = options.withDefaults()
	path := filepath.Join(folder, fileName)
	o, err := openOurs(path, options)
	if err != nil {
		return 0, 0, fmt.Errorf("%s: %w", path, translate(err))
	}
	if before, err = sizeOf(path); err == nil {
		err = compact(o.DB, path)
	}
	if err = errorsAfter(err, o.Close); err == nil {
		after, err = sizeOf(path)
	}
	if err != nil {
		return 0, 0, fmt.Errorf("%s: %w", path, translate(err))
	}
	return before, after, nil
}

// openOurs opens a store's file, of whatever format, for this process alone.
func openOurs(path string, options Options) (*opened, error) {
	if err := recognise(path); err != nil {
		return nil, err
	}
	o, err := openFile(path, options)
	if err != nil {
		return nil, err
	}
	if _, err := readIdentity(o.DB); err != nil {
		return nil, errorsAfter(err, o.Close)
	}
	return o, nil
}

func sizeOf(path string) (int64, error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// compactBatch is how much is copied in one transaction: what has to fit in memory.
const compactBatch = 64 << 20

// compact replaces the open file by a smaller one of the same content. The old one, which db goes on having open and
// locked, has no name any more: the caller closes it.
func compact(db *bbolt.DB, path string) error {
	file, err := os.CreateTemp(filepath.Dir(path), fileName+".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name()) // does nothing once it has its name
	if err := file.Close(); err != nil {
		return err
	}
	if err := copyInto(file.Name(), db); err != nil {
		return err
	}
	if err := os.Rename(file.Name(), path); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

// copyInto copies the content and compares both ends. Checksums are copied with what they are of, so that whatever
// else was wrong before is found by a Check after.
func copyInto(path string, from *bbolt.DB) error {
	to, err := bbolt.Open(path, fileMode, &bbolt.Options{FreelistType: bbolt.FreelistMapType, NoSync: true})
	if err != nil {
		return err
	}
	_, err = guarded(func() (any, error) {
		if err := walkAll(from); err != nil {
			return nil, err
		}
		return nil, bbolt.Compact(to, from, compactBatch)
	})
	if err == nil {
		err = to.Sync()
	}
	if err = errorsAfter(err, to.Close); err != nil {
		return err
	}
	return sameHead(path, from)
}

// walkAll walks the pages before bbolt's cursors do, which would follow a wrong number anywhere.
func walkAll(db *bbolt.DB) error {
	file, err := os.Open(db.Path())
	if err != nil {
		return err
	}
	defer file.Close()
	return db.View(func(tx *bbolt.Tx) error {
		err := newPageWalk(file, tx).all(context.Background(), uint64(tx.Cursor().Bucket().Root()), uint64(tx.ID()))
		if broken, ok := errors.AsType[pageDamage](err); ok {
			return damaged("%v", broken)
		}
		return err
	})
}

func sameHead(path string, from *bbolt.DB) error {
	copied, err := openOurs(path, Options{}.withDefaults())
	if err != nil {
		return err
	}
	var heads [2]string
	for i, db := range []*bbolt.DB{from, copied.DB} {
		_, readErr := guarded(func() (any, error) {
			return nil, db.View(func(tx *bbolt.Tx) error {
				heads[i] = string(tx.Bucket([]byte(meta.String())).Get(headKey))
				return nil
			})
		})
		err = errors.Join(err, readErr)
	}
	if err == nil && heads[0] != heads[1] {
		err = damaged("the copy ends at another change")
	}
	return errorsAfter(err, copied.Close)
}

// A file is compacted when it is opened for writing if more than half of it is free, and if that gives back more than
// a little and takes a few seconds at most.
const (
	wasteful    = 32 << 20
	quickToCopy = 256 << 20
)

func wastes(db *bbolt.DB) bool {
	stats, pageSize := db.Stats(), db.Info().PageSize
	free := int64(stats.FreePageN+stats.PendingPageN) * int64(pageSize)
	size := int64(0)
	err := db.View(func(tx *bbolt.Tx) error {
		size = tx.Size()
		return nil
	})
	return err == nil && 2*free > size && free > wasteful && size-free < quickToCopy
}

// slimmed is the file, compacted where that is worth it. Whatever keeps it from being so, such as a full disk, keeps
// nobody from working with it as it is; but what has no name any more is not worked with.
func slimmed(o *opened, path string, options Options) (*opened, error) {
	if options.ReadOnly || !wastes(o.DB) {
		return o, nil
	}
	failed := compact(o.DB, path)
	named, err := hasName(o.file, path)
	if failed != nil && named {
		return o, nil
	}
	if err = errors.Join(failed, err, o.Close()); err != nil {
		return nil, err
	}
	return openFile(path, options)
}
