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
	return a.verb("compare FILE FILE", "Explain why two pictures match or not", cobra.ExactArgs(2), a.compare)
}

func (a *app) compare(ctx context.Context, files []string) error {
	return a.connect(ctx, noStore, func(c *client.Client) error {
		limits, err := c.Limits(ctx)
		if err != nil {
			return err
		}
		var pair [2]client.Image
		for i, file := range files {
			content, err := a.readFile(file, limits["image_bytes"])
			if err != nil {
				return fmt.Errorf("%s: %w", file, err)
			}
			pair[i] = client.Image{Name: file, Content: content}
		}
		answer, err := c.Compare(ctx, pair[0], pair[1])
		if problem, bad := culprit(err, 2); bad == 0 || bad == 1 {
			return fmt.Errorf("%s: %w", files[bad], problem)
		}
		if err != nil {
			return err
		}
		return a.printComparison(files, answer)
	})
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
