package api

import (
	"context"
	"strconv"
	"sync"

	"github.com/labstack/echo/v4"

	"touchstone/api/wire"
	"touchstone/hashindex"
)

// matchHash answers a batch of hashes, or a stream of them, by the content type.
func (s *Server) matchHash(c echo.Context) error {
	if err := s.index.HashesReady(); err != nil {
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
	batch := hashBatches.Get().(*hashBatch)
	defer batch.release()
	search, err := s.readHashBatch(c, batch)
	if err != nil {
		return err
	}
	answer := hashAnswer{c: c, out: batch.out[:0]}
	seq, err := s.eachHash(c.Request().Context(), search.HashQuery, answer.add)
	err = answer.end(seq, err)
	batch.out = answer.out
	return err
}

// hashBatch is the memory of one batch, used again for others.
type hashBatch struct {
	text   []byte // of the request
	given  []hashindex.Hash
	probes []hashindex.Hash
	out    []byte // the answer, as far as it is not sent
}

var hashBatches = sync.Pool{New: func() any { return new(hashBatch) }}

// keptText is how much of a request's memory is kept for others: that of ten thousand hashes.
const keptText = 1 << 20

func (b *hashBatch) release() {
	if cap(b.text) <= keptText && cap(b.out) <= 4*flushAt {
		hashBatches.Put(b)
	}
}

// readHashBatch reads the usual body by scanHashRequest, and any other by encoding/json, which
// takes ten times as long.
func (s *Server) readHashBatch(c echo.Context, batch *hashBatch) (search hashSearch, err error) {
	body := bodyOf(c.Request()).within("document_bytes", s.limits.DocumentBytes)
	if batch.text, err = readInto(batch.text[:0], body); err != nil {
		return search, err
	}
	if err := begin(c); err != nil {
		return search, err
	}
	var asked wire.MatchHashRequest
	var plain bool
	if asked, batch.given, plain = scanHashRequest(batch.text, batch.given[:0]); !plain {
		return s.parseHashBatch(c, batch)
	}
	if search, err = s.newHashSearch(c, asked); err != nil {
		return search, err
	}
	search.Hashes = batch.probes[:0]
	for _, h := range batch.given {
		if h.Bits() != search.Algorithm.Bits() {
			return s.parseHashBatch(c, batch)
		}
		search.add(h)
	}
	batch.probes = search.Hashes
	return search, nil
}

func (s *Server) parseHashBatch(c echo.Context, batch *hashBatch) (search hashSearch, err error) {
	var asked wire.MatchHashRequest
	if err := parseDocument(batch.text, &asked); err != nil {
		return search, err
	}
	if len(asked.Hashes) > hashindex.MaxHashes {
		return search, &hashindex.LimitError{Limit: "hashes", Max: hashindex.MaxHashes, Got: int64(len(asked.Hashes))}
	}
	if search, err = s.newHashSearch(c, asked); err != nil {
		return search, err
	}
	search.Hashes = batch.probes[:0]
	for i, text := range asked.Hashes {
		if err := search.parse(text, "hashes["+strconv.Itoa(i)+"]"); err != nil {
			return search, err
		}
	}
	batch.probes = search.Hashes
	return search, nil
}

// hashSearch is a HashQuery being filled.
type hashSearch struct {
	hashindex.HashQuery
	variants func(hashindex.Hash) [hashindex.TransformCount]hashindex.Hash // nil unless dihedral is asked
}

// newHashSearch takes everything but the hashes.
func (s *Server) newHashSearch(c echo.Context, asked wire.MatchHashRequest) (search hashSearch, err error) {
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
	search.Within = callerOf(c).within()
	return search, s.checkCollections(c, asked.Collections)
}

func (q *hashSearch) parse(text, field string) error {
	h, err := parseHash(q.Algorithm, text, field)
	if err == nil {
		q.add(h)
	}
	return err
}

func (q *hashSearch) add(h hashindex.Hash) {
	if q.variants == nil {
		q.Hashes = append(q.Hashes, h)
		return
	}
	variants := q.variants(h)
	q.Hashes = append(q.Hashes, variants[:]...)
}

func (s *Server) eachHash(ctx context.Context, q hashindex.HashQuery, take func(hashindex.Seq, []hashindex.HashMatch) error) (hashindex.Seq, error) {
	begun := s.config.Now()
	seq, err := s.index.EachHash(ctx, q, take)
	s.metrics.matches.WithLabelValues("hashes").Observe(s.config.Now().Sub(begun).Seconds())
	return seq, aboutCollection(err)
}
