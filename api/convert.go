package api

import (
	"math"
	"strconv"
	"time"

	"touchstone/api/wire"
	"touchstone/hashindex"
)

func wireCollection(info hashindex.CollectionInfo) wire.Collection {
	return wire.Collection{
		Name:       info.Name,
		Purpose:    string(info.Purpose),
		Policy:     wirePolicy(info.Policy),
		References: info.References,
	}
}

func wirePolicy(p hashindex.Policy) wire.Policy {
	return wire.Policy{
		Radius: &p.Radius, CopyRadius: &p.CopyRadius, Radius64: &p.Radius64,
		Partial: &wire.PartialPolicy{Enabled: &p.Partial.Enabled, MinCoverage: &p.Partial.MinCoverage},
	}
}

func wireCollections(infos []hashindex.CollectionInfo) []wire.Collection {
	return converted(infos, wireCollection)
}

// converted is never null in JSON.
func converted[From, To any](list []From, convert func(From) To) []To {
	out := make([]To, len(list))
	for i, each := range list {
		out[i] = convert(each)
	}
	return out
}

// wireTime is nil for the zero time.
func wireTime(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func wireID(id hashindex.ReferenceID) string { return strconv.FormatUint(uint64(id), 10) }

// wireReference leaves the collection's name to the caller where there is none any more.
func wireReference(r hashindex.Reference, of hashindex.Collection, recipe hashindex.Recipe) wire.Reference {
	reference := wire.Reference{
		ID: wireID(r.ID), ExternalID: r.ExternalID, Collection: of.Name, Purpose: string(of.Purpose),
		Width: r.Width, Height: r.Height, Format: r.Format, Frames: len(r.Frames),
		Content: wireDigest(r.Content), Note: r.Note, Meta: r.Meta, Added: r.Added,
		Quality: wireQuality(bestQuality(r.Frames)),
		Tiers:   wireTiers(r.Tiers(recipe)),
	}
	if len(r.Frames) > 0 {
		reference.Hashes, reference.Recipe = wireHashes(r.Frames[0].Hashes), string(r.Frames[0].Recipe)
	}
	if !r.DisabledUntil.IsZero() {
		reference.DisabledUntil = &r.DisabledUntil
	}
	return reference
}

func wireTiers(tiers []hashindex.Tier) []string {
	return converted(tiers, func(t hashindex.Tier) string { return string(t) })
}

func bestQuality(frames []hashindex.StoredFrame) int {
	best := hashindex.QualityUnknown
	for _, f := range frames {
		best = max(best, f.Quality)
	}
	return best
}

func wireQuality(q int) *int {
	if q == hashindex.QualityUnknown {
		return nil
	}
	return &q
}

func wireDigest(d hashindex.Digest) string {
	if d.IsZero() {
		return ""
	}
	return d.String()
}

func wireHash(h hashindex.Hash) string {
	if h.IsZero() {
		return ""
	}
	return h.String()
}

func wireHashes(h hashindex.Hashes) wire.Hashes {
	return wire.Hashes{
		PDQ: wireHash(h[hashindex.PDQ]), PHash: wireHash(h[hashindex.PHash]),
		DHash: wireHash(h[hashindex.DHash]), AHash: wireHash(h[hashindex.AHash]),
	}
}

func wireTransform(t hashindex.Transform) wire.Transform {
	return wire.Transform{Mirrored: t.IsMirrored(), Rotation: t.Degrees()}
}

func wireMatch(m hashindex.Match) wire.Match {
	return wire.Match{
		ReferenceID: wireID(m.Reference.ID), ExternalID: m.Reference.ExternalID,
		Collection: m.Collection.Name, Purpose: string(m.Collection.Purpose),
		Kind: string(m.Evidence.Kind), Distance: m.Evidence.Distance, Score: m.Score,
		Transform: wireTransformOf(m.Evidence),
		QueryQuad: m.QueryQuad, ReferenceCoverage: m.ReferenceCoverage, QueryCoverage: m.QueryCoverage,
		Evidence: wireEvidence(m.Evidence),
	}
}

// wireTransformOf adds the angle and the matrix of a part.
func wireTransformOf(e hashindex.Evidence) wire.Transform {
	t := wireTransform(e.Transform)
	if e.Kind == hashindex.Partial {
		degrees := math.Round(10*e.Alignment.Degrees(e.Alignment.QueryShape)) / 10
		t.Degrees, t.Matrix = &degrees, &e.Alignment.Matrix
	}
	return t
}

func wireAlignment(a hashindex.AlignmentEvidence) *wire.Alignment {
	if a.Matrix == [9]float64{} {
		return nil
	}
	return &wire.Alignment{
		Matrix: a.Matrix, Mirrored: a.Mirrored, Closer: a.Closer, QueryQuad: a.QueryQuad, Corners: a.Inliers, Correlation: a.Correlation,
		ReferenceCoverage: a.ReferenceCoverage, QueryCoverage: a.QueryCoverage, Score: a.Score, MinCoverage: a.MinCoverage,
		QueryFeatures: wireDigest(a.QueryFeatures), ReferenceFeatures: wireDigest(a.ReferenceFeatures),
	}
}

func wireEvidence(e hashindex.Evidence) wire.Evidence {
	return wire.Evidence{
		Recipe: string(e.Recipe), Algorithm: e.Algorithm.String(),
		QueryHash: wireHash(e.QueryHash), ReferenceHash: wireHash(e.ReferenceHash),
		Radius: e.Radius, CopyRadius: e.CopyRadius,
		QueryFrame: e.QueryFrame, ReferenceFrame: e.ReferenceFrame,
		QueryQuality: wireQuality(e.QueryQuality), ReferenceQuality: wireQuality(e.ReferenceQuality),
		QueryContent: wireDigest(e.QueryContent), ReferenceContent: wireDigest(e.ReferenceContent),
		SameBytes: e.SameBytes(),
		Alignment: wireAlignment(e.Alignment),
	}
}

func wireResembling(m hashindex.Match) wire.Resembling {
	return wire.Resembling{
		ReferenceID: wireID(m.Reference.ID), ExternalID: m.Reference.ExternalID,
		Collection: m.Collection.Name, Purpose: string(m.Collection.Purpose),
		Kind: string(m.Evidence.Kind), Distance: m.Evidence.Distance, Score: m.Score,
	}
}

// parseHashes reads the hashes that are given. The prefix goes before the names of fields.
func parseHashes(w wire.Hashes, prefix string) (hashes hashindex.Hashes, err error) {
	texts := [hashindex.AlgorithmCount]string{
		hashindex.PDQ: w.PDQ, hashindex.PHash: w.PHash, hashindex.DHash: w.DHash, hashindex.AHash: w.AHash,
	}
	for _, a := range hashindex.Algorithms() {
		text := texts[a]
		if text == "" {
			continue
		}
		if hashes[a], err = hashindex.ParseHashFor(a, text); err != nil {
			_, err = parseHash(a, text, prefix+"hashes."+a.String())
			return hashes, err
		}
	}
	return hashes, nil
}

// parseHash names the field as the caller wrote it.
func parseHash(a hashindex.Algorithm, text, field string) (hashindex.Hash, error) {
	h, err := hashindex.ParseHashFor(a, text)
	if wrong, ok := err.(*hashindex.InputError); ok {
		return h, &hashindex.InputError{Field: field, Reason: wrong.Reason}
	}
	return h, err
}
