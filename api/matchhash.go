package api

import (
	"context"
	"strconv"

	"github.com/labstack/echo/v4"

	"touchstone/api/wire"
	"touchstone/hashindex"
)

// matchHash answers a batch of hashes, or a stream of them, by the content type.
func (s *Server) matchHash(c echo.Context) error {
	if err := s.index.Ready(); err != nil {
		return err
	}
	switch mediaType(c) {
	case jsonType:
		return s.matchHashBatch(c)
	case ndjsonType:
		return s.matchHashStream(c)
	}
	return unsupported(c, jsonType, ndjsonType)
}

func (s *Server) matchHashBatch(c echo.Context) error {
	for name := range optionsOf(c).Values {
		return invalid(name, "the options of a JSON body stand in the body")
	}
	var asked wire.MatchHashRequest
	if err := s.readJSON(c, &asked); err != nil {
		return err
	}
	if len(asked.Hashes) > hashindex.MaxHashes {
		return &hashindex.LimitError{Limit: "hashes", Max: hashindex.MaxHashes, Got: int64(len(asked.Hashes))}
	}
	search, err := s.newHashSearch(asked)
	if err != nil {
		return err
	}
	for i, text := range asked.Hashes {
		if err := search.add(text, "hashes["+strconv.Itoa(i)+"]"); err != nil {
			return err
		}
	}
	answer, err := s.searchHashes(c.Request().Context(), search.HashQuery)
	if err != nil {
		return err
	}
	return c.JSON(200, wire.MatchHashAnswer{Seq: uint64(answer.Seq), Results: converted(answer.Results, wireHashResult)})
}

// hashSearch is a HashQuery being filled.
type hashSearch struct {
	hashindex.HashQuery
	variants func(hashindex.Hash) [hashindex.TransformCount]hashindex.Hash // nil unless dihedral is asked
}

// newHashSearch takes everything but the hashes.
func (s *Server) newHashSearch(asked wire.MatchHashRequest) (search hashSearch, err error) {
	search.Algorithm = hashindex.PDQ
	if asked.Algorithm != "" {
		if search.Algorithm, err = hashindex.ParseAlgorithm(asked.Algorithm); err != nil {
			return search, err
		}
	}
	search.Radius, search.Limit, search.Collections, search.Each = hashindex.PolicyRadius, asked.Limit, asked.Collections, 1
	if asked.Radius != nil {
		if search.Radius = *asked.Radius; search.Radius < 0 || search.Radius > search.Algorithm.MaxRadius() {
			return search, invalid("radius", "%d is not within 0..%d bits of %d", search.Radius, search.Algorithm.MaxRadius(), search.Algorithm.Bits())
		}
	}
	if asked.Limit < 0 || asked.Limit > hashindex.MaxLimit {
		return search, invalid("limit", "%d is not within 1..%d", asked.Limit, hashindex.MaxLimit)
	}
	if asked.Dihedral {
		if search.Algorithm != hashindex.PDQ || s.config.Variants == nil {
			return search, invalid("dihedral", "is for pdq only: turned and mirrored %s hashes do not follow from the upright one", search.Algorithm)
		}
		search.variants, search.Each = s.config.Variants, hashindex.TransformCount
	}
	return search, s.checkCollections(asked.Collections)
}

func (q *hashSearch) add(text, field string) error {
	h, err := parseHash(q.Algorithm, text, field)
	if err != nil {
		return err
	}
	if q.variants == nil {
		q.Hashes = append(q.Hashes, h)
		return nil
	}
	variants := q.variants(h)
	q.Hashes = append(q.Hashes, variants[:]...)
	return nil
}

func (s *Server) searchHashes(ctx context.Context, q hashindex.HashQuery) (hashindex.HashAnswer, error) {
	begun := s.config.Now()
	answer, err := s.index.MatchHashes(ctx, q)
	s.metrics.matches.WithLabelValues("hashes").Observe(s.config.Now().Sub(begun).Seconds())
	return answer, aboutCollection(err)
}

func wireHashResult(matches []hashindex.HashMatch) wire.MatchHashResult {
	return wire.MatchHashResult{Matches: converted(matches, wireHashMatch)}
}

func wireHashMatch(m hashindex.HashMatch) wire.HashMatch {
	return wire.HashMatch{ReferenceID: wireID(m.Reference), ExternalID: m.ExternalID, Collection: m.Collection, Distance: m.Distance}
}
