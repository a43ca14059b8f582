package main

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"touchstone/api/client"
	"touchstone/api/wire"
)

func (a *app) rightsCommand() *cobra.Command {
	return group("rights", "Record holders and what they own",
		a.putHolderCommand(), a.verb("holders", "List the holders", cobra.NoArgs, a.listHolders),
		a.addRightCommand(), a.listRightsCommand(), a.changeRightCommand())
}

func (a *app) putHolderCommand() *cobra.Command {
	var holder wire.NewHolder
	verb := a.verb("holder ID", "Record a holder, or change its name and contact", cobra.ExactArgs(1), func(ctx context.Context, args []string) error {
		return a.connect(ctx, changing, func(c *client.Client) error {
			put, err := c.PutHolder(ctx, args[0], holder)
			if err != nil {
				return err
			}
			return a.print(put, fmt.Sprintf("holder %s recorded", put.ID))
		})
	})
	verb.Flags().StringVar(&holder.Name, "name", "", "the holder's `name`")
	verb.Flags().StringVar(&holder.Contact, "contact", "", "how to reach it")
	return required(verb, "name")
}

func (a *app) listHolders(ctx context.Context, _ []string) error {
	return a.connect(ctx, reading, func(c *client.Client) error {
		t := a.table("ID", "NAME", "CONTACT", "ADDED")
		defer t.Flush()
		for h, err := range c.AllHolders(ctx) {
			if err != nil {
				return err
			}
			if err := t.row(h, h.ID, h.Name, h.Contact, h.Added.Format(time.DateTime)); err != nil {
				return err
			}
		}
		return nil
	})
}

func (a *app) addRightCommand() *cobra.Command {
	var right wire.NewRight
	verb := a.verb("add", "Record a right", cobra.NoArgs, func(ctx context.Context, _ []string) error {
		return a.connect(ctx, changing, func(c *client.Client) error {
			added, err := c.AddRight(ctx, right)
			if err != nil {
				return err
			}
			return a.print(added, fmt.Sprintf("right %s recorded (%s of %s)", added.ID, added.Kind, added.Holder))
		})
	})
	flags := verb.Flags()
	flags.StringVar(&right.Holder, "holder", "", "`id` of its holder")
	flags.StringVar(&right.Kind, "kind", "", "trademark, copyright or design")
	flags.StringVar(&right.Number, "number", "", "of its registration")
	flags.StringSliceVar(&right.Territory, "territory", nil, "`codes` of countries, or EU (default everywhere)")
	flags.StringVar(&right.Class, "class", "", "of goods")
	flags.StringVar(&right.From, "from", "", "the first `day`")
	flags.StringVar(&right.Until, "until", "", "the last `day`")
	flags.StringVar(&right.Document, "document", "", "where the certificate is")
	flags.StringSliceVarP(&right.Collections, "collection", "c", nil, "`names` of the collections that belong to it")
	return required(verb, "holder", "kind")
}

func (a *app) listRightsCommand() *cobra.Command {
	var holder, state string
	verb := a.verb("list", "List rights", cobra.NoArgs, func(ctx context.Context, _ []string) error {
		query := url.Values{}
		setGiven(query, "holder", holder)
		setGiven(query, "state", state)
		return a.connect(ctx, reading, func(c *client.Client) error {
			t := a.table("ID", "HOLDER", "KIND", "NUMBER", "STATE", "TERRITORY", "UNTIL", "COLLECTIONS")
			defer t.Flush()
			for r, err := range c.AllRights(ctx, query) {
				if err != nil {
					return err
				}
				err := t.row(r, r.ID, r.Holder, r.Kind, r.Number, r.State, territoryText(r.Territory), untilText(r.Until), strings.Join(r.Collections, " "))
				if err != nil {
					return err
				}
			}
			return nil
		})
	})
	verb.Flags().StringVar(&holder, "holder", "", "only of this holder's `id`")
	verb.Flags().StringVar(&state, "state", "", "recorded, verified, expired or withdrawn")
	return verb
}

func setGiven(query url.Values, name, value string) {
	if value != "" {
		query.Set(name, value)
	}
}

func territoryText(codes []string) string {
	if len(codes) == 0 {
		return "everywhere"
	}
	return strings.Join(codes, " ")
}

// untilText is the last day of a term.
func untilText(until *time.Time) string {
	if until == nil {
		return "-"
	}
	return until.Add(-time.Nanosecond).Format(time.DateOnly)
}

func (a *app) changeRightCommand() *cobra.Command {
	var state, note string
	var collections []string
	verb := a.verb("change ID", "Change a right's state, note or collections", cobra.ExactArgs(1), nil)
	verb.RunE = func(cmd *cobra.Command, args []string) error {
		a.started = true
		var patch wire.RightPatch
		if cmd.Flags().Changed("state") {
			patch.State = &state
		}
		if cmd.Flags().Changed("note") {
			patch.Note = &note
		}
		if cmd.Flags().Changed("collection") {
			patch.Collections = &collections
		}
		ctx := cmd.Context()
		return a.connect(ctx, changing, func(c *client.Client) error {
			changed, err := c.ChangeRight(ctx, args[0], patch)
			if err != nil {
				return err
			}
			return a.print(changed, fmt.Sprintf("right %s is %s", changed.ID, changed.State))
		})
	}
	verb.Flags().StringVar(&state, "state", "", "verified, expired or withdrawn")
	verb.Flags().StringVar(&note, "note", "", "`text`")
	verb.Flags().StringSliceVarP(&collections, "collection", "c", nil, "`names` of the collections that belong to it, in place of those before")
	return verb
}
