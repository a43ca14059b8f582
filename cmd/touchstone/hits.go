package main

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"touchstone/api/client"
	"touchstone/api/wire"
)

func (a *app) hitsCommand() *cobra.Command {
	return group("hits", "Look at matches that wait for a decision, and decide",
		a.listHitsCommand(),
		a.verb("show ID", "Show a hit", cobra.ExactArgs(1), a.showHit),
		a.orderCommand("claim", "Take hits, or keep them for longer"),
		a.orderCommand("release", "Give claimed hits back"),
		a.orderCommand("confirm", "Say that hits infringe"),
		a.orderCommand("reject", "Say that hits do not: the pairs never return"),
		a.orderCommand("action", "Note that something was done about confirmed hits"),
		a.orderCommand("reopen", "Look at decided hits again"),
		a.orderCommand("undo", "Take the last decision back"),
		a.orderCommand("comment", "Note something about hits"),
		a.packCommand("hits", "hit"),
		a.verb("sellers", "List how the hits of sellers were decided", cobra.NoArgs, a.listSellers))
}

func (a *app) listHitsCommand() *cobra.Command {
	var states, collections []string
	var right, seller, reference, kind string
	var limit int
	verb := a.verb("list", "List hits, those that wait longest first", cobra.NoArgs, func(ctx context.Context, _ []string) error {
		query := url.Values{}
		for name, value := range map[string]string{
			"state": strings.Join(states, ","), "collections": strings.Join(collections, ","),
			"right": right, "seller": seller, "reference": reference, "kind": kind,
		} {
			setGiven(query, name, value)
		}
		return a.connect(ctx, reading, func(c *client.Client) error {
			t := a.table("ID", "STATE", "SUBJECT", "SELLER", "REFERENCE", "COLLECTION", "KIND", "SCORE", "SEEN", "LAST")
			defer t.Flush()
			listed := 0
			for h, err := range c.AllHits(ctx, query) {
				if err != nil {
					return err
				}
				err := t.row(h, h.ID, h.State, subjectText(h.Subject), h.Subject.Seller, cmp.Or(h.ExternalID, h.ReferenceID), h.Collection, h.Kind,
					fmt.Sprintf("%.3f", h.Score), h.Count, h.Last.Format(time.DateTime))
				if err != nil {
					return err
				}
				if listed++; listed == limit {
					break
				}
			}
			return nil
		})
	})
	flags := verb.Flags()
	flags.StringSliceVar(&states, "state", []string{"open", "claimed", "reopened"}, "open, claimed, confirmed, rejected, actioned, reopened")
	flags.StringSliceVarP(&collections, "collection", "c", nil, "only of these `names`")
	flags.StringVar(&right, "right", "", "only of collections that belong to this right's `id`")
	flags.StringVar(&seller, "seller", "", "only of this one")
	flags.StringVar(&reference, "reference", "", "only of this reference's `id`")
	flags.StringVar(&kind, "kind", "", "copy, near or partial")
	flags.IntVar(&limit, "limit", 0, "list at most so many (default all)")
	return verb
}

func subjectText(s wire.Subject) string { return cmp.Or(s.Listing, s.Stream, s.URL, s.Seller) }

func (a *app) showHit(ctx context.Context, args []string) error {
	return a.connect(ctx, reading, func(c *client.Client) error {
		h, err := c.Hit(ctx, args[0])
		if err != nil {
			return err
		}
		if a.json {
			return a.printJSON(h)
		}
		t := a.table("hit", h.ID)
		defer t.Flush()
		for _, pair := range [][2]string{
			{"state", h.State}, {"subject", subjectText(h.Subject)}, {"seller", h.Subject.Seller}, {"territory", h.Subject.Territory},
			{"reference", h.ReferenceID + " " + h.ExternalID}, {"collection", h.Collection + " (" + h.Purpose + ")"},
			{"rights", strings.Join(h.Rights, " ")}, {"kind", fmt.Sprintf("%s, distance %d, score %.3f", h.Kind, h.Distance, h.Score)},
			{"picture", h.Picture}, {"seen", fmt.Sprintf("%d times, %s to %s", h.Count, h.First.Format(time.DateTime), h.Last.Format(time.DateTime))},
			{"claimed by", h.ClaimedBy}, {"verdict", verdictText(h.Verdict)},
		} {
			if pair[1] != "" {
				t.row(nil, pair[0], pair[1])
			}
		}
		for _, s := range h.Trail {
			t.row(nil, s.At.Format(time.DateTime), strings.TrimSpace(fmt.Sprintf("%s: %s to %s %s %s %s", s.Action, s.From, s.To, s.Actor, s.Reason, s.Note)))
		}
		return nil
	})
}

func verdictText(v *wire.Verdict) string {
	if v == nil {
		return ""
	}
	return strings.TrimSpace(v.Finding + " " + strings.Join(v.Defects, ", ") + " " + v.Note)
}

// orderCommand is a verb that carries out one action for hits.
func (a *app) orderCommand(action, short string) *cobra.Command {
	order := wire.Order{Action: action}
	verb := a.verb(action+" ID...", short, cobra.MinimumNArgs(1), func(ctx context.Context, args []string) error {
		return a.connect(ctx, changing, func(c *client.Client) error {
			done, err := c.DecideHits(ctx, wire.BulkOrder{Hits: args, Order: order})
			if err != nil {
				return err
			}
			return a.printDecided(done)
		})
	})
	verb.Flags().StringVar(&order.Reason, "reason", "", "why: for confirm stolen_image, copied_work, counterfeit, other; for reject different_picture, authorised, own_picture, fair_use, stock_picture, other")
	verb.Flags().StringVar(&order.Note, "note", "", "`text`")
	return verb
}

func (a *app) printDecided(done wire.BulkDecided) error {
	refused := 0
	for _, d := range done.Results {
		text := ""
		if d.Problem != nil {
			refused++
			text = d.Problem.Detail
		} else {
			text = fmt.Sprintf("hit %s is %s", d.ID, d.Hit.State)
		}
		if err := a.print(d, text); err != nil {
			return err
		}
	}
	if refused > 0 {
		return fmt.Errorf("%s refused", plural(refused, "hit"))
	}
	return nil
}

func (a *app) listSellers(ctx context.Context, _ []string) error {
	return a.connect(ctx, reading, func(c *client.Client) error {
		t := a.table("SELLER", "CONFIRMED", "REJECTED")
		defer t.Flush()
		for s, err := range c.AllSellers(ctx) {
			if err != nil {
				return err
			}
			if err := t.row(s, s.Seller, s.Confirmed, s.Rejected); err != nil {
				return err
			}
		}
		return nil
	})
}
