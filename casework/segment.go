package casework

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"touchstone/hashindex"
)

// Segment is a part of a video or a stream that shows a part of a reference. A hit of moving pictures is about
// one, however long it grows.
type Segment struct {
	Stream string `json:"stream,omitempty"` // its id; empty: of a video
	Number int    `json:"number"`           // of the stream's; of those of videos that the pair has
	Closed bool   `json:"closed"`           // it grows no more

	From          Duration         `json:"from"` // of the video or stream
	To            Duration         `json:"to"`
	ReferenceFrom Duration         `json:"reference_from"`
	ReferenceTo   Duration         `json:"reference_to"`
	Speed         float64          `json:"speed"`  // of the reference's time; 0: it is a still
	Frames        int              `json:"frames"` // that agree
	Asked         int              `json:"asked"`  // of those that could
	Mirrored      bool             `json:"mirrored"`
	Shown         hashindex.Digest `json:"shown"` // what the reference shows, all of it: a rejection is about that
	Pairs         []Pair           `json:"pairs"`
}

// Pair is a frame that was asked about beside the reference's that it shows.
type Pair struct {
	At          Duration       `json:"at"`
	ReferenceAt Duration       `json:"reference_at"`
	Frame       int            `json:"frame"` // of the reference
	Kind        hashindex.Tier `json:"kind"`  // by which it was found, or else agrees with those beside it
	Score       float64        `json:"score"`

	// The hashes, PDQ, and what lies between them: zero where the frame was not at hand any more when
	// the pair was told of. QueryHash is with the transform undone, as in hashindex.Evidence.
	QueryHash     hashindex.Hash      `json:"query_hash,omitzero"`
	ReferenceHash hashindex.Hash      `json:"reference_hash,omitzero"`
	Transform     hashindex.Transform `json:"transform,omitzero"`
	Distance      int                 `json:"distance,omitempty"`
	Quality       int                 `json:"quality,omitempty"` // of the frame asked about

	Picture hashindex.Digest `json:"picture,omitzero"` // of it, as Hit.Picture

	encoded []byte
}

// Known reports whether the pair's hashes are.
func (p Pair) Known() bool { return !p.QueryHash.IsZero() }

// Glimpse is a frame that was asked about, as far as it is at hand.
type Glimpse struct {
	At      time.Duration
	Hash    hashindex.Hash // PDQ, upright
	Quality int

	// Dihedral are the hashes of the picture as it is, turned and mirrored, which those derived from Hash only come
	// near to; zero: there was no picture.
	Dihedral [hashindex.TransformCount]hashindex.Hash
	Encoded  []byte // nil: it came as a hash, or is gone
}

// Showing is the observation of a segment: subject and time are those of o. Of the pairs, those whose frames
// are among the glimpses get their hashes and pictures.
func (d *Desk) Showing(o Observation, s Segment, r hashindex.Reference, c hashindex.Collection, kind hashindex.Tier, score float64, frames []Glimpse) Observation {
	at := map[Duration]Glimpse{}
	for _, g := range frames {
		if g.Hash.Bits() == hashindex.PDQ.Bits() {
			at[Duration(g.At)] = g
		}
	}
	e := hashindex.Evidence{
		Recipe: d.index.Recipe(), Algorithm: hashindex.PDQ, Kind: kind, Radius: c.Policy.Radius, CopyRadius: c.Policy.CopyRadius,
		QueryQuality: hashindex.QualityUnknown, ReferenceQuality: hashindex.QualityUnknown, ReferenceContent: r.Content,
	}
	best := -1
	for i := range s.Pairs {
		p := &s.Pairs[i]
		if g, known := at[p.At]; known && p.Frame < len(r.Frames) {
			d.compare(p, g, r.Frames[p.Frame])
		}
		if p.Known() && (best < 0 || p.betters(s.Pairs[best])) {
			best = i
		}
	}
	if best >= 0 {
		p := s.Pairs[best]
		e.QueryHash, e.ReferenceHash, e.Transform, e.Distance = p.QueryHash, p.ReferenceHash, p.Transform, p.Distance
		e.ReferenceFrame, e.QueryQuality, e.ReferenceQuality = p.Frame, p.Quality, r.Frames[p.Frame].Quality
		if p.encoded != nil {
			e.QueryContent, o.Encoded = hashindex.DigestOf(p.encoded), p.encoded
		}
	}
	s.Shown = shownByAll(r)
	lies := e.Transform.Alignment()
	o.Segment = &s
	o.Matches = []hashindex.Match{{
		Reference: r, Collection: c, Evidence: e, Score: score,
		QueryQuad: lies.QueryQuad, ReferenceCoverage: lies.ReferenceCoverage, QueryCoverage: lies.QueryCoverage,
	}}
	return o
}

// betters reports whether it is the better one to stand for the segment: one with a picture, or else of the higher
// score.
func (p Pair) betters(other Pair) bool {
	if with := p.encoded != nil; with != (other.encoded != nil) {
		return with
	}
	return p.Score > other.Score
}

// compare fills in what the frame and the reference's come to.
func (d *Desk) compare(p *Pair, g Glimpse, f hashindex.StoredFrame) {
	p.ReferenceHash, p.Quality, p.encoded = f.Hashes[hashindex.PDQ], g.Quality, g.Encoded
	variants := g.Dihedral
	if variants[hashindex.Upright].IsZero() {
		variants = d.variants(g.Hash)
	}
	for t, variant := range variants {
		if distance := variant.Distance(p.ReferenceHash); t == 0 || distance < p.Distance {
			p.Transform, p.QueryHash, p.Distance = hashindex.Transform(t), variant, distance
		}
	}
}

// shownByAll is what the reference shows with all of its frames.
func shownByAll(r hashindex.Reference) hashindex.Digest {
	if !r.Content.IsZero() {
		return r.Content
	}
	var all []byte
	for _, f := range r.Frames {
		all = f.Hashes[hashindex.PDQ].AppendBytes(all)
	}
	return hashindex.DigestOf(all)
}

// part is the rest of a pair's key: which of its segments.
func (s *Segment) part() string {
	switch {
	case s == nil:
		return ""
	case s.Stream != "":
		return " " + textKey(s.Stream) + shortKey(uint32(s.Number))
	}
	return videoPart + shortKey(uint32(s.Number))
}

const videoPart = " video "

// recorded is the hit of what was observed, if there is one; else, of a segment of a video, its number is given.
// A video that is posted again shows the same segment if it is half of it or more, in both.
func recorded(r hashindex.Reader, o *Observation, m hashindex.Match) (id HitID, err error) {
	pair := pairKey(o.Subject, m.Reference.ID)
	if o.Segment == nil || o.Segment.Stream != "" {
		raw, err := r.Row(hitPairs, pair+o.Segment.part())
		if errors.Is(err, hashindex.ErrNotFound) {
			return 0, nil
		}
		if err != nil {
			return 0, err
		}
		return hitOf(pair, raw)
	}
	o.Segment.Number = 1
	for row, err := range below(r, hitPairs, pair+videoPart, "") {
		if err != nil {
			return 0, err
		}
		o.Segment.Number++
		id, err := hitOf(pair, row.Value)
		if err != nil {
			return 0, err
		}
		h, err := loadHit(r, id)
		if err != nil {
			return 0, err
		}
		if h.Segment != nil && h.Segment.overlaps(o.Segment) {
			return id, nil
		}
	}
	return 0, nil
}

func hitOf(pair string, raw []byte) (HitID, error) {
	n, err := numberOf(string(raw))
	if err != nil {
		return 0, fmt.Errorf("row %q of %s: %w", pair, hitPairs, hashindex.ErrDamaged)
	}
	return HitID(n), nil
}

func (s *Segment) overlaps(other *Segment) bool {
	return s.Mirrored == other.Mirrored && half(s.From, s.To, other.From, other.To) && half(s.ReferenceFrom, s.ReferenceTo, other.ReferenceFrom, other.ReferenceTo)
}

// half reports whether at least half of the shorter lies in both.
func half(from, to, otherFrom, otherTo Duration) bool {
	return 2*(min(to, otherTo)-max(from, otherFrom)) >= min(to-from, otherTo-otherFrom)
}

// maxKept is how many pairs of a hit keep what they rest on.
const maxKept = 12

// add takes over what the segment has become. Pairs that are known stay; of new ones those are kept that lie half
// as far from the last as that lies from the first, so that a few cover hours.
func (s *Segment) add(now Segment) (more []Pair) {
	kept := s.Pairs
	for _, p := range now.Pairs {
		n := len(kept)
		if !p.Known() || n >= maxKept || n > 0 && p.At <= kept[n-1].At || n >= 4 && 2*(p.At-kept[n-1].At) < kept[n-1].At-kept[0].At {
			continue
		}
		kept, more = append(kept, p), append(more, p)
	}
	*s = now
	s.Pairs = kept
	return more
}

// grow lets the hit of a stream's segment follow it. What was rejected is left as it was.
func grow(w hashindex.Writer, id HitID, o *Observation) error {
	before, err := loadHit(w, id)
	if err != nil || before.State == Rejected || before.Segment == nil || before.Segment.Closed {
		return err
	}
	h, m := before, o.Matches[0]
	segment := *before.Segment
	more := segment.add(*o.Segment)
	h.Segment, h.Score, h.Evidence.Kind = &segment, m.Score, m.Evidence.Kind
	h.add(o.more())
	if h.Picture.IsZero() && slices.ContainsFunc(more, func(p Pair) bool { return p.encoded != nil && p.QueryHash == m.Evidence.QueryHash }) {
		h.Picture, h.Evidence = m.Evidence.QueryContent, m.Evidence
	}
	if err := firstOf(keepPairs(w, &h, more), putHit(w, &h, &before)); err != nil {
		return err
	}
	if !segment.Closed {
		return nil
	}
	return tell(w, HitTopic, h.ID.String(), Moved{From: string(h.State), To: string(h.State), Collection: h.Named,
		Detail: detail(map[string]any{"action": "closed", "subject": h.Subject, "reference": h.Reference, "from": segment.From, "to": segment.To})})
}

// keepPairs keeps the pictures of those pairs, which are the hit's.
func keepPairs(w hashindex.Writer, h *Hit, pairs []Pair) error {
	for _, p := range pairs {
		if p.encoded == nil {
			continue
		}
		content := hashindex.DigestOf(p.encoded)
		for i := range h.Segment.Pairs {
			if h.Segment.Pairs[i].At == p.At {
				h.Segment.Pairs[i].Picture = content
			}
		}
		if err := keepPicture(w, h, content, len(p.encoded)); err != nil {
			return err
		}
	}
	return nil
}

// ToldOf is what RecordTold writes.
type ToldOf struct {
	Pictures [][]byte // to be kept: for Index.TransactPictures
	Write    func(hashindex.Writer) error
}

// RecordTold records hits of segments of streams, and lets those that are known grow, in a transaction of the
// caller's: the one that stores what the streams have told.
func (d *Desk) RecordTold(ctx context.Context, all []Observation) (t ToldOf, err error) {
	err = d.index.View(ctx, func(r hashindex.Reader) error {
		for i := range all {
			rulings, err := rule(r, &all[i])
			if err != nil {
				return err
			}
			if rulings[0].Standing == IsHit {
				t.Pictures = append(t.Pictures, all[i].pictures()...)
			}
		}
		return nil
	})
	t.Write = func(w hashindex.Writer) error {
		for i := range all {
			ruling, err := d.recordIn(w, &all[i])
			if err == nil && ruling[0].Standing == IsHit && !ruling[0].New {
				err = grow(w, ruling[0].Hit, &all[i])
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
	return t, err
}
