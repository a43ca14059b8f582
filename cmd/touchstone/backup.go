package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"touchstone/api/client"
	"touchstone/hashindex"
	"touchstone/hashindex/store/archive"
	"touchstone/hashindex/store/bolt"
)

// archived is what backup and restore print.
type archived struct {
	File   string `json:"file"`
	Folder string `json:"folder,omitempty"` // that was restored
	Files  int    `json:"files"`
	Bytes  int64  `json:"bytes"` // of those files
	SHA256 string `json:"sha256"`
}

func newArchived(file string, s archive.Summary) archived {
	return archived{File: file, Files: s.Files, Bytes: s.Bytes, SHA256: s.Digest.String()}
}

func (a archived) text() string {
	return fmt.Sprintf("%s: %s, %s, seal %s", a.File, plural(a.Files, "file"), bytesText(a.Bytes), a.SHA256)
}

func (a *app) backupCommand() *cobra.Command {
	verb := a.verb("backup FILE", "Write everything that a store holds to one file", cobra.ExactArgs(1), func(ctx context.Context, args []string) error {
		return a.connect(ctx, reading, func(c *client.Client) error { return a.backup(ctx, c, args[0]) })
	})
	verb.Long = `Write the store as it is at this moment, pictures and keys included, to a file that must not be there
yet, or with - to standard output. A server goes on answering and taking writes meanwhile. The file
gets its name once all of it has been verified and is on the disk; its last checksum, the seal,
is printed. Whoever has the file has the store: keep it as safe.`
	return verb
}

func (a *app) backup(ctx context.Context, c *client.Client, file string) error {
	from, err := c.Backup(ctx)
	if err != nil {
		return err
	}
	defer from.Close()
	if file == "-" {
		_, err := copyVerified(from, a.stdout)
		return err
	}
	var summary archive.Summary
	err = writeWhole(file, func(to io.Writer) (err error) {
		summary, err = copyVerified(from, to)
		return err
	})
	if err != nil {
		return err
	}
	result := newArchived(file, summary)
	return a.print(result, result.text())
}

// copyVerified copies an archive and reads what it copies.
func copyVerified(from io.Reader, to io.Writer) (archive.Summary, error) {
	return archive.Read(io.TeeReader(from, to), func(string, int64, io.Reader) error { return nil })
}

// writeWhole makes a file that is there once write has succeeded and all is on the disk, or not at all.
func writeWhole(path string, write func(io.Writer) error) error {
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(err, fmt.Errorf("%s is there: %w", path, hashindex.ErrExists))
	}
	return replaceWhole(path, write)
}

// replaceWhole is writeWhole for a file that may be there: then it stays as it was until the new one is whole. What is
// there and no file, such as a pipe, is written to as it is.
func replaceWhole(path string, write func(io.Writer) error) error {
	if there, err := filepath.EvalSymlinks(path); err == nil {
		path = there
	}
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		to, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		return errors.Join(write(to), to.Close())
	}
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".part-*") // readable by its owner alone
	if err != nil {
		return err
	}
	defer os.Remove(file.Name()) // does nothing once it has its name
	if err = write(file); err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}

func (a *app) restoreCommand() *cobra.Command {
	verb := a.verb("restore FILE", "Make a data folder from a backup", cobra.ExactArgs(1), a.restore)
	verb.Long = `Make the data folder (--data), which must be empty or not there, from a file that backup wrote, or with
- from standard input. The folder appears once every checksum of the file is right, the store in it
has been checked, and all of it is on the disk; a damaged or shortened backup leaves nothing.`
	return verb
}

func (a *app) restore(ctx context.Context, args []string) error {
	if a.server != "" {
		return usageError{errors.New("restore makes a data folder, it does not ask a server"), "touchstone restore"}
	}
	from := a.stdin
	if args[0] != "-" {
		file, err := os.Open(args[0])
		if err != nil {
			return err
		}
		defer file.Close()
		from = file
	}
	summary, err := bolt.Restore(ctx, a.folder, from)
	if err != nil {
		return err
	}
	result := newArchived(args[0], summary)
	result.Folder = a.folder
	return a.print(result, result.text()+"\nrestored to "+a.folder)
}
