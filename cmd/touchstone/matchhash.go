package main

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"touchstone/api/client"
	"touchstone/api/wire"
	"touchstone/hashindex"
)

// hashOptions are the flags of match that make it search for bare hashes.
type hashOptions struct {
	hashes    []string
	algorithm string
	dihedral  bool
}

// matchedHash is what match prints of one hash.
type matchedHash struct {
	Hash string `json:"hash"`
	Seq  uint64 `json:"seq"`
	wire.MatchHashResult
}

// matchHashes is match for bare hashes: all of them in one request, as POST /v1/match/hash takes them.
func (a *app) matchHashes(ctx context.Context, o hashOptions, options client.MatchOptions) error {
	if options.Effort != "" {
		return usageError{errors.New("--effort is for pictures: a hash has one tier"), "touchstone match"}
	}
	asked := wire.MatchHashRequest{
		Algorithm: cmp.Or(o.algorithm, algorithmOf(o.hashes)), Hashes: o.hashes, Dihedral: o.dihedral,
		Radius: options.Radius, Limit: options.Limit, Collections: options.Collections,
	}
	t := a.table("HASH", "STATUS", "REFERENCE", "COLLECTION", "DISTANCE")
	matched := false
	err := a.connect(ctx, asking, func(c *client.Client) error {
		answer, err := c.MatchHashes(ctx, asked)
		for i, r := range answer.Results {
			matched = matched || len(r.Matches) > 0
			err = errors.Join(err, t.hashRows(matchedHash{o.hashes[i], answer.Seq, r}))
		}
		return err
	})
	t.Flush()
	if err == nil && !matched {
		return errNoMatch
	}
	return err
}

// algorithmOf is the one that hashes of this length are taken for.
func algorithmOf(hashes []string) string {
	if slices.ContainsFunc(hashes, func(h string) bool { return len(h) == 64 }) {
		return hashindex.PDQ.String()
	}
	return hashindex.PHash.String()
}

func (t *table) hashRows(m matchedHash) error {
	if t.app.json {
		return t.app.printJSON(m)
	}
	if len(m.Matches) == 0 {
		return t.row(nil, m.Hash, "no_match", "-")
	}
	for _, match := range m.Matches {
		name := cmp.Or(match.ExternalID, "#"+match.ReferenceID)
		if err := t.row(nil, m.Hash, "match", name, match.Collection, match.Distance); err != nil {
			return err
		}
	}
	return nil
}
