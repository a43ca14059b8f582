package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"touchstone/hashindex/store/bolt"
)

// compacted is what compact prints.
type compacted struct {
	Folder string `json:"folder"`
	Before int64  `json:"bytes_before"`
	After  int64  `json:"bytes_after"`
}

func (a *app) compactCommand() *cobra.Command {
	verb := a.verb("compact", "Give back what is free in the database file", cobra.NoArgs, a.compact)
	verb.Long = `Write the database file of a data folder anew, without the pages that removals have left free, and put
it in the place of the old one in one step. No other process may have the folder open, and the disk
needs room for both. A file of which more than half is free is compacted by itself when it is
opened for writing, unless that would take long.`
	return verb
}

func (a *app) compact(context.Context, []string) error {
	if a.server != "" {
		return usageError{errors.New("compact works on a data folder, not on a server"), "touchstone compact"}
	}
	before, after, err := bolt.Compact(a.folder, bolt.Options{})
	if err != nil {
		return err
	}
	return a.print(compacted{a.folder, before, after}, fmt.Sprintf("%s: %s, was %s", a.folder, bytesText(after), bytesText(before)))
}
