package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"touchstone/api/client"
	"touchstone/api/wire"
)

func (a *app) dumpCommand() *cobra.Command {
	var after uint64
	verb := a.verb("dump", "Print the history, one change a line", cobra.NoArgs, func(ctx context.Context, _ []string) error {
		return a.connect(ctx, reading, func(c *client.Client) error { return a.dump(ctx, c, after) })
	})
	verb.Long = `Print every change in the order in which they were committed. Each holds the digest of the one
before it: dump follows that chain and stops where it breaks.`
	verb.Flags().Uint64Var(&after, "after", 0, "print what came after this `seq`")
	return verb
}

func (a *app) dump(ctx context.Context, c *client.Client, after uint64) error {
	last := wire.Change{Seq: after}
	for change, err := range c.AllChanges(ctx, after) {
		if err != nil {
			return err
		}
		if err := follows(change, last); err != nil {
			return err
		}
		if err := a.print(change, changeText(change)); err != nil {
			return err
		}
		last = change
	}
	return nil
}

// follows reports whether the change comes next in the chain. The first to be printed has nothing
// to be compared with, unless it is the first of all.
func follows(change, last wire.Change) error {
	if change.Seq != last.Seq+1 {
		return fmt.Errorf("change %d comes after %d: %w", change.Seq, last.Seq, errDamage)
	}
	begins := change.Seq == 1 && strings.Trim(change.Prev, "0") == ""
	unknown := change.Seq > 1 && last.Digest == ""
	if !begins && !unknown && change.Prev != last.Digest {
		return fmt.Errorf("change %d does not follow from the one before it: %w", change.Seq, errDamage)
	}
	return nil
}

func changeText(c wire.Change) string {
	text := fmt.Sprintf("%d  %s  %.8s  %s", c.Seq, c.Time.UTC().Format(time.RFC3339), c.Digest, c.Kind)
	if c.Actor != "" {
		text += "  by " + harmless(c.Actor)
	}
	if of := c.Collection; of != nil {
		text += fmt.Sprintf("  %s (%s)", of.Name, of.Purpose)
	}
	if of := c.Note; of != nil {
		text += fmt.Sprintf("  %s %s  %s", harmless(of.Topic), harmless(of.Subject), harmless(string(of.Body)))
	}
	if of := c.Reference; of != nil {
		text += fmt.Sprintf("  %s  %s  %s", of.Collection, of.ID, harmless(of.ExternalID))
	}
	return text
}
