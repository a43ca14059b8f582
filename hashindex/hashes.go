package hashindex

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"
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
	s := &hashSearch{index: ix, query: q, space: ix.spaces[q.Algorithm], catalog: ix.catalog.Load(), seq: ix.Seq(), now: ix.now(), take: take}
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
	asked, err := catalog.named(q.Collections, q.Within)
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
	now     time.Time
	reader  Reader
	take    func(Seq, []HashMatch) error

	found   []Found
	ranks   []rank
	starts  []int
	matches []HashMatch
}

const (
	// spareCandidates is how many candidates of a hash are asked for beyond the limit, so that an
	// answer is seldom short of matches when some are frames of one reference or have been removed.
	spareCandidates = 256

	// partCandidates bounds how many candidates are held, a few megabytes, and so how many hashes are
	// searched at once: a million references of one hash are a million candidates for each hash asked,
	// but a searcher gives little more of them than the scope's limit.
	partCandidates = 1 << 16

	// deeper is how many times as many candidates are asked for when they were too few.
	deeper = 8
)

// run answers a part of the hashes at a time, each by what choose chooses and in what viewed makes of
// it.
func (s *hashSearch) run(ctx context.Context, choose func() *feed, viewed func(func() error) error) error {
	each := s.query.Each
	s.scope.Limit = s.query.Limit + spareCandidates
	step := max(1, partCandidates/s.scope.Limit/each) * each
	for part := range slices.Chunk(s.query.Hashes, step) {
		if err := s.search(ctx, part, choose, viewed); err != nil {
			return err
		}
	}
	return nil
}

// search hands on the results of one part. No view is held while a searcher searches, if viewed holds
// any of its own.
func (s *hashSearch) search(ctx context.Context, part []Hash, choose func() *feed, viewed func(func() error) error) error {
	var err error
	if s.found, err = s.index.search(ctx, s.space, choose(), part, s.scope, s.found[:0]); err != nil {
		return err
	}
	each := s.query.Each
	ends := s.rank((len(part) + each - 1) / each)
	for next := 0; next < len(ends); next++ {
		err := viewed(func() error {
			next, err = s.answer(ends, next)
			return err
		})
		if err == nil && next < len(ends) {
			err = s.deepen(ctx, part[next*each:min((next+1)*each, len(part))], choose, viewed)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// answer hands on results from first on. It stops at one that has too few candidates.
func (s *hashSearch) answer(ends []int, first int) (next int, err error) {
	for next = first; next < len(ends); next++ {
		from := 0
		if next > 0 {
			from = ends[next-1]
		}
		whole, err := s.confirm(s.ranks[from:ends[next]])
		if err != nil || !whole {
			return next, err
		}
		if err := s.take(s.seq, s.matches); err != nil {
			return next, err
		}
	}
	return next, nil
}

// deepen searches for one result that has too few candidates. Those of the others stay.
func (s *hashSearch) deepen(ctx context.Context, hashes []Hash, choose func() *feed, viewed func(func() error) error) error {
	found, ranks, starts, limit := s.found, s.ranks, s.starts, s.scope.Limit
	defer func() { s.found, s.ranks, s.starts, s.scope.Limit = found, ranks, starts, limit }()
	s.found, s.ranks, s.starts, s.scope.Limit = nil, nil, nil, limit*deeper
	return s.search(ctx, hashes, choose, viewed)
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

func (a rank) compare(b rank) int {
	return cmp.Or(cmp.Compare(a.distance, b.distance), cmp.Compare(a.frame, b.frame))
}

// rank puts the candidates of each result together, in the order of the results, and says where each
// result's end.
func (s *hashSearch) rank(results int) (ends []int) {
	s.starts = append(s.starts[:0], make([]int, results+1)...)
	starts := s.starts
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
	return starts[:results]
}

// confirm makes the matches of one result from its candidates: the nearest that the store bears out,
// each reference once. It is false when candidates that the searcher left out might be among them.
func (s *hashSearch) confirm(candidates []rank) (whole bool, err error) {
	s.matches = s.matches[:0]
	last, all := s.horizon(candidates)
	for left := nearestFirst(candidates); len(left) > 0 && len(s.matches) < s.query.Limit; left = left.drop() {
		if !all && last.before(left[0]) {
			return false, nil
		}
		id := left[0].frame.Reference()
		if slices.ContainsFunc(s.matches, func(m HashMatch) bool { return m.Reference == id }) {
			continue
		}
		match, err := s.match(s.found[left[0].found])
		if errors.Is(err, ErrNotFound) {
			continue // removed since it was proposed
		}
		if err != nil {
			return false, err
		}
		s.matches = append(s.matches, match)
	}
	return all || len(s.matches) == s.query.Limit, nil
}

// horizon is the last candidate up to which none is left out, unless all are there. A searcher may
// leave out what is beyond a hash's nearest, as many as the scope's limit.
func (s *hashSearch) horizon(candidates []rank) (last rank, all bool) {
	all = true
	if len(candidates) < s.scope.Limit {
		return last, all
	}
	byProbe := map[int][]rank{}
	for _, c := range candidates {
		probe := s.found[c.found].Probe
		byProbe[probe] = append(byProbe[probe], c)
	}
	for _, of := range byProbe {
		if len(of) < s.scope.Limit {
			continue
		}
		slices.SortFunc(of, rank.compare)
		if end := of[s.scope.Limit-1]; all || end.before(last) {
			last, all = end, false
		}
	}
	return last, all
}

// match is the match when the store bears it out (I3), else ErrNotFound.
func (s *hashSearch) match(f Found) (HashMatch, error) {
	label, err := s.reader.Label(f.Entry.Frame, s.query.Algorithm)
	if err != nil {
		return HashMatch{}, err
	}
	collection, known := s.catalog.byID[label.Collection]
	if !known || label.Hash != f.Entry.Hash || !label.Enabled(s.now) {
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
