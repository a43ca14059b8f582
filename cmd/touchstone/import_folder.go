package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"touchstone/api/client"
)

// found is a file in the folder.
type found struct {
	path, name string // name: the path in the folder, with slashes
	size       int64
}

// folder adds every file, several batches at a time.
func (im *importer) folder(ctx context.Context, root string) error {
	limits, err := im.client.Limits(ctx)
	if err != nil {
		return err
	}
	files, err := im.scan(ctx, root)
	if err != nil {
		return err
	}
	im.report.Files = len(files) + im.report.Refused
	im.bar = im.app.bar(int64(len(files)), im.unit)

	// The first error that is not about one file stops the feeding; so does ctrl-C. Batches on
	// their way are seen through, so that the summary counts what was acknowledged.
	feeding, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	batches := make(chan []found)
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) + 1 { // one more, to read and to wait for the disk
		workers.Go(func() {
			for batch := range batches {
				if err := im.batch(context.WithoutCancel(ctx), batch, limits["image_bytes"]); err != nil {
					fail(err)
				}
			}
		})
	}
	feed(feeding, files, batches)
	close(batches)
	workers.Wait()
	if ctx.Err() != nil {
		return nil // finish says so
	}
	return context.Cause(feeding)
}

// feed cuts the files into batches until there are none left or ctx ends.
func feed(ctx context.Context, files []found, batches chan<- []found) {
	for len(files) > 0 {
		n, size := 0, int64(0)
		for n < min(len(files), batchImages) && (n == 0 || size+files[n].size <= batchBytes) {
			size += files[n].size
			n++
		}
		select {
		case batches <- files[:n]:
		case <-ctx.Done():
			return
		}
		files = files[n:]
	}
}

// scan lists the files to be added, in the order of their names.
func (im *importer) scan(ctx context.Context, root string) (files []found, err error) {
	if root, err = filepath.EvalSymlinks(root); err != nil {
		return nil, err
	}
	return files, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		name, _ := filepath.Rel(root, path) // path is below root
		name = filepath.ToSlash(name)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil && path == root:
			return err
		case err != nil: // a folder that cannot be read
			im.refuse(name, nameless(err))
			return nil
		case path != root && strings.HasPrefix(entry.Name(), "."):
			return skip(entry)
		case entry.IsDir():
			return nil
		}
		info, err := os.Stat(path) // of what a link leads to
		if err != nil {
			im.refuse(name, nameless(err))
		} else if info.Mode().IsRegular() {
			files = append(files, found{path, name, info.Size()})
		}
		return nil
	})
}

func skip(entry fs.DirEntry) error {
	if entry.IsDir() {
		return fs.SkipDir
	}
	return nil
}

// batch adds what is new among the files.
func (im *importer) batch(ctx context.Context, files []found, most int64) error {
	defer im.bar.add(len(files))
	var news []client.Image
	for _, file := range files {
		content, err := im.app.readFile(file.path, most)
		if err != nil {
			im.refuse(file.name, err)
			continue
		}
		there, err := im.known.picture(file.name, digest(content))
		switch {
		case err != nil:
			im.refuse(file.name, err)
		case there:
			im.count(func(r *importReport) { r.Skipped++ })
		default:
			news = append(news, client.Image{Name: filepath.Base(file.path), ExternalID: file.name, Content: content})
		}
	}
	return sendGood(news,
		func(images []client.Image) error { return im.add(ctx, images) },
		func(image client.Image, problem *client.Problem) { im.settle(ctx, image, problem) })
}

func digest(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

// busyAttempts and busyDelay bound how long an import waits for a server that is busy.
const (
	busyAttempts = 60
	busyDelay    = time.Second
)

func (im *importer) add(ctx context.Context, images []client.Image) error {
	for attempt := 1; ; attempt++ {
		added, err := im.client.AddImages(ctx, im.collection, images)
		if problem, ok := errors.AsType[*client.Problem](err); ok && problem.Status == 503 && attempt < busyAttempts {
			time.Sleep(max(problem.RetryAfter, busyDelay))
			continue
		}
		if err != nil {
			return err
		}
		im.count(func(r *importReport) {
			r.Added += len(added.References)
			for _, reference := range added.References {
				r.Poor += one(!reference.Searchable)
				r.Conflicts += one(len(reference.Conflicts) > 0)
			}
		})
		return nil
	}
}

func one(counts bool) int {
	if counts {
		return 1
	}
	return 0
}

// settle says what became of a picture that the server refused. One whose name is taken may be this
// very picture: another import adds it, or the answer to an earlier request was lost.
func (im *importer) settle(ctx context.Context, image client.Image, problem *client.Problem) {
	if problem.Status != 409 {
		im.refuse(image.ExternalID, problem)
		return
	}
	there, err := im.client.ReferenceNamed(ctx, im.collection, image.ExternalID)
	switch {
	case err != nil:
		im.refuse(image.ExternalID, fmt.Errorf("%w; %w", problem, err))
	case there.Content == digest(image.Content):
		im.count(func(r *importReport) { r.Skipped++ })
	default:
		im.refuse(image.ExternalID, errTaken)
	}
}
