package hashindex

import (
	"cmp"
	"context"
	"errors"
	"slices"
)

// MatchHashes answers the exact range search around bare hashes: the hot path.
func (ix *Index) MatchHashes(ctx context.Context, q HashQuery) (HashAnswer, error) {
	q.Each = cmp.Or(q.Each, 1)
	if err := q.validate(); err != nil {
		return HashAnswer{}, err
	}
	if err := ix.Ready(); err != nil {
		return HashAnswer{}, err
	}
	catalog := ix.catalog.Load()
	scope, err := q.scope(catalog)
	if err != nil {
		return HashAnswer{}, err
	}
	answer := HashAnswer{Seq: ix.Seq(), Results: make([][]HashMatch, (len(q.Hashes)+q.Each-1)/q.Each)}
	return answer, ix.store.View(func(r Reader) error {
		return ix.matchParts(ctx, r, q, catalog, scope, answer.Results)
	})
}

// partHashes is how many hashes are searched before their results are cut to the limit. It bounds the
// memory of a query in a crowd: a million references of one hash are a million candidates for each
// hash asked, so ten thousand at once would be more than any machine holds. Searching a thousand at a
// time would be a sixth faster where nothing crowds.
const partHashes = 8

// matchParts answers a few hashes at a time, all in one view of the store.
func (ix *Index) matchParts(ctx context.Context, r Reader, q HashQuery, catalog *catalog, scope Scope, results [][]HashMatch) error {
	var found []Found
	part := q
	size := max(1, partHashes/q.Each)
	for first := 0; first < len(results); first += size {
		last := min(first+size, len(results))
		part.Hashes = q.Hashes[first*q.Each : min(last*q.Each, len(q.Hashes))]
		var err error
		if found, err = ix.spaces[q.Algorithm].search(ctx, part.Hashes, scope, found[:0]); err != nil {
			return err
		}
		if err := confirmHashes(r, part, catalog, found, results[first:last]); err != nil {
			return err
		}
	}
	return nil
}

func (q HashQuery) scope(catalog *catalog) (Scope, error) {
	asked, err := catalog.named(q.Collections)
	var scope Scope
	for _, c := range asked {
		radius := q.Radius
		if radius == PolicyRadius {
			radius = c.Policy.radius(q.Algorithm)
		}
		scope.Allow(c.ID, radius)
	}
	return scope, err
}

// confirmHashes fills the results from what was found, nearest first.
func confirmHashes(r Reader, q HashQuery, catalog *catalog, found []Found, results [][]HashMatch) error {
	slices.SortFunc(found, func(a, b Found) int {
		return cmp.Or(
			cmp.Compare(a.Probe/q.Each, b.Probe/q.Each),
			cmp.Compare(a.Distance, b.Distance),
			cmp.Compare(a.Entry.Frame, b.Entry.Frame),
		)
	})
	limit := cmp.Or(q.Limit, DefaultLimit)
	for _, f := range found {
		result := &results[f.Probe/q.Each]
		id := f.Entry.Frame.Reference()
		if len(*result) == limit || slices.ContainsFunc(*result, func(m HashMatch) bool { return m.Reference == id }) {
			continue
		}
		match, err := confirmHash(r, q.Algorithm, catalog, f)
		if errors.Is(err, ErrNotFound) {
			continue // removed since it was proposed
		}
		if err != nil {
			return err
		}
		*result = append(*result, match)
	}
	return nil
}

// confirmHash is the match when the store bears it out (I3), else ErrNotFound.
func confirmHash(r Reader, a Algorithm, catalog *catalog, f Found) (HashMatch, error) {
	reference, err := r.Reference(f.Entry.Frame.Reference())
	if err != nil {
		return HashMatch{}, err
	}
	collection, known := catalog.byID[reference.Collection]
	n := f.Entry.Frame.Index()
	if !known || n >= len(reference.Frames) || reference.Frames[n].Hashes[a] != f.Entry.Hash {
		return HashMatch{}, ErrNotFound
	}
	return HashMatch{reference.ID, reference.ExternalID, collection.Name, f.Distance}, nil
}
