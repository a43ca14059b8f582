package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"touchstone/api/client"
	"touchstone/api/wire"
	"touchstone/hashindex"
)

func (a *app) compareCommand() *cobra.Command {
	var reference, drawing string
	verb := a.verb("compare [FILE] FILE", "Explain why two pictures match or not", cobra.RangeArgs(1, 2), func(ctx context.Context, files []string) error {
		if want := 2 - min(len(reference), 1); len(files) != want {
			return usageError{fmt.Errorf("want %s to compare", plural(want, "file")), "touchstone compare"}
		}
		return a.compare(ctx, files, reference, drawing)
	})
	verb.Long = `Explain why two pictures match or not: the first plays the reference, the second the query. With
--reference, a registered reference is the first, under the policy of its collection. --overlay draws
both, the outline of the first in the second, and the two blended.`
	verb.Flags().StringVar(&reference, "reference", "", "compare with the reference of this `id`")
	verb.Flags().StringVar(&drawing, "overlay", "", "draw the two, laid over each other, into this PNG `file`")
	return verb
}

func (a *app) compare(ctx context.Context, files []string, reference, drawing string) error {
	need := noStore
	if reference != "" {
		need = reading
	}
	return a.connect(ctx, need, func(c *client.Client) error {
		pair, err := a.readPair(ctx, c, files, reference)
		if err != nil {
			return err
		}
		answer, err := c.Compare(ctx, pair)
		if err == nil && drawing != "" {
			err = a.drawOverlay(ctx, c, pair, drawing)
		}
		names := files
		if reference != "" {
			names = []string{"reference " + reference, files[0]}
		}
		if problem, bad := culprit(err, 2); bad == 0 || bad == 1 {
			return fmt.Errorf("%s: %w", names[bad], problem)
		}
		if err != nil {
			return err
		}
		return a.printComparison(names, answer)
	})
}

func (a *app) readPair(ctx context.Context, c *client.Client, files []string, reference string) (client.Pair, error) {
	limits, err := c.Limits(ctx)
	if err != nil {
		return client.Pair{}, err
	}
	pair := client.Pair{Reference: reference}
	for _, file := range files {
		content, err := a.readFile(file, limits["image_bytes"])
		if err != nil {
			return client.Pair{}, fmt.Errorf("%s: %w", file, err)
		}
		pair.Images = append(pair.Images, client.Image{Name: file, Content: content})
	}
	return pair, nil
}

func (a *app) drawOverlay(ctx context.Context, c *client.Client, pair client.Pair, file string) error {
	drawn, err := c.Overlay(ctx, pair)
	if err != nil {
		return err
	}
	return replaceWhole(file, func(to io.Writer) error { _, err := to.Write(drawn); return err })
}

func (a *app) printComparison(files []string, answer wire.CompareAnswer) error {
	if a.json {
		if err := a.printJSON(answer); err != nil {
			return err
		}
	} else if err := explainComparison(a.stdout, files, answer); err != nil {
		return err
	}
	if answer.Status != "match" {
		return errNoMatch
	}
	return nil
}

// explainComparison writes what a person needs to follow the verdict by eye.
func explainComparison(w io.Writer, files []string, answer wire.CompareAnswer) error {
	a, b := answer.Images[0], answer.Images[1]
	for i, image := range answer.Images {
		fmt.Fprintf(w, "%c  %s  %s %d×%d, quality %d\n", 'A'+i, harmless(files[i]), image.Format, image.Width, image.Height, image.Quality)
	}
	d := answer.Distances
	for _, each := range []struct {
		name     string
		distance int
		a, b     string
	}{
		{"pdq", d.PDQ, a.Hashes.PDQ, b.Hashes.PDQ},
		{"phash", d.PHash, a.Hashes.PHash, b.Hashes.PHash},
		{"dhash", d.DHash, a.Hashes.DHash, b.Hashes.DHash},
		{"ahash", d.AHash, a.Hashes.AHash, b.Hashes.AHash},
	} {
		fmt.Fprintf(w, "\n%s: %d of %d bits differ\n", each.name, each.distance, 4*len(each.a))
		if err := writeGrids(w, each.a, each.b); err != nil {
			return err
		}
	}
	fmt.Fprintf(w, "\nBest of the eight ways to turn and mirror B: pdq distance %d, %s\n", answer.Best.PDQ, transformText(answer.Best.Transform))
	if o := answer.Overlay; o != nil {
		across, down := partShown(o.Matrix)
		fmt.Fprintf(w, "A laid over B: %s agree; %s of A (%s across, %s down) look the same, correlation %.2f\n",
			plural(o.Corners, "corner"), percent(o.ReferenceCoverage), across, down, o.Correlation)
	}
	_, err := fmt.Fprintf(w, "Verdict: %s: %s\n", strings.ReplaceAll(answer.Status, "_", " "), answer.Why)
	return err
}

// writeGrids writes both hashes as squares of bits, and between what differs.
func writeGrids(w io.Writer, a, b string) error {
	first, err := hashindex.ParseHash(a)
	if err != nil {
		return err
	}
	second, err := hashindex.ParseHash(b)
	if err != nil {
		return err
	}
	side := 8
	if first.Bits() == 256 {
		side = 16
	}
	fmt.Fprintf(w, "  %-*s  %-*s  differ\n", side, "A", side, "B")
	for row := range side {
		var left, right, between strings.Builder
		for column := range side {
			x, y := bitOf(first, row*side+column), bitOf(second, row*side+column)
			left.WriteString(mark(x, "█", "·"))
			right.WriteString(mark(y, "█", "·"))
			between.WriteString(mark(x != y, "×", "·"))
		}
		fmt.Fprintf(w, "  %s  %s  %s\n", left.String(), right.String(), between.String())
	}
	return nil
}

// bitOf is bit n of the hash, counted from the least significant: for PDQ row by row from the
// lowest frequency.
func bitOf(h hashindex.Hash, n int) bool { return h.Words[n/64]>>(n%64)&1 == 1 }

func mark(set bool, yes, no string) string {
	if set {
		return yes
	}
	return no
}
