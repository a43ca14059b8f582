package hashindex

import (
	"cmp"
	"context"
	"errors"
	"slices"
)

// MatchHashes answers the exact range search around bare hashes.
func (ix *Index) MatchHashes(ctx context.Context, q HashQuery) (HashAnswer, error) {
	answer := HashAnswer{Results: make([][]HashMatch, 0, len(q.Hashes)/max(1, q.Each)+1)}
	var err error
	answer.Seq, err = ix.EachHash(ctx, q, func(_ Seq, matches []HashMatch) error {
		answer.Results = append(answer.Results, slices.Clone(matches))
		return nil
	})
	if err != nil {
		return HashAnswer{}, err
	}
	return answer, nil
}

// EachHash is MatchHashes without holding the whole answer, which may be ten thousand times a thousand
// matches: take gets one result after the other, with the Seq that all are of, and must not keep it. An
// error of take ends the search and is returned. The store is held open meanwhile, so take must not wait
// for long.
func (ix *Index) EachHash(ctx context.Context, q HashQuery, take func(Seq, []HashMatch) error) (Seq, error) {
	q.Each = cmp.Or(q.Each, 1)
	q.Limit = cmp.Or(q.Limit, DefaultLimit)
	if err := q.validate(); err != nil {
		return 0, err
	}
	if err := ix.HashesReady(); err != nil {
		return 0, err
	}
	s := &hashSearch{index: ix, query: q, space: ix.spaces[q.Algorithm], catalog: ix.catalog.Load(), seq: ix.Seq(), take: take}
	var err error
	if s.scope, err = q.scope(s.catalog); err != nil {
		return 0, err
	}
	// What is kept is searched in a view of its own, and views are not nested: one that begins inside
	// another would wait for ever behind a writer that waits for the first.
	if f := s.choose(); f != nil && f.kept == nil {
		return s.seq, s.viewed(func() error {
			return s.run(ctx, func() *feed { return f }, func(answer func() error) error { return answer() })
		})
	}
	return s.seq, s.run(ctx, s.choose, s.viewed)
}

func (s *hashSearch) choose() *feed { return s.space.choose(s.scope.MaxRadius()) }

func (s *hashSearch) viewed(do func() error) error {
	return s.index.store.View(func(r Reader) error {
		s.reader = r
		return do()
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

// hashSearch is one EachHash under way.
type hashSearch struct {
	index   *Index
	query   HashQuery
	space   *space
	catalog *catalog
	scope   Scope
	seq     Seq
	reader  Reader
	take    func(Seq, []HashMatch) error

	found   []Found
	ranks   []rank
	matches []HashMatch
}

// partHashes is how many hashes are searched before their results are cut to the limit. It bounds the
// memory of a query in a crowd: a million references of one hash are a million candidates for each
// hash asked, so ten thousand at once would be more than any machine holds. Searching a thousand at a
// time would be a sixth faster where nothing crowds.
const partHashes = 8

// run answers a few hashes at a time, each part by what choose chooses and in what viewed makes of it.
func (s *hashSearch) run(ctx context.Context, choose func() *feed, viewed func(func() error) error) error {
	each := s.query.Each
	step := max(1, partHashes/each) * each
	for part := range slices.Chunk(s.query.Hashes, step) {
		var err error
		if s.found, err = s.index.search(ctx, s.space, choose(), part, s.scope, s.found[:0]); err != nil {
			return err
		}
		if err := viewed(func() error { return s.answer((len(part) + each - 1) / each) }); err != nil {
			return err
		}
	}
	return nil
}

// answer hands on the results of one part.
func (s *hashSearch) answer(results int) error {
	ranks, ends := s.rank(results)
	from := 0
	for _, end := range ends {
		if err := s.confirm(ranks[from:end]); err != nil {
			return err
		}
		if err := s.take(s.seq, s.matches); err != nil {
			return err
		}
		from = end
	}
	return nil
}

// rank is what orders the candidates of one result: a quarter of the bytes of a Found, which are moved
// often.
type rank struct {
	frame    FrameID
	distance uint32
	found    uint32
}

// before is the order of an answer: by distance, then in order of arrival (I6).
func (a rank) before(b rank) bool {
	return a.distance < b.distance || a.distance == b.distance && a.frame < b.frame
}

// rank puts the candidates of each result together, in the order of the results, and says where each
// result's end.
func (s *hashSearch) rank(results int) (ranks []rank, ends []int) {
	var room [partHashes + 1]int
	starts := append(room[:0], make([]int, results+1)...)
	for i := range s.found {
		starts[s.found[i].Probe/s.query.Each+1]++
	}
	for i := range results {
		starts[i+1] += starts[i]
	}
	s.ranks = slices.Grow(s.ranks[:0], len(s.found))[:len(s.found)]
	for i := range s.found {
		f := &s.found[i]
		at := &starts[f.Probe/s.query.Each]
		s.ranks[*at] = rank{f.Entry.Frame, uint32(f.Distance), uint32(i)}
		*at++ // so that it ends where the next begins
	}
	return s.ranks, starts[:results]
}

// confirm makes the matches of one result from its candidates: the nearest that the store bears out,
// each reference once.
func (s *hashSearch) confirm(candidates []rank) error {
	s.matches = s.matches[:0]
	for left := nearestFirst(candidates); len(left) > 0 && len(s.matches) < s.query.Limit; left = left.drop() {
		id := left[0].frame.Reference()
		if slices.ContainsFunc(s.matches, func(m HashMatch) bool { return m.Reference == id }) {
			continue
		}
		match, err := s.match(s.found[left[0].found])
		if errors.Is(err, ErrNotFound) {
			continue // removed since it was proposed
		}
		if err != nil {
			return err
		}
		s.matches = append(s.matches, match)
	}
	return nil
}

// match is the match when the store bears it out (I3), else ErrNotFound.
func (s *hashSearch) match(f Found) (HashMatch, error) {
	label, err := s.reader.Label(f.Entry.Frame, s.query.Algorithm)
	if err != nil {
		return HashMatch{}, err
	}
	collection, known := s.catalog.byID[label.Collection]
	if !known || label.Hash != f.Entry.Hash {
		return HashMatch{}, ErrNotFound
	}
	return HashMatch{f.Entry.Frame.Reference(), label.ExternalID, collection.Name, f.Distance}, nil
}

// heap keeps the nearest candidate first: a crowd is put in order only as far as
// the limit asks.
type heap []rank

func nearestFirst(candidates []rank) heap {
	h := heap(candidates)
	for i := len(h)/2 - 1; i >= 0; i-- {
		h.sink(i)
	}
	return h
}

// drop is the heap without its first.
func (h heap) drop() heap {
	last := len(h) - 1
	h[0] = h[last]
	h = h[:last]
	h.sink(0)
	return h
}

func (h heap) sink(i int) {
	for {
		child := 2*i + 1
		if child >= len(h) {
			return
		}
		if child+1 < len(h) && h[child+1].before(h[child]) {
			child++
		}
		if !h[child].before(h[i]) {
			return
		}
		h[i], h[child] = h[child], h[i]
		i = child
	}
}
