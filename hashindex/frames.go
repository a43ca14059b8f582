package hashindex

import (
	"cmp"
	"context"
	"errors"
	"slices"
)

// FrameMatch is a frame of a reference that a frame of a query shows. Which part of which reference a video
// shows follows from many of them: package timeline.
type FrameMatch struct {
	Frame      FrameID
	Collection CollectionID
	Kind       Tier
	Transform  Transform
	Score      float64 // as Match has it
}

// MaxFrameMatches is how many frames of references are answered for one of a query: the best.
const MaxFrameMatches = 256

// MatchFrames answers, for each of the picture's frames on its own, which frames of references it shows in
// the tiers copy and near, best first, several of one reference as well. What a benign reference accounts
// for as well is left out. Undecidable frames have no answer. The query's limit does not matter.
func (ix *Index) MatchFrames(ctx context.Context, q Query) ([][]FrameMatch, error) {
	s, err := ix.frameSearch(q)
	if err != nil {
		return nil, err
	}
	matches := make([][]FrameMatch, len(q.Picture.Frames))
	proposed, err := s.proposeFrames(ctx)
	if err != nil || proposed == nil {
		return matches, err
	}
	return matches, ix.store.View(func(r Reader) (err error) {
		for i, candidates := range proposed {
			if matches[i], err = s.confirmFrames(r, candidates); err != nil {
				return err
			}
		}
		return nil
	})
}

// proposeFrames are the candidates of each frame, best first; nil when there are none at all. The frames are
// searched for together, which costs a searcher less than one by one.
func (s *search) proposeFrames(ctx context.Context) (proposed [][]candidate, _ error) {
	var near, lone []probe
	for i, frame := range s.query.Picture.Frames {
		if !s.good(frame) {
			continue
		}
		near = append(near, probesOf(i, frame)...)
		lone = append(lone, probe{hash: frame.Hashes[PHash], frame: i})
	}
	found, err := s.ask(ctx, s.index.spaces[PDQ], s.scopes[0], near)
	if err != nil {
		return nil, err
	}
	more, err := s.ask(ctx, s.index.spaces[lonePHash], s.scopes[1], lone)
	if found = append(found, more...); err != nil || len(found) == 0 {
		return nil, err
	}
	type pair struct {
		query int
		frame FrameID
	}
	best := map[pair]candidate{}
	for _, c := range found {
		at := pair{c.queryFrom, c.entry.Frame}
		if other, ok := best[at]; !ok || c.compare(other) < 0 {
			best[at] = c
		}
	}
	proposed = make([][]candidate, len(s.query.Picture.Frames))
	for _, c := range best {
		proposed[c.queryFrom] = append(proposed[c.queryFrom], c)
	}
	for _, candidates := range proposed {
		slices.SortFunc(candidates, candidate.compare)
	}
	return proposed, nil
}

func (ix *Index) frameSearch(q Query) (*search, error) {
	if err := q.validate(); err != nil {
		return nil, err
	}
	if err := ix.Ready(); err != nil {
		return nil, err
	}
	s := &search{index: ix, query: q, catalog: ix.catalog.Load()}
	if err := s.admit(); err != nil {
		return nil, err
	}
	for i := range s.scopes {
		s.scopes[i].Limit = MaxFrameMatches
	}
	return s, nil
}

// confirmFrames makes matches of the candidates that the store bears out (I3), up to a benign one, which
// outdoes those that are not better.
func (s *search) confirmFrames(r Reader, candidates []candidate) (matches []FrameMatch, _ error) {
	now := s.index.now()
	for _, c := range candidates {
		if len(matches) == MaxFrameMatches {
			break
		}
		label, err := r.Label(c.entry.Frame, c.algorithm)
		if errors.Is(err, ErrNotFound) {
			continue // removed since it was proposed
		}
		if err != nil {
			return nil, err
		}
		collection, known := s.catalog.byID[label.Collection]
		if !known || label.Hash != c.entry.Hash || !label.Enabled(now) {
			continue
		}
		if collection.Purpose == Benign {
			return slices.DeleteFunc(matches, func(m FrameMatch) bool { return m.Score <= c.score }), nil
		}
		e := Evidence{
			Algorithm: c.algorithm, Transform: c.transform, Distance: c.probe.Distance(label.Hash),
			Radius: s.radius(collection, c.algorithm), CopyRadius: collection.Policy.CopyRadius,
		}
		matches = append(matches, FrameMatch{c.entry.Frame, label.Collection, e.kind(), c.transform, e.Score()})
	}
	return matches, nil
}

// MatchFrameParts answers which frames of references the picture's one frame, which has features, shows a
// part of, or is a part of, best first.
func (ix *Index) MatchFrameParts(ctx context.Context, q Query) ([]FrameMatch, error) {
	s, err := ix.partSearch(q)
	if s == nil || err != nil {
		return nil, err
	}
	if err := s.look(ctx, 0, q.Picture.Frames[0].Features, s.partialScope(), false); err != nil {
		return nil, err
	}
	return s.laidFrames(), nil
}

// LayFrames is MatchFrameParts among these frames alone: what is near to where one was found before.
func (ix *Index) LayFrames(ctx context.Context, q Query, among []FrameID, mirrored bool) ([]FrameMatch, error) {
	s, err := ix.partSearch(q)
	if s == nil || err != nil {
		return nil, err
	}
	proposals := make([]Proposal, len(among))
	for i, frame := range among {
		proposals[i] = Proposal{Frame: frame, Mirrored: mirrored}
	}
	if err := s.lay(ctx, view{0, false, ix.partial.newAligner(q.Picture.Frames[0].Features)}, proposals); err != nil {
		return nil, err
	}
	return s.laidFrames(), nil
}

// partSearch is nil where there is nothing to search.
func (ix *Index) partSearch(q Query) (*search, error) {
	s, err := ix.frameSearch(q)
	if err != nil || ix.partial == nil || !ix.partial.live.Load() || s.partialScope().MaxRadius() < 0 {
		return nil, err
	}
	if f := q.Picture.Frames[0]; f.Features.IsZero() || !s.good(f) {
		return nil, nil
	}
	s.laid, s.everyFrame = map[ReferenceID]laid{}, true
	return s, nil
}

func (s *search) laidFrames() (matches []FrameMatch) {
	for _, l := range s.laidAll {
		collection := s.catalog.byID[l.reference.Collection]
		if collection.Purpose == Benign {
			continue
		}
		turn := Upright
		if l.alignment.Mirrored {
			turn = Mirrored
		}
		matches = append(matches, FrameMatch{l.frame, collection.ID, Partial, turn, l.alignment.Score})
	}
	slices.SortFunc(matches, func(a, b FrameMatch) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.Frame, b.Frame))
	})
	return matches
}
