package hashindex_test

import (
	"cmp"
	"maps"
	"math"
	"slices"

	"touchstone/hashindex"
)

// model is the index in words too simple to be wrong: what is there, and a scan of it.
type model struct {
	references  map[hashindex.ReferenceID]modelled
	collections map[string]hashindex.Policy
	rows        map[string]string
	seq         hashindex.Seq // of the last change
}

type modelled struct {
	collection string
	name       string // external id
	note       string
	hash       hashindex.Hash // PDQ; zero: the reference is known by its pHash alone
	short      hashindex.Hash // pHash
	disabled   bool
	features   hashindex.Features
	encoded    []byte
}

func newModel() model {
	return model{references: map[hashindex.ReferenceID]modelled{}, collections: map[string]hashindex.Policy{}, rows: map[string]string{}}
}

// clone stays as it is while the model goes on.
func (m model) clone() model {
	m.references, m.collections, m.rows = maps.Clone(m.references), maps.Clone(m.collections), maps.Clone(m.rows)
	return m
}

// holds reports whether the external id is taken.
func (m model) holds(collection, name string) bool {
	for _, r := range m.references {
		if name != "" && r.name == name && r.collection == collection {
			return true
		}
	}
	return false
}

// ids are those of the collection, or of all, ascending.
func (m model) ids(collection string) (ids []hashindex.ReferenceID) {
	for id, r := range m.references {
		if collection == "" || r.collection == collection {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// best are the references of the collections asked, none for all, that have a score: the best first, then in order of
// arrival.
func (m model) best(asked []string, limit int, score func(modelled) (float64, bool)) (best []hashindex.ReferenceID) {
	scores := map[hashindex.ReferenceID]float64{}
	for id, r := range m.references {
		if s, ok := score(r); ok && !r.disabled && (len(asked) == 0 || slices.Contains(asked, r.collection)) {
			best, scores[id] = append(best, id), s
		}
	}
	slices.SortFunc(best, func(a, b hashindex.ReferenceID) int {
		return cmp.Or(cmp.Compare(scores[b], scores[a]), cmp.Compare(a, b))
	})
	return best[:min(len(best), limit)]
}

// match is what the index must answer to the query: a reference counts as near as its hash or as sure as its
// alignment, whichever is more.
func (m model) match(q hashindex.Query) []hashindex.ReferenceID {
	frame := q.Picture.Frames[0]
	return m.best(q.Collections, q.Limit, func(r modelled) (score float64, found bool) {
		policy := m.collections[r.collection]
		score, found = closeness(r.hash, frame.Hashes[hashindex.PDQ], q.Radius)
		if q.Radius == hashindex.PolicyRadius {
			score, found = closeness(r.hash, frame.Hashes[hashindex.PDQ], policy.Radius)
		}
		if r.hash.IsZero() {
			score, found = closeness(r.short, frame.Hashes[hashindex.PHash], policy.Radius64)
		}
		if q.Effort == hashindex.FullEffort && !r.hash.IsZero() {
			if s, ok := m.aligned(r, frame.Features); ok {
				score, found = max(score, s), true
			}
		}
		return score, found
	})
}

// closeness is a score that falls as the distance grows; none beyond the radius.
func closeness(known, asked hashindex.Hash, radius int) (score float64, found bool) {
	if known.IsZero() || known.Distance(asked) > radius {
		return 0, false
	}
	return 1 - float64(known.Distance(asked))/float64(known.Bits()/2), true
}

// aligned is the score of the alignment, where the policy lets one through.
func (m model) aligned(r modelled, query hashindex.Features) (score float64, found bool) {
	policy := m.collections[r.collection].Partial
	for _, mirrored := range []bool{false, true} {
		a, ok := newPlain(query).Align(r.features, mirrored)
		ofQuery := min(a.QueryCoverage, a.ReferenceCoverage*math.Abs(a.Matrix[0]*a.Matrix[4]))
		if ok && policy.Enabled && max(a.ReferenceCoverage, ofQuery) >= policy.MinCoverage {
			return a.Score, true
		}
	}
	return 0, false
}

// matchHash is what the index must answer to one hash of the query.
func (m model) matchHash(q hashindex.HashQuery, asked hashindex.Hash) []hashindex.ReferenceID {
	return m.best(q.Collections, q.Limit, func(r modelled) (float64, bool) {
		policy, known := m.collections[r.collection], r.hash
		radius := policy.Radius
		if q.Algorithm == hashindex.PHash {
			radius, known = policy.Radius64, r.short
		}
		if q.Radius != hashindex.PolicyRadius {
			radius = q.Radius
		}
		return closeness(known, asked, radius)
	})
}
