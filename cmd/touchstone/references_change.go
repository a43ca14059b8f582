package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"touchstone/api/client"
	"touchstone/api/wire"
)

func (a *app) changeReference(ctx context.Context, id string, patch wire.ReferencePatch, done string) error {
	return a.connect(ctx, changing, func(c *client.Client) error {
		changed, err := c.ChangeReference(ctx, id, patch)
		if err != nil {
			return err
		}
		return a.print(changed, fmt.Sprintf("reference %s %s", changed.ID, done))
	})
}

// forGood is the time until which a reference is disabled whose return nobody plans.
var forGood = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)

func (a *app) disableReferenceCommand() *cobra.Command {
	var until string
	verb := a.verb("disable ID", "Keep a reference out of every answer", cobra.ExactArgs(1), func(ctx context.Context, args []string) error {
		at, err := parseTime(until)
		if err != nil {
			return usageError{err, "touchstone references disable"}
		}
		patch := wire.ReferencePatch{DisabledUntil: json.RawMessage(at.Format(`"` + time.RFC3339 + `"`))}
		return a.changeReference(ctx, args[0], patch, "disabled")
	})
	verb.Flags().StringVar(&until, "until", "", "`time`, such as 2027-01-31 or 2027-01-31T12:00:00Z (default: for good)")
	return verb
}

func parseTime(text string) (time.Time, error) {
	if text == "" {
		return forGood, nil
	}
	if day, err := time.Parse(time.DateOnly, text); err == nil {
		return day, nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return at, fmt.Errorf("--until %q is neither a date nor a time", text)
	}
	return at.UTC(), nil
}

func (a *app) removeReferences(ctx context.Context, ids []string) error {
	return a.connect(ctx, changing, func(c *client.Client) error {
		for _, id := range ids {
			removed, err := c.RemoveReference(ctx, id)
			if err != nil {
				return err
			}
			if err := a.print(removed, fmt.Sprintf("reference %s removed", id)); err != nil {
				return err
			}
		}
		return nil
	})
}

func (a *app) referenceImageCommand() *cobra.Command {
	var output string
	verb := a.verb("image ID", "Write a reference's picture as it came", cobra.ExactArgs(1), func(ctx context.Context, args []string) error {
		return a.connect(ctx, reading, func(c *client.Client) error {
			content, _, err := c.ReferenceImage(ctx, args[0])
			if err != nil {
				return err
			}
			if output == "" && onTerminal(a.stdout) {
				return usageError{errors.New("a terminal shows no pictures: name a file with --output"), "touchstone references image"}
			}
			return a.writeTo(output, func(to io.Writer) error { _, err := to.Write(content); return err })
		})
	})
	verb.Flags().StringVarP(&output, "output", "o", "", "`file` to write to (default standard output)")
	return verb
}
