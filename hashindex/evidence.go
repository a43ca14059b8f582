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

// score puts distances of all algorithms on one scale.
func (e Evidence) score() float64 {
	return 1 - float64(e.Distance)/float64(e.Algorithm.Bits()/2)
}
