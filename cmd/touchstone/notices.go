package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"touchstone/api/client"
	"touchstone/api/wire"
	"touchstone/casework"
)

func (a *app) noticesCommand() *cobra.Command {
	return group("notices", "Draft, list and move complaints about listings",
		a.draftNoticeCommand(), a.listNoticesCommand(),
		a.verb("show ID", "Show a notice", cobra.ExactArgs(1), a.showNotice),
		a.moveNoticeCommand(), a.packCommand("notices", "notice"))
}

func (a *app) draftNoticeCommand() *cobra.Command {
	var asked wire.NewNotice
	verb := a.verb("draft HIT...", "Draft a notice about confirmed hits", cobra.MinimumNArgs(1), func(ctx context.Context, hits []string) error {
		asked.Hits = hits
		return a.connect(ctx, changing, func(c *client.Client) error {
			n, err := c.AddNotice(ctx, asked)
			if err != nil {
				return err
			}
			return a.print(n, noticeLine(n))
		})
	})
	verb.Flags().StringVar(&asked.Holder, "holder", "", "the `ID` of whose rights it is about")
	verb.Flags().StringVar(&asked.Text, "text", "", "the holder's statement")
	verb.Flags().BoolVar(&asked.Submit, "submit", false, "submit it at once")
	return required(verb, "holder")
}

func noticeLine(n wire.Notice) string {
	due := ""
	if n.Due != nil {
		due = ", due " + momentText(n.Due)
	}
	return fmt.Sprintf("notice %s of %s about %s is %s%s", n.ID, n.Holder, plural(len(n.Items), "hit"), n.State, due)
}

func (a *app) listNoticesCommand() *cobra.Command {
	var holder, state string
	verb := a.verb("list", "List notices", cobra.NoArgs, func(ctx context.Context, _ []string) error {
		return a.connect(ctx, reading, func(c *client.Client) error { return a.listNotices(ctx, c, holder, state) })
	})
	verb.Flags().StringVar(&holder, "holder", "", "of the holder of that `ID` alone")
	verb.Flags().StringVar(&state, "state", "", "in that `state` alone")
	return verb
}

func (a *app) listNotices(ctx context.Context, c *client.Client, holder, state string) error {
	t := a.table("ID", "STATE", "HOLDER", "HITS", "DUE", "CREATED")
	defer t.Flush()
	for cursor := ""; ; {
		page, err := c.Notices(ctx, holder, state, cursor, 1000)
		if err != nil {
			return err
		}
		for _, n := range page.Notices {
			due := momentText(n.Due)
			if n.Overdue {
				due = "overdue"
			}
			if err := t.row(n, n.ID, n.State, n.Holder, len(n.Items), due, momentText(&n.Created)); err != nil {
				return err
			}
		}
		if cursor = page.Next; cursor == "" {
			return nil
		}
	}
}

func (a *app) showNotice(ctx context.Context, args []string) error {
	return a.connect(ctx, reading, func(c *client.Client) error {
		n, err := c.Notice(ctx, args[0])
		if err != nil {
			return err
		}
		return a.print(n, noticeText(n))
	})
}

func noticeText(n wire.Notice) string {
	lines := []string{noticeLine(n)}
	for _, i := range n.Items {
		lines = append(lines, harmless(strings.TrimRight(fmt.Sprintf("  hit %s: %s %s", i.Hit, i.Subject.Listing, i.Outcome), " ")))
	}
	for _, s := range n.Trail {
		lines = append(lines, harmless(strings.TrimRight(fmt.Sprintf("  %s %s to %s by %q %s", momentText(&s.At), s.Action, s.To, s.Actor, s.Why), " ")))
	}
	for _, s := range n.Statements {
		lines = append(lines, fmt.Sprintf("  %s %s: %s", momentText(&s.At), s.Party, harmless(s.Text)))
	}
	return strings.Join(lines, "\n")
}

func (a *app) moveNoticeCommand() *cobra.Command {
	var order wire.NoticeOrder
	verb := a.verb("move ID ACTION", "Do what a party does, or decide", cobra.ExactArgs(2), func(ctx context.Context, args []string) error {
		order.Action = args[1]
		decision := slices.Contains(casework.Decisions(), casework.NoticeAction(order.Action))
		return a.connect(ctx, changing, func(c *client.Client) error {
			n, err := c.MoveNotice(ctx, args[0], decision, order)
			if err != nil {
				return err
			}
			return a.print(n, noticeLine(n))
		})
	})
	verb.Long = `Do what a party does with a notice (submit, withdraw, counter, state), or what the operator decides
(accept, partly, refuse, remove, uphold, restore). What its state does not allow is refused with what it does.`
	verb.Flags().StringVar(&order.Text, "text", "", "a statement of whoever acts")
	verb.Flags().StringVar(&order.Party, "party", "", "who speaks, for the action state: holder, seller or operator")
	verb.Flags().StringSliceVar(&order.Hits, "hit", nil, "`IDs` of the hits that are accepted, for the action partly")
	return verb
}

// packCommand is the verb pack of hits or notices.
func (a *app) packCommand(what, one string) *cobra.Command {
	var out string
	verb := a.verb("pack ID", "Write all that the "+one+" rests on into one ZIP", cobra.ExactArgs(1), func(ctx context.Context, args []string) error {
		return a.connect(ctx, reading, func(c *client.Client) error {
			made, err := c.Pack(ctx, what, args[0])
			if err != nil {
				return err
			}
			name := out
			if name == "" {
				name = one + "-" + args[0] + ".zip"
			}
			err = replaceWhole(name, func(to io.Writer) error { _, err := to.Write(made); return err })
			if err != nil {
				return err
			}
			return a.print(map[string]any{"file": name, "bytes": len(made)}, fmt.Sprintf("%s: %d bytes; touchstone verify %s checks it anywhere", name, len(made), name))
		})
	})
	verb.Flags().StringVarP(&out, "out", "o", "", "the `file` to write (default: "+one+"-ID.zip)")
	return verb
}
