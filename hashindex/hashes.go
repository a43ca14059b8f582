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
	found, err := ix.spaces[q.Algorithm].searcher.Search(ctx, q.Hashes, scope, nil)
	if err != nil {
		return HashAnswer{}, err
	}
	return answer, ix.store.View(func(r Reader) error {
		return confirmHashes(r, q, catalog, found, answer.Results)
	})
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
