package hashindex

import "fmt"

// Evidence is why a match was answered: enough to do the comparison again by hand, without the
// index, and to find the pictures (I5).
type Evidence struct {
	Recipe    Recipe
	Algorithm Algorithm
	Kind      Tier
	Transform Transform // what was done to the reference

	// QueryHash is of the query with the transform undone, so that it compares with ReferenceHash.
	QueryHash, ReferenceHash Hash
	Distance                 int // between the two, in bits

	Radius, CopyRadius int // in force for this answer

	QueryFrame, ReferenceFrame     int
	QueryQuality, ReferenceQuality int
	QueryContent, ReferenceContent Digest // of the encoded pictures; zero where none was given
}

// SameBytes reports whether query and reference are the same file.
func (e Evidence) SameBytes() bool {
	return !e.QueryContent.IsZero() && e.QueryContent == e.ReferenceContent
}

// Verify does the comparison again and reports the first claim that does not follow.
func (e Evidence) Verify() error {
	if e.QueryHash.Bits() != e.Algorithm.Bits() || e.ReferenceHash.Bits() != e.Algorithm.Bits() {
		return fmt.Errorf("evidence: hashes of %d and %d bits are not %s: %w", e.QueryHash.Bits(), e.ReferenceHash.Bits(), e.Algorithm, ErrDamaged)
	}
	if d := e.QueryHash.Distance(e.ReferenceHash); d != e.Distance {
		return fmt.Errorf("evidence: the hashes are %d bits apart, not %d: %w", d, e.Distance, ErrDamaged)
	}
	if e.Distance > e.Radius {
		return fmt.Errorf("evidence: distance %d is beyond the radius %d: %w", e.Distance, e.Radius, ErrDamaged)
	}
	if e.Kind != e.kind() {
		return fmt.Errorf("evidence: kind %q does not follow from distance %d and copy radius %d: %w", e.Kind, e.Distance, e.CopyRadius, ErrDamaged)
	}
	return nil
}

// kind is the tier that the distance earns. A turned or mirrored picture was altered however close
// its hash is, and only PDQ is fine enough to call a picture the same.
func (e Evidence) kind() Tier {
	same := e.SameBytes() || e.Algorithm == PDQ && e.Distance <= e.CopyRadius
	if same && e.Transform == Upright {
		return Copy
	}
	return Near
}

// Score puts distances of all algorithms on one scale: 1 for equal hashes, 0 for what two unrelated
// pictures average, half of the bits; below 0 for what is farther still.
func (e Evidence) Score() float64 {
	return 1 - float64(e.Distance)/float64(e.Algorithm.Bits()/2)
}

// Compare says of two pictures what the index would say if the first were registered under the
// policy and the second asked about: the evidence of their nearest frames, over every way to turn
// and mirror. Frames too poor to mean anything are left out where there are better ones.
func Compare(reference, query Picture, policy Policy) (Evidence, Status) {
	best := Evidence{Distance: PDQ.Bits() + 1}
	for n, asked := range query.Frames {
		for m, known := range reference.Frames {
			if query.misleading(asked) || reference.misleading(known) {
				continue
			}
			if e := nearest(known.Fingerprint, asked.Fingerprint); e.Distance < best.Distance {
				e.QueryFrame, e.ReferenceFrame = n, m
				best = e
			}
		}
	}
	best.Radius, best.CopyRadius = policy.Radius, policy.CopyRadius
	best.QueryContent, best.ReferenceContent = query.Content, reference.Content
	best.Kind = best.kind()
	switch {
	case min(best.QueryQuality, best.ReferenceQuality) < PoorQuality:
		return best, Undecidable
	case best.Distance > policy.Radius:
		return best, NotMatched
	}
	return best, Matched
}

// misleading reports whether the frame is poor while the picture has better ones.
func (p Picture) misleading(f Frame) bool {
	return f.Quality < PoorQuality && p.quality() >= PoorQuality
}

// nearest is the evidence of two frames, by the transform that brings them nearest.
func nearest(reference, query Fingerprint) Evidence {
	best := Evidence{Distance: PDQ.Bits() + 1}
	for t, hash := range query.Dihedral {
		if d := hash.Distance(reference.Hashes[PDQ]); d < best.Distance {
			best = Evidence{
				Recipe: reference.Recipe, Algorithm: PDQ, Transform: Transform(t),
				QueryHash: hash, ReferenceHash: reference.Hashes[PDQ], Distance: d,
				QueryQuality: query.Quality, ReferenceQuality: reference.Quality,
			}
		}
	}
	return best
}
