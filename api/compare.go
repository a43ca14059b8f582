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
	answer := wire.CompareAnswer{
		Images:    [2]wire.HashedImage{wireHashed(reference), wireHashed(query)},
		SameBytes: reference.Content == query.Content,
		Distances: distances(reference.Frames[0].Hashes, query.Frames[0].Hashes),
		Radius:    policy.Radius,
	}
	distance, transform := nearest(reference.Frames, query.Frames)
	answer.Best = wire.BestDistance{PDQ: distance, Transform: wireTransform(transform)}
	answer.Score = 1 - float64(distance)/float64(hashindex.PDQ.Bits()/2)
	answer.Status, answer.Kind, answer.Why = verdict(answer, policy)
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

// nearest is the smallest distance between any two frames, over the ways to turn and mirror.
func nearest(reference, query []hashindex.Frame) (distance int, by hashindex.Transform) {
	distance = hashindex.PDQ.Bits()
	for t := range hashindex.Transform(hashindex.TransformCount) {
		for _, q := range query {
			for _, r := range reference {
				if d := r.Hashes[hashindex.PDQ].Distance(q.Dihedral[t]); d < distance {
					distance, by = d, t
				}
			}
		}
	}
	return distance, by
}

// verdict is what match would say, and one sentence for a person.
func verdict(a wire.CompareAnswer, policy hashindex.Policy) (status, kind, why string) {
	for i, image := range a.Images {
		if image.Quality < hashindex.PoorQuality {
			return undecidable, "", fmt.Sprintf("image %d is too flat to tell: quality %d, where %d is needed", i, image.Quality, hashindex.PoorQuality)
		}
	}
	apart := fmt.Sprintf("the PDQ hashes are %d of %d bits apart%s", a.Best.PDQ, hashindex.PDQ.Bits(), turned(a.Best.Transform))
	upright := a.Best.Transform == wire.Transform{}
	switch {
	case a.SameBytes:
		return matched, copied, "the two are the same file"
	case a.Best.PDQ > policy.Radius:
		return notMatched, "", fmt.Sprintf("%s, beyond the radius of %d", apart, policy.Radius)
	case upright && a.Best.PDQ <= policy.CopyRadius:
		return matched, copied, fmt.Sprintf("%s, within the copy radius of %d: the same picture", apart, policy.CopyRadius)
	}
	return matched, near, fmt.Sprintf("%s, within the radius of %d: the same picture, altered", apart, policy.Radius)
}

const (
	matched     = string(hashindex.Matched)
	notMatched  = string(hashindex.NotMatched)
	undecidable = string(hashindex.Undecidable)
	copied      = string(hashindex.Copy)
	near        = string(hashindex.Near)
)

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
