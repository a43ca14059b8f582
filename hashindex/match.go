package hashindex

import (
	"cmp"
	"context"
	"slices"
)

// Match says which references the picture copies. Range search is exact: nothing within a
// collection's radius is missed, turned and mirrored pictures included. With full effort and a picture
// that has features, it goes on to tier partial, which promises no set but confirms what it answers.
func (ix *Index) Match(ctx context.Context, q Query) (Answer, error) {
	if err := q.validate(); err != nil {
		return Answer{}, err
	}
	return ix.match(ctx, q, nil)
}

// match is Match without those references that skip refuses.
func (ix *Index) match(ctx context.Context, q Query, skip func(Reference) bool) (Answer, error) {
	if err := ix.Ready(); err != nil {
		return Answer{}, err
	}
	s := &search{index: ix, query: q, catalog: ix.catalog.Load(), skip: skip}
	if err := s.admit(); err != nil {
		return Answer{}, err
	}
	answer := Answer{Seq: ix.Seq(), Quality: q.Picture.quality(), Status: Undecidable}
	if answer.Quality < PoorQuality && answer.Quality != QualityUnknown {
		return answer, nil
	}
	answer.Tried = []Tier{Copy, Near}
	begun := ix.now()
	if err := s.propose(ctx); err != nil {
		return Answer{}, err
	}
	if err := s.confirm(&answer); err != nil {
		return Answer{}, err
	}
	ix.whole.add(ix.now().Sub(begun))
	if err := s.matchParts(ctx, &answer); err != nil {
		return Answer{}, err
	}
	answer.Status = NotMatched
	if len(answer.Matches) > 0 {
		answer.Status = Matched
	}
	return answer, nil
}

// quality is the best frame's: one good frame decides.
func (p Picture) quality() int {
	best := QualityUnknown
	for _, f := range p.Frames {
		best = max(best, f.Quality)
	}
	return best
}

// search is one Match under way.
type search struct {
	index   *Index
	query   Query
	catalog *catalog
	scopes  [2]Scope // what PDQ and what lone pHashes are allowed
	skip    func(Reference) bool
	byFrame map[FrameID]candidate // the best of each
	laid    map[ReferenceID]laid  // what tier partial found of each

	everyFrame bool   // is wanted, not only the best of each reference
	laidAll    []laid // then: all that it found, without their features
}

// candidate is what a searcher proposed: nothing is believed of it until confirmed (I3).
type candidate struct {
	entry     Entry
	algorithm Algorithm
	queryFrom int // frame of the query
	transform Transform
	probe     Hash
	score     float64
}

// admit sets the scopes: the collections asked for and every benign one, each with its radius.
func (s *search) admit() error {
	asked, err := s.catalog.named(s.query.Collections, s.query.Within)
	if err != nil {
		return err
	}
	for _, c := range asked {
		s.allow(c)
	}
	for _, c := range s.catalog.byID {
		if c.Purpose == Benign && s.query.Within.holds(c.Name) {
			s.allow(c)
		}
	}
	return nil
}

func (s *search) allow(c Collection) {
	s.scopes[0].Allow(c.ID, s.radius(c, PDQ))
	s.scopes[1].Allow(c.ID, s.radius(c, PHash))
}

// radius is what the query asks of the collection. A benign one keeps its own, or a tight query
// would bring back what it hides.
func (s *search) radius(c Collection, a Algorithm) int {
	if a == PDQ && c.Purpose != Benign && s.query.Radius != PolicyRadius {
		return s.query.Radius
	}
	return c.Policy.radius(a)
}

// propose gathers the candidates of every good frame.
func (s *search) propose(ctx context.Context) error {
	s.byFrame = map[FrameID]candidate{}
	for i, frame := range s.query.Picture.Frames {
		if !s.good(frame) {
			continue
		}
		near, err := s.ask(ctx, s.index.spaces[PDQ], s.scopes[0], probesOf(i, frame))
		if err != nil {
			return err
		}
		lone, err := s.ask(ctx, s.index.spaces[lonePHash], s.scopes[1], []probe{{hash: frame.Hashes[PHash], frame: i}})
		if err != nil {
			return err
		}
		for _, c := range append(near, lone...) {
			s.keep(c)
		}
	}
	return nil
}

// good reports whether the frame is one to ask with.
func (s *search) good(f Frame) bool {
	return (f.Quality >= PoorQuality || f.Quality == QualityUnknown) && f.Recipe == s.index.recipe
}

// probe is a hash to look up, the transform that finding it means, and the frame of the query that it is of.
type probe struct {
	hash      Hash
	transform Transform
	frame     int
}

// probesOf are the PDQ hash of frame i and those of its variants. A frame known by its hashes only
// has no variants.
func probesOf(i int, f Frame) []probe {
	probes := []probe{{hash: f.Hashes[PDQ], frame: i}}
	for t := Upright + 1; t < TransformCount; t++ {
		probes = append(probes, probe{f.Dihedral[t], t, i})
	}
	return probes
}

func (s *search) ask(ctx context.Context, in *space, scope Scope, probes []probe) (candidates []candidate, _ error) {
	probes = slices.DeleteFunc(probes, func(p probe) bool { return p.hash.IsZero() })
	if len(probes) == 0 {
		return nil, nil
	}
	hashes := make([]Hash, len(probes))
	for i, p := range probes {
		hashes[i] = p.hash
	}
	found, err := s.index.search(ctx, in, in.choose(scope.MaxRadius()), hashes, scope, nil)
	if err != nil {
		return nil, err
	}
	for _, f := range found {
		p := probes[f.Probe]
		candidates = append(candidates, candidate{f.Entry, in.algorithm, p.frame, p.transform, p.hash, Evidence{Algorithm: in.algorithm, Distance: f.Distance}.Score()})
	}
	return candidates, nil
}

// keep keeps the best candidate of each reference frame.
func (s *search) keep(c candidate) {
	if best, ok := s.byFrame[c.entry.Frame]; !ok || c.compare(best) < 0 {
		s.byFrame[c.entry.Frame] = c
	}
}

// compare orders candidates by score, then in order of arrival (I6).
func (c candidate) compare(other candidate) int {
	return cmp.Or(
		cmp.Compare(other.score, c.score),
		cmp.Compare(c.entry.Frame, other.entry.Frame),
		cmp.Compare(c.transform, other.transform),
		cmp.Compare(c.queryFrom, other.queryFrom),
	)
}
