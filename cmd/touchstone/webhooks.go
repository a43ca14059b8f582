package main

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"touchstone/api/client"
	"touchstone/api/webhook"
	"touchstone/api/wire"
)

func (a *app) webhooksCommand() *cobra.Command {
	g := group("webhooks", "Say where events are sent, try it, and send them once more",
		a.verb("list", "List webhooks", cobra.NoArgs, a.listWebhooks),
		a.createWebhookCommand(), a.changeWebhookCommand(),
		a.verb("test ID", "Send an event of the type webhook.test now", cobra.ExactArgs(1), a.testWebhook),
		a.verb("dead-letters ID", "List deliveries that were given up", cobra.ExactArgs(1), a.listDeadLetters),
		a.replayWebhookCommand(), a.rotateWebhookCommand(),
		a.verb("remove ID", "Remove a webhook, with all that waits to be sent", cobra.ExactArgs(1), a.removeWebhook))
	g.Long = `Say where events are sent, try it, and send them once more.

A running server sends them, by the Standard Webhooks scheme; changes made to the folder of a server that does not run
are sent once it does.`
	return g
}

const eventTypes = "`types` such as hit.recorded, hit.*, decision or *; repeated or with commas"

func (a *app) createWebhookCommand() *cobra.Command {
	var asked wire.NewWebhook
	var after uint64
	var verb *cobra.Command
	verb = a.verb("create URL", "Have events sent to a URL, and print the secret that signs them", cobra.ExactArgs(1), func(ctx context.Context, args []string) error {
		asked.URL = args[0]
		if verb.Flags().Changed("after") {
			asked.After = &after
		}
		return a.connect(ctx, writing, func(c *client.Client) error {
			h, err := c.AddWebhook(ctx, asked)
			if err != nil {
				return err
			}
			return a.print(h, fmt.Sprintf("webhook %s created: %s to %s\n%s", h.ID, strings.Join(h.Events, ","), h.URL, h.Secret))
		})
	})
	verb.Flags().StringSliceVar(&asked.Events, "event", []string{"*"}, eventTypes)
	verb.Flags().Uint64Var(&after, "after", 0, "the `SEQ` of the history after which events are sent (default: from now on)")
	return verb
}

func (a *app) changeWebhookCommand() *cobra.Command {
	var patch wire.WebhookPatch
	var address string
	var enabled bool
	var verb *cobra.Command
	verb = a.verb("change ID", "Change its URL or its events, switch it off or on again", cobra.ExactArgs(1), func(ctx context.Context, args []string) error {
		if address != "" {
			patch.URL = &address
		}
		if verb.Flags().Changed("enabled") {
			patch.Enabled = &enabled
		}
		return a.connect(ctx, changing, func(c *client.Client) error {
			h, err := c.ChangeWebhook(ctx, args[0], patch)
			if err != nil {
				return err
			}
			return a.print(h, fmt.Sprintf("webhook %s: %s to %s, %s", h.ID, strings.Join(h.Events, ","), h.URL, hookState(h)))
		})
	})
	verb.Flags().StringVar(&address, "url", "", "where events are sent")
	verb.Flags().StringSliceVar(&patch.Events, "event", nil, eventTypes)
	verb.Flags().BoolVar(&enabled, "enabled", true, "off with --enabled=false; on again, what was parked is tried at once")
	return verb
}

func hookState(h wire.Webhook) string {
	if h.Enabled {
		return "enabled"
	}
	return "disabled: " + h.Disabled
}

func (a *app) listWebhooks(ctx context.Context, _ []string) error {
	return a.connect(ctx, reading, func(c *client.Client) error {
		list, err := c.Webhooks(ctx)
		if err != nil {
			return err
		}
		t := a.table("ID", "URL", "EVENTS", "STATE", "CURSOR", "PARKED", "TRIED", "LAST")
		defer t.Flush()
		for _, h := range list {
			last := cmp.Or(h.Error, "-")
			if h.Error == "" && h.Status != 0 {
				last = fmt.Sprint("status ", h.Status)
			}
			if err := t.row(h, h.ID, h.URL, strings.Join(h.Events, ","), hookState(h), h.Cursor, h.Parked, momentText(h.Tried), last); err != nil {
				return err
			}
		}
		return nil
	})
}

func (a *app) testWebhook(ctx context.Context, args []string) error {
	return a.connect(ctx, changing, func(c *client.Client) error {
		test, err := c.TestWebhook(ctx, args[0])
		if err != nil {
			return err
		}
		text := fmt.Sprintf("webhook %s: delivered, status %d", args[0], test.Status)
		if !test.Delivered {
			text = fmt.Sprintf("webhook %s: not delivered", args[0])
			err = fmt.Errorf("webhook %s: %s", args[0], test.Error)
		}
		return cmp.Or(a.print(test, text), err)
	})
}

func (a *app) listDeadLetters(ctx context.Context, args []string) error {
	return a.connect(ctx, reading, func(c *client.Client) error {
		t := a.table("SEQ", "TYPE", "ATTEMPTS", "FIRST", "ERROR")
		defer t.Flush()
		for after := uint64(0); ; {
			list, err := c.DeadLetters(ctx, args[0], after, 1000)
			if err != nil || len(list) == 0 {
				return err
			}
			for _, l := range list {
				if err := t.row(l, l.Seq, l.Type, l.Attempts, momentText(&l.First), l.Error); err != nil {
					return err
				}
				after = l.Seq
			}
		}
	})
}

func (a *app) replayWebhookCommand() *cobra.Command {
	var after uint64
	verb := a.verb("replay ID", "Send all events after a seq once more, dead letters among them", cobra.ExactArgs(1), func(ctx context.Context, args []string) error {
		return a.connect(ctx, changing, func(c *client.Client) error {
			h, err := c.ReplayWebhook(ctx, args[0], after)
			if err != nil {
				return err
			}
			return a.print(h, fmt.Sprintf("webhook %s is sent everything after %d once more", h.ID, h.Cursor))
		})
	})
	verb.Flags().Uint64Var(&after, "after", 0, "the `SEQ` of the history after which everything is sent")
	return required(verb, "after")
}

func (a *app) rotateWebhookCommand() *cobra.Command {
	var overlap time.Duration
	verb := a.verb("rotate ID", "Give a webhook a new secret, and print it", cobra.ExactArgs(1), func(ctx context.Context, args []string) error {
		seconds := int64(math.Ceil(overlap.Seconds()))
		return a.connect(ctx, changing, func(c *client.Client) error {
			h, err := c.RotateWebhookSecret(ctx, args[0], wire.RotateSecret{OverlapSeconds: &seconds})
			if err != nil {
				return err
			}
			former := "the former one has ended"
			if h.FormerUntil != nil {
				former = "the former one signs too until " + momentText(h.FormerUntil)
			}
			return a.print(h, fmt.Sprintf("webhook %s has a new secret; %s\n%s", h.ID, former, h.Secret))
		})
	})
	verb.Flags().DurationVar(&overlap, "overlap", webhook.DefaultOverlap, "how long deliveries are signed with the former secret too; 0 for one that others know")
	return verb
}

func (a *app) removeWebhook(ctx context.Context, args []string) error {
	return a.connect(ctx, changing, func(c *client.Client) error {
		removed, err := c.RemoveWebhook(ctx, args[0])
		if err != nil {
			return err
		}
		return a.print(removed, fmt.Sprintf("webhook %s removed", args[0]))
	})
}
