package main

import (
	"context"
	"fmt"
	"net/url"

	"github.com/spf13/cobra"

	"touchstone/api/client"
	"touchstone/api/wire"
)

func (a *app) licencesCommand() *cobra.Command {
	return group("licences", "Let sellers use what rights protect",
		a.addLicenceCommand(), a.listLicencesCommand(),
		a.verb("import LIST.csv", "Grant the licences of a CSV list (right,seller,territory,from,until,note; - reads the standard input)", cobra.ExactArgs(1), a.importLicences),
		a.verb("revoke ID", "Take a licence back", cobra.ExactArgs(1), a.revokeLicence))
}

func (a *app) addLicenceCommand() *cobra.Command {
	var licence wire.NewLicence
	verb := a.verb("add", "Grant a licence", cobra.NoArgs, func(ctx context.Context, _ []string) error {
		return a.connect(ctx, changing, func(c *client.Client) error {
			added, err := c.AddLicence(ctx, licence)
			if err != nil {
				return err
			}
			return a.print(added, fmt.Sprintf("licence %s: %s may use right %s", added.ID, added.Seller, added.Right))
		})
	})
	flags := verb.Flags()
	flags.StringVar(&licence.Right, "right", "", "`id` of the right")
	flags.StringVar(&licence.Seller, "seller", "", "who may")
	flags.StringSliceVar(&licence.Territory, "territory", nil, "`codes` of countries, or EU (default everywhere)")
	flags.StringVar(&licence.From, "from", "", "the first `day`")
	flags.StringVar(&licence.Until, "until", "", "the last `day`")
	flags.StringVar(&licence.Note, "note", "", "`text`")
	return required(verb, "right", "seller")
}

func (a *app) listLicencesCommand() *cobra.Command {
	var right, seller string
	verb := a.verb("list", "List licences", cobra.NoArgs, func(ctx context.Context, _ []string) error {
		query := url.Values{}
		setGiven(query, "right", right)
		setGiven(query, "seller", seller)
		return a.connect(ctx, reading, func(c *client.Client) error {
			t := a.table("ID", "RIGHT", "SELLER", "TERRITORY", "UNTIL", "NOTE")
			defer t.Flush()
			for l, err := range c.AllLicences(ctx, query) {
				if err != nil {
					return err
				}
				if err := t.row(l, l.ID, l.Right, l.Seller, territoryText(l.Territory), untilText(l.Until), l.Note); err != nil {
					return err
				}
			}
			return nil
		})
	})
	verb.Flags().StringVar(&right, "right", "", "only of this right's `id`")
	verb.Flags().StringVar(&seller, "seller", "", "only of this one")
	return verb
}

// maxLicenceList is what a server reads of a list.
const maxLicenceList = 32 << 20

func (a *app) importLicences(ctx context.Context, args []string) error {
	list, err := a.readFile(args[0], maxLicenceList)
	if err != nil {
		return fmt.Errorf("%s: %w", args[0], err)
	}
	return a.connect(ctx, changing, func(c *client.Client) error {
		done, err := c.ImportLicences(ctx, list)
		if err != nil {
			return err
		}
		for _, e := range done.Errors {
			fmt.Fprintf(a.stderr, "line %d: %s: %s\n", e.Line, e.Field, harmless(e.Detail))
		}
		err = a.print(done, fmt.Sprintf("%s granted, %d there already, %s refused", plural(done.Added, "licence"), done.Unchanged, plural(done.Failed, "line")))
		if err == nil && done.Failed > 0 {
			err = fmt.Errorf("%s: %s refused", args[0], plural(done.Failed, "line"))
		}
		return err
	})
}

func (a *app) revokeLicence(ctx context.Context, args []string) error {
	return a.connect(ctx, changing, func(c *client.Client) error {
		removed, err := c.RevokeLicence(ctx, args[0])
		if err != nil {
			return err
		}
		return a.print(removed, "licence "+args[0]+" revoked")
	})
}
