package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"touchstone/api/client"
	"touchstone/api/wire"
)

func (a *app) referencesCommand() *cobra.Command {
	return group("references", "List, show, note, disable, enable and remove references",
		a.listReferencesCommand(),
		a.verb("show ID", "Show a reference", cobra.ExactArgs(1), a.showReference),
		a.verb("note ID TEXT", "Note something about a reference", cobra.ExactArgs(2), func(ctx context.Context, args []string) error {
			return a.changeReference(ctx, args[0], wire.ReferencePatch{Note: &args[1]}, "noted")
		}),
		a.disableReferenceCommand(),
		a.verb("enable ID", "Answer a disabled reference again", cobra.ExactArgs(1), func(ctx context.Context, args []string) error {
			return a.changeReference(ctx, args[0], wire.ReferencePatch{DisabledUntil: json.RawMessage("null")}, "enabled")
		}),
		a.verb("remove ID...", "Remove references", cobra.MinimumNArgs(1), a.removeReferences),
		a.referenceImageCommand())
}

func (a *app) listReferencesCommand() *cobra.Command {
	var collection, externalID string
	var limit int
	verb := a.verb("list", "List the references of a collection", cobra.NoArgs, func(ctx context.Context, _ []string) error {
		return a.connect(ctx, reading, func(c *client.Client) error {
			t := a.table("ID", "EXTERNAL ID", "SIZE", "QUALITY", "ADDED", "STATE")
			defer t.Flush()
			if externalID != "" {
				found, err := c.ReferenceNamed(ctx, collection, externalID)
				if err != nil {
					return err
				}
				return t.reference(found)
			}
			return t.references(ctx, c, collection, limit)
		})
	})
	verb.Flags().StringVarP(&collection, "collection", "c", "", "collection `name`")
	verb.Flags().StringVar(&externalID, "external-id", "", "only the reference of this `name`")
	verb.Flags().IntVar(&limit, "limit", 0, "list at most so many (default all)")
	return required(verb, "collection")
}

func (t *table) references(ctx context.Context, c *client.Client, collection string, limit int) error {
	listed := 0
	for reference, err := range c.AllReferences(ctx, collection) {
		if err != nil {
			return err
		}
		if err := t.reference(reference); err != nil {
			return err
		}
		if listed++; listed == limit {
			return nil
		}
	}
	return nil
}

func (t *table) reference(r wire.Reference) error {
	return t.row(r, r.ID, r.ExternalID, sizeText(r), qualityText(r.Quality), r.Added.Format(time.DateTime), stateText(r))
}

func sizeText(r wire.Reference) string {
	if r.Content == "" {
		return "hashes only"
	}
	return fmt.Sprintf("%d×%d", r.Width, r.Height)
}

func stateText(r wire.Reference) string {
	if r.DisabledUntil == nil {
		return "enabled"
	}
	if r.DisabledUntil.Equal(forGood) {
		return "disabled"
	}
	return "disabled until " + r.DisabledUntil.Format(time.DateTime)
}

func (a *app) showReference(ctx context.Context, args []string) error {
	return a.connect(ctx, reading, func(c *client.Client) error {
		r, err := c.Reference(ctx, args[0])
		if err != nil {
			return err
		}
		if a.json {
			return a.printJSON(r)
		}
		t := a.table("reference", r.ID)
		defer t.Flush()
		for _, pair := range [][2]string{
			{"external id", r.ExternalID}, {"collection", r.Collection + " (" + r.Purpose + ")"},
			{"size", sizeText(r)}, {"format", r.Format}, {"frames", fmt.Sprint(r.Frames)}, {"quality", qualityText(r.Quality)},
			{"pdq", r.Hashes.PDQ}, {"phash", r.Hashes.PHash}, {"dhash", r.Hashes.DHash}, {"ahash", r.Hashes.AHash},
			{"recipe", r.Recipe}, {"found by tiers", strings.Join(r.Tiers, ", ")}, {"content", r.Content}, {"note", r.Note}, {"meta", metaText(r.Meta)},
			{"added", r.Added.Format(time.DateTime)}, {"state", stateText(r)},
		} {
			if pair[1] != "" {
				t.row(nil, pair[0], pair[1])
			}
		}
		return nil
	})
}

func metaText(meta map[string]string) string {
	if len(meta) == 0 {
		return ""
	}
	text, _ := json.Marshal(meta) // a map of texts always encodes
	return string(text)
}
