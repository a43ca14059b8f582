package api

import (
	"fmt"

	"github.com/labstack/echo/v4"

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
	o := optionsOf(c)
	policy := hashindex.DefaultPolicy()
	policy.Radius = o.integer("radius", policy.Radius, 0, hashindex.PDQ.MaxRadius())
	if o.err != nil {
		return o.err
	}
	up, err := s.receive(c, expected{limit: "compare_images", images: 2})
	if err != nil {
		return err
	}
	defer up.close()
	if len(up.pictures) != 2 {
		return invalid("image", "%d picture, want two", len(up.pictures))
	}
	answer := compared(up.pictures[0], up.pictures[1], policy)
	answer.Recipe = string(s.index.Recipe())
	return c.JSON(200, answer)
}

func compared(reference, query *picture, policy hashindex.Policy) wire.CompareAnswer {
	c := hashindex.Compare(reference.Picture, query.Picture, policy, nil)
	evidence, status := c.Evidence, c.Status
	answer := wire.CompareAnswer{
		Images:    [2]wire.HashedImage{wireHashed(reference), wireHashed(query)},
		SameBytes: evidence.SameBytes(),
		Distances: distances(reference.Frames[0].Hashes, query.Frames[0].Hashes),
		Best:      wire.BestDistance{PDQ: evidence.Distance, Transform: wireTransform(evidence.Transform)},
		Status:    string(status),
		Score:     evidence.Score(),
		Radius:    policy.Radius,
		Why:       why(evidence, status),
	}
	if status == hashindex.Matched {
		answer.Kind = string(evidence.Kind)
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
func why(e hashindex.Evidence, status hashindex.Status) string {
	apart := fmt.Sprintf("the PDQ hashes are %d of %d bits apart%s", e.Distance, e.Algorithm.Bits(), turned(wireTransform(e.Transform)))
	switch {
	case status == hashindex.Undecidable && e.ReferenceQuality < hashindex.PoorQuality:
		return tooFlat(0, e.ReferenceQuality)
	case status == hashindex.Undecidable:
		return tooFlat(1, e.QueryQuality)
	case status == hashindex.NotMatched:
		return fmt.Sprintf("%s, beyond the radius of %d", apart, e.Radius)
	case e.SameBytes():
		return "the two are the same file"
	case e.Kind == hashindex.Copy:
		return fmt.Sprintf("%s, within the copy radius of %d: the same picture", apart, e.CopyRadius)
	}
	return fmt.Sprintf("%s, within the radius of %d: the same picture, altered", apart, e.Radius)
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
