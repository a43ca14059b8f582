package hashindex

import (
	"fmt"
	"math"
)

// AlignmentEvidence is an alignment with what is needed to make it again (I5): from the two pictures
// come the features that the digests name, and from those the same alignment.
type AlignmentEvidence struct {
	Alignment
	MinCoverage float64 // in force for this answer
	QueryShape  float64 // the query's width over its height: what Degrees takes fractions to

	// Of the features' stored forms. A query's own features are more than its stored form, but come
	// from the same picture.
	QueryFeatures, ReferenceFeatures Digest
}

func alignmentEvidence(a Alignment, query, reference Features, policy PartialPolicy) AlignmentEvidence {
	return AlignmentEvidence{
		Alignment: a, MinCoverage: policy.MinCoverage, QueryShape: query.shape(),
		QueryFeatures:     DigestOf(query.AppendStored(nil)),
		ReferenceFeatures: DigestOf(reference.AppendStored(nil)),
	}
}

// IsZero reports whether there is no alignment.
func (a AlignmentEvidence) IsZero() bool { return a.ReferenceFeatures.IsZero() }

// coverage is what a policy's minimum is compared with: the larger share of the two pictures.
func (a Alignment) coverage() float64 { return max(a.ReferenceCoverage, a.queryShare()) }

// queryShare is how much of the query takes part: no more of what the outline holds than takes part
// of the reference. Two products that share a logo have outlines that cover each other.
func (a Alignment) queryShare() float64 {
	return min(a.QueryCoverage, a.ReferenceCoverage*outline(a.QueryQuad).area())
}

// verify reports the first claim that does not follow from the others.
func (a AlignmentEvidence) verify() error {
	if a.IsZero() {
		return nil
	}
	for _, share := range []float64{a.ReferenceCoverage, a.QueryCoverage, a.Score, a.MinCoverage} {
		if !(share >= 0 && share <= 1) {
			return fmt.Errorf("evidence: %v is no share of a picture and no score: %w", share, ErrDamaged)
		}
	}
	if a.coverage() < a.MinCoverage {
		return fmt.Errorf("evidence: %.3f of the reference and %.3f of the query take part, %.3f is wanted: %w", a.ReferenceCoverage, a.queryShare(), a.MinCoverage, ErrDamaged)
	}
	for i, corner := range whole {
		if at := a.Place(corner); !near2(at, a.QueryQuad[i]) {
			return fmt.Errorf("evidence: corner %d comes to lie at %.4f, not at %.4f: %w", i, at, a.QueryQuad[i], ErrDamaged)
		}
	}
	return nil
}

// near2 allows for the rounding of one division.
func near2(a, b [2]float64) bool {
	const slack = 1e-6
	return math.Abs(a[0]-b[0]) <= slack*(1+math.Abs(b[0])) && math.Abs(a[1]-b[1]) <= slack*(1+math.Abs(b[1]))
}

// Place is where a point of the reference comes to lie in the query, both as fractions.
func (a Alignment) Place(p [2]float64) [2]float64 {
	m := a.Matrix
	w := m[6]*p[0] + m[7]*p[1] + m[8]
	return [2]float64{(m[0]*p[0] + m[1]*p[1] + m[2]) / w, (m[3]*p[0] + m[4]*p[1] + m[5]) / w}
}

// Source is where a point of the query comes from in the reference, both as fractions; not a number
// for a matrix that has no inverse.
func (a Alignment) Source(p [2]float64) [2]float64 {
	m := a.Matrix
	back := [9]float64{ // the adjugate, of which the homogeneous part does the division
		m[4]*m[8] - m[5]*m[7], m[2]*m[7] - m[1]*m[8], m[1]*m[5] - m[2]*m[4],
		m[5]*m[6] - m[3]*m[8], m[0]*m[8] - m[2]*m[6], m[2]*m[3] - m[0]*m[5],
		m[3]*m[7] - m[4]*m[6], m[1]*m[6] - m[0]*m[7], m[0]*m[4] - m[1]*m[3],
	}
	return Alignment{Matrix: back}.Place(p)
}

// Transform is the nearest of the eight symmetries to how the reference is turned in a query of this
// shape: its width over its height.
func (a Alignment) Transform(shape float64) Transform {
	quarters := int(math.Round(a.Degrees(shape)/90)) % 4
	if a.Mirrored {
		return Mirrored + Transform(quarters)
	}
	return Transform(quarters)
}

// Alignment is how a whole picture lies over what the transform makes of it.
func (t Transform) Alignment() Alignment {
	q := t.quad()
	return Alignment{
		Matrix: [9]float64{
			q[1][0] - q[0][0], q[3][0] - q[0][0], q[0][0],
			q[1][1] - q[0][1], q[3][1] - q[0][1], q[0][1],
			0, 0, 1,
		},
		Mirrored: t.IsMirrored(), QueryQuad: q, ReferenceCoverage: 1, QueryCoverage: 1,
	}
}

// Degrees is how far the reference is turned clockwise after mirroring, 0 up to 360, in its middle.
func (a Alignment) Degrees(shape float64) float64 {
	const step = 0.01
	middle, right := a.Place([2]float64{0.5, 0.5}), a.Place([2]float64{0.5 + step, 0.5})
	dx, dy := (right[0]-middle[0])*shape, right[1]-middle[1]
	if a.Mirrored { // what pointed right points left before it is turned
		dx, dy = -dx, -dy
	}
	degrees := math.Atan2(dy, dx) * 180 / math.Pi
	return math.Mod(degrees+360, 360)
}

// shape is the working picture's width over its height.
func (f Features) shape() float64 { return float64(f.Width) / float64(f.Height) }

// VerifyAlignment makes the alignment again, from the features of the two pictures, and reports the
// first claim that does not follow.
func (e Evidence) VerifyAlignment(reference, query Features, newAligner func(Features) Aligner) error {
	if d := DigestOf(reference.AppendStored(nil)); d != e.Alignment.ReferenceFeatures {
		return fmt.Errorf("evidence: the reference's features are %v, not %v: %w", d, e.Alignment.ReferenceFeatures, ErrDamaged)
	}
	if d := DigestOf(query.AppendStored(nil)); d != e.Alignment.QueryFeatures {
		return fmt.Errorf("evidence: the query's features are %v, not %v: %w", d, e.Alignment.QueryFeatures, ErrDamaged)
	}
	if shape := query.shape(); shape != e.Alignment.QueryShape {
		return fmt.Errorf("evidence: the query's shape is %v, not %v: %w", shape, e.Alignment.QueryShape, ErrDamaged)
	}
	closer := e.Alignment.Closer
	if closer && query.Closer == nil {
		return fmt.Errorf("evidence: there is no closer look at the query: %w", ErrDamaged)
	}
	if closer {
		query = query.Closer()
	}
	again, ok := newAligner(query).Align(reference.Stored(), e.Alignment.Mirrored)
	again.Closer = closer
	if !ok || again != e.Alignment.Alignment {
		return fmt.Errorf("evidence: laid over the query again, the reference is at %+v (%v), not %+v: %w", again, ok, e.Alignment.Alignment, ErrDamaged)
	}
	return nil
}
