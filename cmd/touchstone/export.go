package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"touchstone/api/client"
	"touchstone/api/hashlist"
	"touchstone/api/wire"
)

func (a *app) exportCommand() *cobra.Command {
	var collection, format, output string
	verb := a.verb("export", "Write a collection as a list of hashes", cobra.NoArgs, func(ctx context.Context, _ []string) error {
		of, err := hashlist.ParseFormat(format)
		if err != nil {
			return err
		}
		return a.connect(ctx, reading, func(c *client.Client) error {
			return a.writeTo(output, func(out io.Writer) error { return exportTo(ctx, c, out, collection, of) })
		})
	})
	verb.Long = `Write a collection as a list of hashes, in order of arrival: what import reads. A list holds the
external ids, hashes, quality and meta; of a video, or a picture that moves, all frames with their
times. Pictures, what parts are found by, and notes stay behind. The cells are not made safe for spreadsheets: import the file there as text.`
	flags := verb.Flags()
	flags.StringVarP(&collection, "collection", "c", "", "collection `name`")
	flags.StringVar(&format, "format", "csv", "csv or ndjson")
	flags.StringVarP(&output, "output", "o", "", "`file` to write to (default standard output)")
	return required(verb, "collection")
}

// writeTo writes the file whole or leaves what was there; where none is named, it writes to standard output.
func (a *app) writeTo(name string, write func(io.Writer) error) error {
	if name == "" {
		return write(a.stdout)
	}
	return replaceWhole(name, write)
}

func exportTo(ctx context.Context, c *client.Client, out io.Writer, collection string, format hashlist.Format) error {
	list := hashlist.NewWriter(out, format)
	for r, err := range c.AllReferences(ctx, collection) {
		if err != nil {
			return err
		}
		row := wire.HashReference{ExternalID: r.ExternalID, Hashes: r.Hashes, Quality: r.Quality, Meta: r.Meta}
		if r.Frames > 1 {
			row.Hashes, row.Quality = wire.Hashes{}, nil
			if row.Frames, err = c.Frames(ctx, r.ID); err != nil {
				return err
			}
		}
		if err := list.Write(row); err != nil {
			return fmt.Errorf("reference %s: %w", r.ID, err)
		}
	}
	return list.Flush()
}
