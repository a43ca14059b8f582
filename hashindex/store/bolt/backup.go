package bolt

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"touchstone/hashindex"
	"touchstone/hashindex/store/archive"
)

// Backup writes an archive of the store as it is at this moment: the file, and every picture that a reference has.
// Views and Updates go on; pictures that are removed meanwhile stay until it is done. ErrDamaged when a picture
// is missing or not as it was stored: what to leave out is not for a backup to decide.
func (s *Store) Backup(ctx context.Context, to io.Writer) (archive.Summary, error) {
	s.removals.hold()
	defer s.removals.release(s.blobs)
	var summary archive.Summary
	err := s.View(func(r hashindex.Reader) (err error) {
		w := archive.NewWriter(&stoppable{ctx, to})
		if err := backUpFile(r.(*reader), w); err != nil {
			return err
		}
		if err := s.backUpPictures(r.(*reader), w); err != nil {
			return err
		}
		summary, err = w.End()
		return err
	})
	if err != nil {
		return archive.Summary{}, fmt.Errorf("backup: %w", err)
	}
	return summary, nil
}

// stoppable writes until ctx ends.
type stoppable struct {
	ctx context.Context
	io.Writer
}

func (s *stoppable) Write(p []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	return s.Writer.Write(p)
}

// backUpFile copies the pages of the view's transaction: what is in use at its beginning is not written over while
// it lasts.
func backUpFile(r *reader, w *archive.Writer) error {
	from, to := io.Pipe()
	var copying sync.WaitGroup
	copying.Go(func() {
		_, err := r.tx.WriteTo(to)
		to.CloseWithError(err)
	})
	err := w.File(fileName, r.tx.Size(), from)
	from.CloseWithError(err)
	copying.Wait()
	return err
}

func (s *Store) backUpPictures(r *reader, w *archive.Writer) error {
	collections, err := r.Collections()
	if err != nil {
		return err
	}
	for _, c := range collections {
		for reference, err := range r.References(c.ID, 0) {
			if err != nil {
				return err
			}
			first, err := r.firstWith(reference)
			if err != nil {
				return err
			}
			if !first {
				continue // its picture is with another
			}
			if err := s.backUpPicture(reference.Content, w); err != nil {
				return fmt.Errorf("picture of reference %d: %w", reference.ID, err)
			}
		}
	}
	return nil
}

// firstWith reports whether the reference has a picture and is the one that look-ups of it lead to.
func (r *reader) firstWith(reference hashindex.Reference) (bool, error) {
	if reference.Content.IsZero() {
		return false, nil
	}
	return guarded(func() (bool, error) {
		found, err := r.confirmed(contentDigest(reference.Content), func(o hashindex.Reference) bool { return o.Content == reference.Content })
		return found.ID == reference.ID, err
	})
}

func (s *Store) backUpPicture(d hashindex.Digest, w *archive.Writer) error {
	path := s.path(d)
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return damaged("blob %v is missing", d)
	}
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	content := &proven{file, sha256.New(), d}
	return w.File(blobPath(d), info.Size(), content)
}

// blobPath is where the picture lies in the data folder, as archives write it.
func blobPath(d hashindex.Digest) string { return "blobs/" + d.String()[:2] + "/" + d.String() }

// proven ends with ErrDamaged when what was read is not of the digest.
type proven struct {
	io.Reader
	sum  hash.Hash
	want hashindex.Digest
}

func (p *proven) Read(into []byte) (int, error) {
	n, err := p.Reader.Read(into)
	p.sum.Write(into[:n])
	if err == io.EOF && hashindex.Digest(p.sum.Sum(nil)) != p.want {
		err = damaged("blob %v", p.want)
	}
	return n, err
}

// removals puts off the removal of pictures while somebody backs them up.
type removals struct {
	mu      sync.Mutex // guards all, and is held while files are removed that were put off
	holders int
	waiting map[hashindex.Digest]bool
}

func (r *removals) hold() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.holders++
}

// postpone reports whether the picture is to be left where it is for now.
func (r *removals) postpone(d hashindex.Digest) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.holders == 0 {
		return false
	}
	if r.waiting == nil {
		r.waiting = map[hashindex.Digest]bool{}
	}
	r.waiting[d] = true
	return true
}

// wanted takes back that these are to be removed.
func (r *removals) wanted(contents [][]byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, content := range contents {
		if len(r.waiting) == 0 {
			return
		}
		delete(r.waiting, hashindex.DigestOf(content))
	}
}

// release removes what waited, once nobody holds it any more. What cannot be removed is an orphan.
func (r *removals) release(from blobs) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.holders--; r.holders > 0 {
		return
	}
	for d := range r.waiting {
		from.RemoveBlob(d)
	}
	r.waiting = nil
}

// PutBlobs implements hashindex.Blobs.
func (s *Store) PutBlobs(ctx context.Context, contents [][]byte) error {
	s.removals.wanted(contents)
	return s.blobs.PutBlobs(ctx, contents)
}

// RemoveBlob implements hashindex.Blobs. While a Backup is under way, the picture goes when that is done.
func (s *Store) RemoveBlob(d hashindex.Digest) error {
	if !s.readOnly && s.removals.postpone(d) {
		return nil
	}
	return s.blobs.RemoveBlob(d)
}

// Restore makes the folder from an archive. The folder must be empty or not there. It gets its name only when
// everything in the archive is as it was written, a Check of the store finds nothing, and all of it is on the
// disk. A Restore that was cut off leaves a folder of the name and ".restoring-" beside it, which may be deleted.
func Restore(ctx context.Context, folder string, from io.Reader) (archive.Summary, error) {
	folder = filepath.Clean(folder)
	if err := vacant(folder); err != nil {
		return archive.Summary{}, err
	}
	aside, err := os.MkdirTemp(filepath.Dir(folder), filepath.Base(folder)+restoring+"*")
	if err != nil {
		return archive.Summary{}, err
	}
	summary, err := restoreInto(ctx, aside, from)
	if err == nil {
		err = moveIn(aside, folder)
	}
	if err != nil {
		return archive.Summary{}, errors.Join(fmt.Errorf("restore: %w", err), os.RemoveAll(aside))
	}
	return summary, nil
}

const restoring = ".restoring-"

// vacant reports what stands in the way of a folder of that name.
func vacant(folder string) error {
	entries, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil && len(entries) > 0 {
		return fmt.Errorf("%s is not empty: %w", folder, hashindex.ErrExists)
	}
	return err
}

func restoreInto(ctx context.Context, folder string, from io.Reader) (archive.Summary, error) {
	summary, err := archive.Read(from, func(path string, size int64, content io.Reader) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		return restoreFile(folder, path, content)
	})
	if err != nil {
		return summary, err
	}
	if err := checkRestored(ctx, folder); err != nil {
		return summary, err
	}
	return summary, syncTree(ctx, folder)
}

// restoreFile writes a file that belongs in a data folder, and no other. A picture must be of its name.
func restoreFile(folder, path string, content io.Reader) error {
	if name, picture := strings.CutPrefix(path, "blobs/"); picture {
		d, err := hashindex.ParseDigest(filepath.Base(name))
		if err != nil || path != blobPath(d) {
			return damaged("a file %q in the archive", path)
		}
		content = &proven{content, sha256.New(), d}
	} else if path != fileName {
		return damaged("a file %q in the archive", path)
	}
	path = filepath.Join(folder, filepath.FromSlash(path))
	if err := os.MkdirAll(filepath.Dir(path), folderMode); err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fileMode)
	if errors.Is(err, fs.ErrExist) {
		return damaged("%q is in the archive twice", filepath.Base(path))
	}
	if err != nil {
		return err
	}
	_, err = io.Copy(file, content)
	return errorsAfter(err, file.Close)
}

// checkRestored refuses a store that was damaged before it was backed up.
func checkRestored(ctx context.Context, folder string) error {
	s, err := Open(folder, Options{ReadOnly: true})
	if err != nil {
		return err
	}
	var first *hashindex.Finding
	err = s.Check(ctx, func(f hashindex.Finding) {
		if first == nil {
			first = &f
		}
	})
	if err = errors.Join(err, ctx.Err(), s.Close()); err == nil && first != nil {
		err = damaged("%s", first.What)
	}
	return err
}

// syncTree flushes everything in the folder, and the folder.
func syncTree(ctx context.Context, folder string) error {
	var paths []string
	err := filepath.WalkDir(folder, func(path string, _ fs.DirEntry, err error) error {
		paths = append(paths, path)
		return err
	})
	if err != nil {
		return err
	}
	return together(ctx, len(paths), func(n int) error { return syncFolder(paths[n]) })
}

// moveIn gives the folder its name.
func moveIn(aside, folder string) error {
	if err := os.Remove(folder); err != nil && !errors.Is(err, fs.ErrNotExist) { // an empty one
		return err
	}
	if err := os.Rename(aside, folder); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(folder))
}
