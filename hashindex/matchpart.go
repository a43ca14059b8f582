package hashindex

import (
	"cmp"
	"context"
	"errors"
	"slices"
)

const (
	// MaxPartialFrames is how many frames of a query tier partial is tried for, spread evenly: a picture
	// that moves shows much the same in most.
	MaxPartialFrames = 8

	// MaxProposals is how many references are laid over each of them.
	MaxProposals = 20

	// patience is how many in a row that show nothing end it once one has shown something. What a query
	// shows stands first as a rule: of 67 altered product photos among 1,345, 62 times at once, and all
	// that were not came after none that showed anything.
	patience = 4
)

// SearchesParts reports whether a query of full effort in these collections would go on to tier
// partial: where not, nobody need make features for it. ErrNotFound for an unknown name.
func (ix *Index) SearchesParts(collections []string, within Within) (bool, error) {
	s := &search{index: ix, query: Query{Collections: collections, Within: within, Radius: PolicyRadius}, catalog: ix.catalog.Load()}
	if err := s.admit(); err != nil {
		return false, err
	}
	return ix.partial != nil && s.partialScope().MaxRadius() >= 0, nil
}

// matchParts is the third tier: it lays what the searcher proposes over the query, and joins what
// bears it out to the answer of the tiers before.
func (s *search) matchParts(ctx context.Context, answer *Answer) error {
	p, scope := s.index.partial, s.partialScope()
	frames := s.query.Picture.featuredFrames(s.good)
	if p == nil || !p.live.Load() || s.query.Effort != FullEffort || len(frames) == 0 || scope.MaxRadius() < 0 {
		return nil
	}
	begun := s.index.now()
	defer func() { p.counts.took.add(s.index.now().Sub(begun)) }()
	answer.Tried = append(answer.Tried, Partial)
	s.laid = map[ReferenceID]laid{}
	for _, n := range frames {
		if err := s.look(ctx, n, s.query.Picture.Frames[n].Features, scope, false); err != nil {
			return err
		}
	}
	for _, n := range frames {
		if f := s.query.Picture.Frames[n].Features; len(s.laid) == 0 && f.Closer != nil {
			if err := s.look(ctx, n, f.Closer(), scope, true); err != nil {
				return err
			}
		}
	}
	p.counts.matched.Add(uint64(len(s.laid)))
	s.join(answer)
	return nil
}

// look lays what the searcher proposes for a frame over it.
func (s *search) look(ctx context.Context, n int, features Features, scope Scope, closer bool) error {
	p := s.index.partial
	proposals, err := p.Propose(ctx, features, scope, MaxProposals)
	if err != nil {
		return err
	}
	p.counts.proposals.Add(uint64(len(proposals)))
	return s.lay(ctx, view{n, closer, p.newAligner(features)}, proposals)
}

// laid is a reference that an alignment has borne out.
type laid struct {
	reference Reference
	alignment Alignment
	frame     FrameID
	stored    Features
	queryFrom int // frame of the query
}

// partialScope allows the collections whose policy has the tier.
func (s *search) partialScope() (scope Scope) {
	for id, c := range s.catalog.byID {
		if s.scopes[0].Radius(id) >= 0 && c.Policy.Partial.Enabled {
			scope.Allow(id, 0)
		}
	}
	return scope
}

// featuredFrames are the frames that the tier is tried for: good ones that have features.
func (p Picture) featuredFrames(good func(Frame) bool) (frames []int) {
	for n, f := range p.Frames {
		if !f.Features.IsZero() && good(f) {
			frames = append(frames, n)
		}
	}
	if len(frames) <= MaxPartialFrames {
		return frames
	}
	spread := make([]int, MaxPartialFrames)
	for i := range spread {
		spread[i] = frames[i*len(frames)/MaxPartialFrames]
	}
	return spread
}

// view is one look at a frame of the query.
type view struct {
	frame  int
	closer bool
	Aligner
}

// lay lays the proposals over a frame of the query, all in one view of the store.
func (s *search) lay(ctx context.Context, query view, proposals []Proposal) error {
	if len(proposals) == 0 {
		return nil
	}
	return s.index.store.View(func(r Reader) error {
		found, misses := false, 0
		for _, p := range proposals {
			if err := ctx.Err(); err != nil {
				return err
			}
			shown, err := s.layOne(r, query, p)
			if err != nil && !errors.Is(err, ErrNotFound) {
				return err // what is not found was removed since it was proposed
			}
			if misses++; shown {
				found, misses = true, 0
			}
			if found && misses >= patience {
				return nil
			}
		}
		return nil
	})
}

// layOne lays one reference over the query, its features read from the store (I3), and keeps the
// best alignment of each reference.
func (s *search) layOne(r Reader, query view, p Proposal) (shown bool, _ error) {
	reference, err := r.Reference(p.Frame.Reference())
	if err != nil || !s.wanted(reference) || p.Frame.Index() >= len(reference.Frames) {
		return false, err
	}
	if f := reference.Frames[p.Frame.Index()]; !f.featured(s.index.recipe) || f.Hashes[PDQ].IsZero() {
		return false, nil
	}
	encoded, err := r.Features(p.Frame)
	if err != nil {
		return false, err
	}
	stored, err := ParseFeatures(encoded)
	if err != nil {
		return false, err
	}
	s.index.partial.counts.aligned.Add(1)
	alignment, ok := query.Align(stored, p.Mirrored)
	alignment.Closer = query.closer
	collection := s.catalog.byID[reference.Collection]
	if !ok || alignment.coverage() < collection.Policy.Partial.MinCoverage {
		return ok, nil
	}
	if s.everyFrame {
		s.laidAll = append(s.laidAll, laid{reference: reference, alignment: alignment, frame: p.Frame})
	}
	if best, again := s.laid[reference.ID]; !again || alignment.Score > best.alignment.Score {
		s.laid[reference.ID] = laid{reference, alignment, p.Frame, stored, query.frame}
	}
	return true, nil
}

// join brings the answers of all tiers together: one for each reference, by score and then in order
// of arrival (I6), without those that a benign one outdoes.
func (s *search) join(answer *Answer) {
	if len(s.laid) == 0 {
		return
	}
	near := s.nearest()
	for id, l := range s.laid {
		match, ok := s.matchOfPart(l, near)
		if !ok {
			continue
		}
		list := &answer.Matches
		if match.Collection.Purpose == Benign && s.skip == nil {
			list = &answer.Benign
		}
		*list = append(slices.DeleteFunc(*list, func(m Match) bool { return m.Reference.ID == id }), match)
	}
	slices.SortFunc(answer.Matches, Match.compare)
	slices.SortFunc(answer.Benign, Match.compare)
	answer.Matches = slices.DeleteFunc(answer.Matches, func(m Match) bool { return outdone(m, answer.Benign) })
	limit := cmp.Or(s.query.Limit, DefaultLimit)
	answer.Matches = answer.Matches[:min(len(answer.Matches), limit)]
}

// nearest is the best candidate of the tiers before, for each reference that was laid over the query.
func (s *search) nearest() map[ReferenceID]candidate {
	near := map[ReferenceID]candidate{}
	for _, c := range s.byFrame {
		id := c.entry.Frame.Reference()
		if _, wanted := s.laid[id]; !wanted {
			continue
		}
		if best, again := near[id]; !again || c.compare(best) < 0 {
			near[id] = c
		}
	}
	return near
}

// matchOfPart is the match that an alignment stands for. A reference that the tiers before found as a
// whole stays that, its score raised by the alignment.
func (s *search) matchOfPart(l laid, near map[ReferenceID]candidate) (Match, bool) {
	collection := s.catalog.byID[l.reference.Collection]
	match := Match{Reference: l.reference, Collection: collection}
	e := &match.Evidence
	if c, whole := near[l.reference.ID]; whole {
		*e = s.evidence(c, l.reference, collection)
	}
	if e.Verify() != nil { // not found as a whole, or not any more
		*e = s.partEvidence(l, collection)
	}
	if e.QueryFrame == l.queryFrom && e.ReferenceFrame == l.frame.Index() {
		e.Alignment = alignmentEvidence(l.alignment, s.query.Picture.Frames[l.queryFrom].Features, l.stored, collection.Policy.Partial)
	}
	e.Kind = e.kind()
	match.locate()
	match.Score = e.Score()
	return match, e.Verify() == nil
}

// partEvidence is of frames that the alignment alone has brought together.
func (s *search) partEvidence(l laid, collection Collection) Evidence {
	e := Evidence{
		Radius: s.radius(collection, PDQ), CopyRadius: collection.Policy.CopyRadius,
		QueryFrame: l.queryFrom, ReferenceFrame: l.frame.Index(),
		QueryContent: s.query.Picture.Content, ReferenceContent: l.reference.Content,
	}
	known := l.reference.Frames[l.frame.Index()]
	e.join(Fingerprint{Recipe: known.Recipe, Quality: known.Quality, Hashes: known.Hashes}, s.query.Picture.Frames[l.queryFrom].Fingerprint, l.alignment)
	return e
}

// locate says where the evidence has the reference: over all of the query, or where it was laid.
func (m *Match) locate() {
	if m.Evidence.Kind == Partial {
		a := m.Evidence.Alignment
		m.QueryQuad, m.ReferenceCoverage, m.QueryCoverage = a.QueryQuad, a.ReferenceCoverage, a.queryShare()
		return
	}
	m.QueryQuad, m.ReferenceCoverage, m.QueryCoverage = m.Evidence.Transform.quad(), 1, 1
}

// compare orders matches by score, then in order of arrival (I6).
func (m Match) compare(other Match) int {
	return cmp.Or(cmp.Compare(other.Score, m.Score), cmp.Compare(m.Reference.ID, other.Reference.ID))
}

// outdone reports whether a benign reference accounts for the match: it covers what the match does of
// the query, but for a tenth, and is as plain. Where only a part is shown, both show it plainly or
// neither does, and the cover alone decides.
func outdone(m Match, benign []Match) bool {
	return slices.ContainsFunc(benign, func(b Match) bool {
		if b.Score < m.Score && m.Evidence.Kind != Partial {
			return false
		}
		return outline(m.QueryQuad).overlap(b.QueryQuad) >= 0.9*m.QueryCoverage
	})
}
