package hashindex

import (
	"cmp"
	"errors"
	"slices"
)

// confirm reads the candidates from the store, best first, until the answer is full or a benign
// reference outdoes the rest.
func (s *search) confirm(answer *Answer) error {
	candidates := make([]candidate, 0, len(s.byFrame))
	for _, c := range s.byFrame {
		candidates = append(candidates, c)
	}
	slices.SortFunc(candidates, candidate.compare)
	limit := cmp.Or(s.query.Limit, DefaultLimit)
	return s.index.store.View(func(r Reader) error {
		seen := map[ReferenceID]bool{}
		for _, c := range candidates {
			if s.settled(answer, c, limit) {
				break
			}
			if id := c.entry.Frame.Reference(); !seen[id] && !(len(answer.Matches) >= limit && s.plain(c)) {
				seen[id] = true
				if err := s.confirmOne(r, c, answer); err != nil {
					return err
				}
			}
		}
		answer.Matches = answer.Matches[:min(len(answer.Matches), limit)]
		return nil
	})
}

// plain reports whether the candidate can only be a match: once the answer is full, those as good as
// its last one are read only to see whether they are benign. There may be a million of them.
func (s *search) plain(c candidate) bool {
	collection, known := s.catalog.byID[c.entry.Collection]
	return known && collection.Purpose != Benign
}

// settled reports whether no candidate from here on can change the answer. Candidates as good as
// the last match still can: a benign one among them suppresses it.
func (s *search) settled(answer *Answer, next candidate, limit int) bool {
	if len(answer.Benign) > 0 {
		return next.score < answer.Benign[0].Score
	}
	return len(answer.Matches) >= limit && next.score < answer.Matches[len(answer.Matches)-1].Score
}

func (s *search) confirmOne(r Reader, c candidate, answer *Answer) error {
	match, err := s.matchOf(r, c)
	if errors.Is(err, ErrNotFound) {
		return nil // removed since it was proposed
	}
	if err != nil {
		return err
	}
	switch {
	case !s.wanted(match.Reference):
	case match.Collection.Purpose == Benign && s.skip == nil:
		answer.Benign = append(answer.Benign, match)
		answer.Matches = slices.DeleteFunc(answer.Matches, func(m Match) bool { return m.Score <= match.Score })
	case len(answer.Benign) > 0: // as plain as a benign one, so suppressed
	default:
		answer.Matches = append(answer.Matches, match)
	}
	return nil
}

// wanted reports whether the reference may be answered at all.
func (s *search) wanted(r Reference) bool {
	return r.Enabled(s.index.now()) && (s.skip == nil || !s.skip(r))
}

// matchOf is the match that the candidate stands for, every part of it read from the store (I3);
// ErrNotFound when the store does not bear it out.
func (s *search) matchOf(r Reader, c candidate) (Match, error) {
	reference, err := r.Reference(c.entry.Frame.Reference())
	if err != nil {
		return Match{}, err
	}
	collection, ok := s.catalog.byID[reference.Collection]
	if !ok || c.entry.Frame.Index() >= len(reference.Frames) {
		return Match{}, ErrNotFound
	}
	match := Match{Reference: reference, Collection: collection, Evidence: s.evidence(c, reference, collection)}
	if match.Evidence.Verify() != nil {
		return Match{}, ErrNotFound
	}
	match.locate()
	match.Score = match.Evidence.Score()
	return match, nil
}

func (s *search) evidence(c candidate, reference Reference, collection Collection) Evidence {
	asked, stored := s.query.Picture.Frames[c.queryFrom], reference.Frames[c.entry.Frame.Index()]
	e := Evidence{
		Recipe: stored.Recipe, Algorithm: c.algorithm, Transform: c.transform,
		QueryHash: c.probe, ReferenceHash: stored.Hashes[c.algorithm],
		Radius: s.radius(collection, c.algorithm), CopyRadius: collection.Policy.CopyRadius,
		QueryFrame: c.queryFrom, ReferenceFrame: c.entry.Frame.Index(),
		QueryQuality: asked.Quality, ReferenceQuality: stored.Quality,
		QueryContent: s.query.Picture.Content, ReferenceContent: reference.Content,
	}
	if e.QueryHash.Bits() == e.ReferenceHash.Bits() && stored.Recipe == asked.Recipe {
		e.Distance = e.QueryHash.Distance(e.ReferenceHash)
		e.Kind = e.kind()
	}
	return e
}
