package main

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"touchstone/api/client"
	"touchstone/api/wire"
)

func (a *app) keysCommand() *cobra.Command {
	return group("keys", "List, create and revoke the keys that a server asks for",
		a.createKeyCommand(), a.verb("list", "List keys", cobra.NoArgs, a.listKeys), a.revokeKeyCommand())
}

func (a *app) createKeyCommand() *cobra.Command {
	var asked wire.NewKey
	var expires string
	var overlap time.Duration
	verb := a.verb("create", "Create a key and print its token", cobra.NoArgs, func(ctx context.Context, _ []string) error {
		if asked.Rotates == "" && (asked.Name == "" || len(asked.Scopes) == 0) {
			return usageError{fmt.Errorf("a key needs --name and --scope, or --rotates"), "touchstone keys create"}
		}
		if expires != "" {
			at, err := parseExpiry(expires, time.Now())
			if err != nil {
				return usageError{err, "touchstone keys create"}
			}
			asked.Expires = &at
		}
		asked.OverlapSeconds = int64(overlap.Seconds())
		return a.connect(ctx, writing, func(c *client.Client) error { return a.createKey(ctx, c, asked) })
	})
	verb.Long = `Create a key and print its token, which is shown this once: the store keeps its SHA-256 alone.

Scopes: match asks; ingest adds, changes and removes references; review looks at references and the history;
admin may do everything. A key restricted to collections finds all others not there.

  touchstone keys create --name operator --scope admin
  touchstone keys create --name pipeline --scope match --collection bags --per-minute 60000 --expires 8760h
  touchstone keys create --rotates mf4a2dp3xk6ow7tq --overlap 24h`
	flags := verb.Flags()
	flags.StringVar(&asked.Name, "name", "", "what people call it")
	flags.StringSliceVar(&asked.Scopes, "scope", nil, "`scopes`: match, ingest, review, admin; repeated or with commas")
	flags.StringSliceVarP(&asked.Collections, "collection", "c", nil, "the `collections` that it reaches (default: all); repeated or with commas")
	flags.IntVar(&asked.RequestsPerMinute, "per-minute", 0, "at most so many requests a minute (default: no limit)")
	flags.IntVar(&asked.RequestsAtOnce, "at-once", 0, "at most so many requests at the same time (default: no limit)")
	flags.StringVar(&expires, "expires", "", "`when` it ends: a date, a time, or a duration such as 720h (default: never)")
	flags.StringVar(&asked.Rotates, "rotates", "", "`ID` of the key that this one takes the place of; what is not given is as that one has it")
	flags.DurationVar(&overlap, "overlap", 0, "how long that one still opens the server")
	return verb
}

func (a *app) createKey(ctx context.Context, c *client.Client, asked wire.NewKey) error {
	created, err := c.CreateKey(ctx, asked)
	if err != nil {
		return err
	}
	return a.print(created, fmt.Sprintf("key %s created: %s for %s\n%s", created.Key.ID, strings.Join(created.Key.Scopes, ","), reachText(created.Key), created.Token))
}

func parseExpiry(text string, now time.Time) (time.Time, error) {
	if d, err := time.ParseDuration(text); err == nil {
		return now.Add(d).UTC(), nil
	}
	at, err := parseTime(text)
	if err != nil {
		return at, fmt.Errorf("--expires %q is no date, time or duration", text)
	}
	return at, nil
}

func (a *app) listKeys(ctx context.Context, _ []string) error {
	return a.connect(ctx, reading, func(c *client.Client) error {
		list, err := c.Keys(ctx)
		if err != nil {
			return err
		}
		t := a.table("ID", "NAME", "SCOPES", "COLLECTIONS", "A MINUTE", "AT ONCE", "STATE", "LAST USED")
		defer t.Flush()
		for _, k := range list {
			if err := t.row(k, k.ID, k.Name, strings.Join(k.Scopes, ","), reachText(k), quotaText(k.RequestsPerMinute), quotaText(k.RequestsAtOnce), keyState(k), momentText(k.LastUsed)); err != nil {
				return err
			}
		}
		return nil
	})
}

func reachText(k wire.Key) string { return cmp.Or(strings.Join(k.Collections, ","), "all") }

func quotaText(n int) string {
	if n == 0 {
		return "-"
	}
	return fmt.Sprint(n)
}

func keyState(k wire.Key) string {
	switch {
	case k.Revoked != nil:
		return "revoked " + momentText(k.Revoked)
	case k.Expires == nil:
		return "usable"
	case !k.Usable:
		return "expired " + momentText(k.Expires)
	}
	return "until " + momentText(k.Expires)
}

func momentText(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return t.UTC().Format("2006-01-02 15:04")
}

func (a *app) revokeKeyCommand() *cobra.Command {
	return a.verb("revoke ID", "End a key at once", cobra.ExactArgs(1), func(ctx context.Context, args []string) error {
		return a.connect(ctx, changing, func(c *client.Client) error {
			removed, err := c.RevokeKey(ctx, args[0])
			if err != nil {
				return err
			}
			return a.print(removed, fmt.Sprintf("key %s revoked", args[0]))
		})
	})
}
