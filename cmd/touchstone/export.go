package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

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
			out, err := a.output(output)
			if err != nil {
				return err
			}
			return errors.Join(exportTo(ctx, c, out, collection, of), out.Close())
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

// output creates the file, or gives standard output where none is named.
func (a *app) output(name string) (io.WriteCloser, error) {
	if name == "" {
		return keptOpen{a.stdout}, nil
	}
	return os.Create(name)
}

// keptOpen is a writer that whoever opened it closes.
type keptOpen struct{ io.Writer }

func (keptOpen) Close() error { return nil }

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
