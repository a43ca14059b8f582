package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"touchstone/api/client"
	"touchstone/api/wire"
)

// matchedFile is what match prints of one file.
type matchedFile struct {
	File string `json:"file"`
	Seq  uint64 `json:"seq"`
	wire.MatchResult
}

func (a *app) matchCommand() *cobra.Command {
	var options client.MatchOptions
	var hashes hashOptions
	radius := -1
	verb := a.verb("match FILE... | --hash HEX...", "Say which references pictures copy (- is standard input)", cobra.ArbitraryArgs,
		func(ctx context.Context, files []string) error {
			if radius >= 0 {
				options.Radius = &radius
			}
			if (len(files) == 0) == (len(hashes.hashes) == 0) {
				return usageError{errors.New("give either files or --hash"), "touchstone match"}
			}
			if len(hashes.hashes) > 0 {
				return a.matchHashes(ctx, hashes, options)
			}
			return a.match(ctx, files, options)
		})
	verb.Long = `Say which references pictures copy, which part of which works videos show and when, or with --hash which references have a hash near this one. On a
data folder both are answered from the file at once; a search index is loaded only when the
questions are many.`
	flags := verb.Flags()
	flags.StringVar(&options.Effort, "effort", "", "how far to search: fast (whole pictures) or full (parts too, in several times the time; default)")
	flags.IntVar(&options.Limit, "limit", 0, "how many matches to print for each picture (default 10)")
	flags.StringSliceVar(&options.Collections, "collections", nil, "search these `names` alone, separated by commas")
	flags.StringVar(&options.Subject, "subject", "", "what the pictures are about: a listing's id, or `JSON` such as {\"listing\":\"L-1\",\"seller\":\"shop-9\"}; matches are recorded as hits")
	flags.IntVar(&radius, "radius", -1, "largest distance in `bits` (default: each collection's own)")
	flags.StringSliceVar(&hashes.hashes, "hash", nil, "search for this `hash` in place of pictures; may be given more than once")
	flags.StringVar(&hashes.algorithm, "algorithm", "", "what made the hash: pdq, phash, dhash or ahash (default pdq for 64 digits, phash for 16)")
	flags.BoolVar(&hashes.dihedral, "dihedral", false, "search for the mirrored and turned PDQ hash too")
	return verb
}

func (a *app) match(ctx context.Context, files []string, options client.MatchOptions) error {
	matched := false
	t := a.table("FILE", "STATUS", "REFERENCE", "COLLECTION", "KIND", "DISTANCE", "SCORE", "TRANSFORM", "PART")
	need := searching
	if options.Subject != "" {
		need = writing
	}
	err := a.connect(ctx, need, func(c *client.Client) error {
		send := func(ctx context.Context, pictures []picture) ([]matchedFile, error) {
			answer, err := c.Match(ctx, images(pictures), options)
			results := make([]matchedFile, len(answer.Results))
			for i, r := range answer.Results {
				results[i] = matchedFile{Seq: answer.Seq, MatchResult: r}
			}
			return results, err
		}
		print := func(file string, m matchedFile) error {
			m.File = file
			matched = matched || m.Status == "match"
			return t.matchRows(m)
		}
		pictures, videos := a.sorted(files)
		err := askEach(ctx, a, c, pictures, send, print)
		for _, file := range videos {
			err = errors.Join(err, a.matchVideo(ctx, c, file, options, print))
		}
		return err
	})
	t.Flush()
	if err == nil && !matched {
		return errNoMatch
	}
	return err
}

// matchRows prints a row for each match, or one that says why there is none.
func (t *table) matchRows(m matchedFile) error {
	if t.app.json {
		return t.app.printJSON(m)
	}
	if m.Video != nil {
		t.Flush()
		return t.app.printTimeline(m)
	}
	if len(m.Matches) == 0 {
		return t.row(nil, m.File, m.Status, whyNone(m.MatchResult))
	}
	for _, match := range m.Matches {
		t.row(nil, m.File, m.Status, nameOf(match), match.Collection, match.Kind, match.Distance,
			fmt.Sprintf("%.2f", match.Score), transformText(match.Transform), partText(match))
	}
	return nil
}

func whyNone(r wire.MatchResult) string {
	switch {
	case r.Status == "undecidable":
		return fmt.Sprintf("- (quality %d: too flat to tell)", r.Quality)
	case len(r.SuppressedBy) > 0:
		return fmt.Sprintf("- (benign: %s)", nameOf(r.SuppressedBy[0]))
	}
	return "-"
}

// nameOf is the owner's name for the reference, or ours where it has none.
func nameOf(m wire.Match) string {
	if m.ExternalID == "" {
		return "#" + m.ReferenceID
	}
	return m.ExternalID
}
