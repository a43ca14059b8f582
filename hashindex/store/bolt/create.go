package bolt

import (
	"errors"
	"os"
	"path/filepath"

	"go.etcd.io/bbolt"

	"touchstone/hashindex"
)

// createIfMissing makes a new store's file under another name and gives it its own only when it is
// whole and on the disk, so that a crash leaves a store or none.
func createIfMissing(folder, path string, options Options) error {
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(folder, folderMode); err != nil {
		return err
	}
	temporary, err := writeNew(folder, options)
	if err != nil {
		return err
	}
	defer os.Remove(temporary)
	if err := publish(temporary, path); err != nil {
		return err
	}
	return errors.Join(syncFolder(folder), syncFolder(filepath.Dir(folder)))
}

func writeNew(folder string, options Options) (string, error) {
	file, err := os.CreateTemp(folder, fileName+".new-*")
	if err != nil {
		return "", err
	}
	if err := file.Close(); err != nil {
		return "", err
	}
	db, err := bbolt.Open(file.Name(), fileMode, &bbolt.Options{FreelistType: bbolt.FreelistMapType})
	if err == nil {
		err = errorsAfter(db.Update(func(tx *bbolt.Tx) error { return layOut(tx, options) }), db.Close)
	}
	if err != nil {
		os.Remove(file.Name())
		return "", err
	}
	return file.Name(), nil
}

// layOut writes what a store holds before its first change.
func layOut(tx *bbolt.Tx, options Options) error {
	for _, name := range bucketNames {
		if _, err := tx.CreateBucket([]byte(name)); err != nil {
			return err
		}
	}
	b := tx.Bucket([]byte(meta.String()))
	now := identity{format: Format, created: options.Now()}
	if err := b.Put(identityKey, appendChecksum(identityKey, now.append(nil))); err != nil {
		return err
	}
	return putHead(b, 0, hashindex.Digest{})
}

// publish gives the file its name. A link, unlike a rename, refuses to replace a store that another
// process made meanwhile; that one is then opened. Where there are no links, a rename must do.
func publish(temporary, path string) error {
	err := os.Link(temporary, path)
	if err == nil || errors.Is(err, os.ErrExist) {
		return nil
	}
	return os.Rename(temporary, path)
}

func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errorsAfter(folder.Sync(), folder.Close)
}

// errorsAfter closes whatever came before.
func errorsAfter(err error, close func() error) error { return errors.Join(err, close()) }
