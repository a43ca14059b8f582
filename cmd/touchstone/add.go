package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"touchstone/api/client"
	"touchstone/api/wire"
)

// addedFile is what add prints of one file.
type addedFile struct {
	File string `json:"file"`
	wire.AddedReference
}

func (a *app) addCommand() *cobra.Command {
	var collection, purpose, externalID string
	var meta map[string]string
	verb := a.verb("add FILE...", "Add pictures and videos as references", cobra.MinimumNArgs(1), func(ctx context.Context, files []string) error {
		if externalID != "" && len(files) > 1 {
			return usageError{errors.New("--external-id names one picture"), "touchstone add"}
		}
		return a.add(ctx, files, collection, purpose, externalID, meta)
	})
	verb.Long = `Add pictures and videos as references and say what they resemble: others of the collection, or references
that other collections hold. The external id is the file's name. For thousands of files, see import.`
	flags := verb.Flags()
	flags.StringVarP(&collection, "collection", "c", "", "collection `name`")
	flags.StringVar(&purpose, "purpose", "", "create the collection if it is missing; "+purposes)
	flags.StringVar(&externalID, "external-id", "", "your `name` for the picture")
	flags.StringToStringVar(&meta, "meta", nil, "what else to keep with it, as `key=value`")
	return required(verb, "collection")
}

func (a *app) add(ctx context.Context, files []string, collection, purpose, externalID string, meta map[string]string) error {
	t := a.table("FILE", "ID", "EXTERNAL ID", "QUALITY", "RESEMBLES")
	defer t.Flush()
	return a.connect(ctx, writing, func(c *client.Client) error {
		if err := ensureCollection(ctx, c, collection, purpose); err != nil {
			return err
		}
		send := func(ctx context.Context, pictures []picture) ([]wire.AddedReference, error) {
			sent := images(pictures)
			for i := range sent {
				sent[i].ExternalID, sent[i].Meta = cmp.Or(externalID, sent[i].Name), meta
			}
			added, err := c.AddImages(ctx, collection, sent)
			return added.References, err
		}
		print := func(file string, r wire.AddedReference) error {
			return t.row(addedFile{file, r}, file, r.ID, r.ExternalID, qualityText(r.Quality), resemblesText(r))
		}
		pictures, videos := a.sorted(files)
		err := askEach(ctx, a, c, pictures, send, print)
		for _, file := range videos {
			err = errors.Join(err, a.addVideo(ctx, c, collection, file, client.Video{
				ExternalID: cmp.Or(externalID, filepath.Base(file)), Meta: meta,
			}, print))
		}
		return err
	})
}

func resemblesText(r wire.AddedReference) string {
	var parts []string
	if !r.Searchable {
		parts = append(parts, "too flat to be matched")
	}
	for _, each := range slices.Concat(r.Conflicts, r.NearDuplicates) {
		parts = append(parts, fmt.Sprintf("%s in %s (%s, distance %d)", each.ExternalID, each.Collection, each.Kind, each.Distance))
	}
	return strings.Join(parts, "; ")
}
