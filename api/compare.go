package api

import (
	"bytes"
	"context"
	"fmt"
	"image/png"

	"github.com/labstack/echo/v4"

	"touchstone/api/overlay"
	"touchstone/api/wire"
	"touchstone/hashindex"
)

func (s *Server) hash(c echo.Context) error {
	up, err := s.receive(c, expected{limit: "match_images", images: maxMatchImages})
	if err != nil {
		return err
	}
	defer up.close()
	return c.JSON(200, wire.HashAnswer{Recipe: string(s.index.Recipe()), Results: converted(up.pictures, wireHashed)})
}

func wireHashed(p *picture) wire.HashedImage {
	image := wire.HashedImage{Width: p.Width, Height: p.Height, Format: p.Format, Frames: len(p.Frames), Content: p.Content.String()}
	for _, f := range p.Frames {
		image.Quality = max(image.Quality, f.Quality)
	}
	image.Hashes = wireHashes(p.Frames[0].Hashes)
	return image
}

// compare says why two pictures match or not. The first plays the reference, the second the query.
func (s *Server) compare(c echo.Context) error {
	pair, err := s.receivePair(c, false)
	if err != nil {
		return err
	}
	defer pair.close()
	answer := wireComparison(pair.reference, pair.query, pair.compare(s.config.NewAligner), pair.policy)
	answer.Recipe = string(s.index.Recipe())
	return c.JSON(200, answer)
}

// compareOverlay draws it.
func (s *Server) compareOverlay(c echo.Context) error {
	pair, err := s.receivePair(c, true)
	if err != nil {
		return err
	}
	defer pair.close()
	drawn, err := s.draw(c.Request().Context(), pair)
	if err != nil {
		return err
	}
	return c.Blob(200, "image/png", drawn)
}

// pair is two pictures to be compared, and the policy to do it under.
type pair struct {
	*upload
	reference, query *picture
	policy           hashindex.Policy
}

// receivePair takes both pictures from the body, or the first from the reference that the query
// string names, whose collection's policy then holds.
func (s *Server) receivePair(c echo.Context, keep bool) (*pair, error) {
	o := optionsOf(c)
	p := &pair{policy: hashindex.DefaultPolicy()}
	want := expected{limit: "compare_images", images: 2, keep: keep, detail: true}
	if o.Has("reference") {
		var err error
		if want.first, p.policy, err = s.registered(c, o.Get("reference")); err != nil {
			return nil, err
		}
	}
	p.policy.Radius = o.integer("radius", p.policy.Radius, 0, hashindex.PDQ.MaxRadius())
	p.policy.CopyRadius = min(p.policy.CopyRadius, p.policy.Radius)
	if o.err != nil {
		return nil, o.err
	}
	up, err := s.receive(c, want)
	if err != nil {
		return nil, err
	}
	if len(up.pictures) != 2 {
		up.close()
		if want.first != nil {
			return nil, invalid("image", "none given, want one to compare with the reference")
		}
		return nil, invalid("image", "%d picture, want two", len(up.pictures))
	}
	p.upload, p.reference, p.query = up, up.pictures[0], up.pictures[1]
	return p, nil
}

// registered is the picture of a reference, and the policy of its collection.
func (s *Server) registered(c echo.Context, text string) ([]byte, hashindex.Policy, error) {
	id, err := parseReferenceID(text)
	if err != nil {
		return nil, hashindex.Policy{}, err
	}
	reference, collection, err := s.reference(c, id)
	if err != nil {
		return nil, hashindex.Policy{}, err
	}
	if reference.Content.IsZero() {
		return nil, hashindex.Policy{}, fail(imageMissing, "reference %d is known by its hashes only", id)
	}
	encoded, _, err := s.index.Image(id)
	return encoded, collection.Policy, aboutReference(err)
}

func (p *pair) compare(newAligner func(hashindex.Features) hashindex.Aligner) hashindex.Comparison {
	return hashindex.Compare(p.reference.Picture, p.query.Picture, p.policy, newAligner)
}

// draw is the overlay as a PNG. Both pictures are decoded once more, for people: a worker's business.
func (s *Server) draw(ctx context.Context, p *pair) ([]byte, error) {
	leave, err := s.takePlace(ctx, false)
	if err != nil {
		return nil, err
	}
	defer leave()
	c := p.compare(s.config.NewAligner)
	reference, err := s.config.Fingerprint.Still(ctx, p.reference.encoded)
	if err != nil {
		return nil, err
	}
	small := overlay.Fit(reference, p.reference.Frames[c.ReferenceFrame].Features)
	query, err := s.config.Fingerprint.Still(ctx, p.query.encoded)
	if err != nil {
		return nil, err
	}
	drawn := overlay.Draw(small, overlay.Fit(query, p.query.Frames[c.QueryFrame].Features), laidOver(c))
	var out bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestSpeed}
	err = encoder.Encode(&out, drawn)
	return out.Bytes(), err
}

// laidOver is the alignment to draw: one that shows the same, or else that of a match of the whole,
// which lies as its transform says. What came to nothing is not drawn: an outline looks like a claim.
func laidOver(c hashindex.Comparison) hashindex.Alignment {
	switch {
	case c.Alike:
		return c.Overlay
	case c.Status == hashindex.Matched:
		return c.Transform.Alignment()
	}
	return hashindex.Alignment{}
}

func wireComparison(reference, query *picture, c hashindex.Comparison, policy hashindex.Policy) wire.CompareAnswer {
	answer := wire.CompareAnswer{
		Images:    [2]wire.HashedImage{wireHashed(reference), wireHashed(query)},
		SameBytes: c.SameBytes(),
		Distances: distances(reference.Frames[0].Hashes, query.Frames[0].Hashes),
		Best:      wire.BestDistance{PDQ: c.Distance, Transform: wireTransformOf(c.Evidence)},
		Status:    string(c.Status),
		Score:     c.Score(),
		Radius:    policy.Radius,
		Why:       why(c, policy),
	}
	if c.Overlay.Inliers > 0 {
		laid := c.Alignment // with its digests, where it is evidence
		laid.Alignment, laid.MinCoverage = c.Overlay, policy.Partial.MinCoverage
		answer.Overlay = wireAlignment(laid)
	}
	if c.Status == hashindex.Matched {
		answer.Kind = string(c.Kind)
	}
	return answer
}

func distances(a, b hashindex.Hashes) wire.Distances {
	return wire.Distances{
		PDQ:   a[hashindex.PDQ].Distance(b[hashindex.PDQ]),
		PHash: a[hashindex.PHash].Distance(b[hashindex.PHash]),
		DHash: a[hashindex.DHash].Distance(b[hashindex.DHash]),
		AHash: a[hashindex.AHash].Distance(b[hashindex.AHash]),
	}
}

// why is the verdict in one sentence for a person.
func why(c hashindex.Comparison, policy hashindex.Policy) string {
	e := c.Evidence
	apart := fmt.Sprintf("the PDQ hashes are %d of %d bits apart%s", e.Distance, e.Algorithm.Bits(), turned(wireTransform(e.Transform)))
	switch {
	case c.Status == hashindex.Undecidable && e.ReferenceQuality < hashindex.PoorQuality:
		return tooFlat(0, e.ReferenceQuality)
	case c.Status == hashindex.Undecidable:
		return tooFlat(1, e.QueryQuality)
	case c.Status == hashindex.NotMatched:
		return fmt.Sprintf("%s, beyond the radius of %d%s", apart, policy.Radius, whyNoPart(c, policy.Partial))
	case e.Kind == hashindex.Partial:
		return whyPart(c.Overlay)
	case e.SameBytes():
		return "the two are the same file"
	case e.Kind == hashindex.Copy:
		return fmt.Sprintf("%s, within the copy radius of %d: the same picture", apart, e.CopyRadius)
	}
	return fmt.Sprintf("%s, within the radius of %d: the same picture, altered", apart, e.Radius)
}

// whyPart says what the overlay shows.
func whyPart(a hashindex.Alignment) string {
	mirrored := ""
	if a.Mirrored {
		mirrored = ", mirrored"
	}
	return fmt.Sprintf("%.0f %% of the first picture is in the second%s: %d corners agree on where, and the pixels there look the same (correlation %.2f, certainty %.3f)",
		100*a.ReferenceCoverage, mirrored, a.Inliers, a.Correlation, a.Score)
}

// whyNoPart says what an overlay that is no match lacks.
func whyNoPart(c hashindex.Comparison, policy hashindex.PartialPolicy) string {
	switch {
	case c.Overlay.Inliers == 0:
		return ", and no part of one is found in the other"
	case !c.Alike:
		return fmt.Sprintf("; %d corners agree on a place for the first in the second, but the pixels there do not look the same (correlation %.2f)", c.Overlay.Inliers, c.Overlay.Correlation)
	case !policy.Enabled:
		return "; they share a part, but the policy has tier partial off"
	}
	return fmt.Sprintf("; they share a part, but too little for the policy: %.1f %% of the first, at least %.1f %% of either is asked for", 100*c.Overlay.ReferenceCoverage, 100*policy.MinCoverage)
}

func tooFlat(image, quality int) string {
	return fmt.Sprintf("image %d is too flat to tell: quality %d, where %d is needed", image, quality, hashindex.PoorQuality)
}

func turned(t wire.Transform) string {
	switch {
	case t.Mirrored && t.Rotation > 0:
		return fmt.Sprintf(" once the second is turned back by %d° and mirrored", t.Rotation)
	case t.Mirrored:
		return " once the second is mirrored"
	case t.Rotation > 0:
		return fmt.Sprintf(" once the second is turned back by %d°", t.Rotation)
	}
	return ""
}
