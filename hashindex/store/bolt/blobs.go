package bolt

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"touchstone/hashindex"
)

// blobs keeps each content in a file named by its digest, in a folder named by the digest's first
// byte. A name is 64 hex digits and nothing else, so none leads out of the folder.
type blobs struct {
	folder   string
	readOnly bool
}

// syncers is how many files are flushed at a time: the disk's journal takes many in one write.
const syncers = 16

// PutBlobs implements hashindex.Blobs. A file gets its name only when its bytes are on the disk, so
// one that is there with the right size is whole. Its folder is flushed even then: another call, or
// a process that died, may have renamed it a moment ago. That costs nothing when nothing changed.
func (b blobs) PutBlobs(ctx context.Context, contents [][]byte) error {
	if b.readOnly {
		return hashindex.ErrReadOnly
	}
	if len(contents) == 0 {
		return nil
	}
	folders := make([]string, len(contents))
	err := together(ctx, len(contents), func(n int) error {
		path := b.path(hashindex.DigestOf(contents[n]))
		folders[n] = filepath.Dir(path)
		return putBlob(path, contents[n])
	})
	if err != nil {
		return fmt.Errorf("blobs: %w", err)
	}
	folders = distinct(append(folders, b.folder, filepath.Dir(b.folder)))
	return together(ctx, len(folders), func(n int) error { return syncFolder(folders[n]) })
}

func putBlob(path string, content []byte) error {
	info, err := os.Lstat(path)
	if err == nil && info.Mode().IsRegular() && info.Size() == int64(len(content)) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), folderMode); err != nil {
		return err
	}
	temporary, err := writeSynced(filepath.Dir(filepath.Dir(path)), content)
	if err != nil {
		return err
	}
	if err := os.Rename(temporary, path); err != nil {
		return errors.Join(err, os.Remove(temporary))
	}
	return nil
}

func writeSynced(folder string, content []byte) (string, error) {
	file, err := os.CreateTemp(folder, "new-*")
	if err != nil {
		return "", err
	}
	_, err = file.Write(content)
	if err == nil {
		err = file.Sync()
	}
	if err = errorsAfter(err, file.Close); err != nil {
		return "", errors.Join(err, os.Remove(file.Name()))
	}
	return file.Name(), nil
}

// Blob implements hashindex.Blobs: ErrNotFound, or ErrDamaged when the bytes are not those of the
// digest.
func (b blobs) Blob(d hashindex.Digest) ([]byte, error) {
	content, err := os.ReadFile(b.path(d))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, notFound("blob", d.String())
	}
	if err != nil {
		return nil, err
	}
	if hashindex.DigestOf(content) != d {
		return nil, damaged("blob %v", d)
	}
	return content, nil
}

// RemoveBlob implements hashindex.Blobs. A power loss may bring the file back, as an orphan.
func (b blobs) RemoveBlob(d hashindex.Digest) error {
	if b.readOnly {
		return hashindex.ErrReadOnly
	}
	err := os.Remove(b.path(d))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func (b blobs) path(d hashindex.Digest) string {
	name := d.String()
	return filepath.Join(b.folder, name[:2], name)
}

// each calls visit with every blob's digest, in no particular order.
func (b blobs) each(ctx context.Context, visit func(hashindex.Digest) error) error {
	err := filepath.WalkDir(b.folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return errors.Join(err, ctx.Err())
		}
		d, err := hashindex.ParseDigest(entry.Name())
		if err != nil || b.path(d) != path {
			return nil // not one of ours: a file under way, or one that somebody put there
		}
		return visit(d)
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil // no blob was ever put
	}
	return err
}

// together does n things, some at a time, and returns what went wrong.
func together(ctx context.Context, n int, do func(n int) error) error {
	var wait sync.WaitGroup
	slots := make(chan struct{}, syncers)
	errs := make([]error, n)
	for i := range n {
		if errs[i] = ctx.Err(); errs[i] != nil {
			break
		}
		slots <- struct{}{}
		wait.Go(func() {
			errs[i] = do(i)
			<-slots
		})
	}
	wait.Wait()
	return errors.Join(errs...)
}

func distinct(paths []string) []string {
	seen := map[string]bool{}
	var once []string
	for _, path := range paths {
		if !seen[path] {
			seen[path] = true
			once = append(once, path)
		}
	}
	return once
}
