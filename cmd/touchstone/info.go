package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"touchstone/api/client"
	"touchstone/api/wire"
	"touchstone/hashindex/store/bolt"
)

// storeInfo is what info prints: of a server only its stats.
type storeInfo struct {
	Folder    string     `json:"folder,omitempty"`
	Format    int        `json:"format,omitempty"`
	Created   *time.Time `json:"created,omitempty"`
	FileBytes int64      `json:"file_bytes,omitempty"`
	FreeBytes int64      `json:"free_bytes,omitempty"` // of the file: later changes fill them
	Bytes     int64      `json:"bytes,omitempty"`      // of everything in the folder
	wire.Stats
}

func (a *app) infoCommand() *cobra.Command {
	return a.verb("info", "Say what a store holds and how large it is", cobra.NoArgs, a.info)
}

func (a *app) info(ctx context.Context, _ []string) error {
	var info storeInfo
	err := a.connect(ctx, searching, func(c *client.Client) (err error) {
		info.Stats, err = c.Stats(ctx)
		return err
	})
	if err == nil && a.server == "" {
		err = info.measure(a.folder)
	}
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(info)
	}
	a.printInfo(info)
	return nil
}

// measure adds what only the folder itself tells.
func (i *storeInfo) measure(folder string) error {
	store, err := bolt.Open(folder, bolt.Options{ReadOnly: true})
	if err != nil {
		return err
	}
	file, err := store.Info()
	if err = errors.Join(err, store.Close()); err != nil {
		return err
	}
	i.Folder, i.Format, i.Created, i.FileBytes = folder, file.Format, &file.Created, file.FileBytes
	i.FreeBytes = int64(file.FreePages) * int64(file.PageSize)
	return filepath.WalkDir(folder, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		one, err := entry.Info()
		if err == nil {
			i.Bytes += one.Size()
		}
		return err
	})
}

func (a *app) printInfo(i storeInfo) {
	t := a.table("recipe", i.Recipe)
	defer t.Flush()
	if i.Folder != "" {
		t.row(nil, "folder", i.Folder+", "+bytesText(i.Bytes))
		t.row(nil, "database", fmt.Sprintf("format %d, %s, of which %s free", i.Format, bytesText(i.FileBytes), bytesText(i.FreeBytes)))
		t.row(nil, "created", i.Created.Format(time.DateTime))
	}
	t.row(nil, "changes", i.Seq)
	t.row(nil, "references", i.References)
	for _, c := range i.Collections {
		t.row(nil, "collection "+c.Name, plural(c.References, "reference")+", "+c.Purpose)
	}
	for _, s := range i.Searchers {
		if s.Space == "partial" { // whose entries are frames
			t.row(nil, "searcher partial", fmt.Sprintf("%s, features of %s, %s of memory", s.Name, plural(s.Entries, "frame"), bytesText(int64(s.Bytes))))
			continue
		}
		t.row(nil, "searcher "+s.Space, fmt.Sprintf("%s, %d entries, %s of memory, %s stored", s.Name, s.Entries, bytesText(int64(s.Bytes)), bytesText(int64(s.Stored))))
	}
}
