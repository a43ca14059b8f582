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

	// Alignment is how the reference lies over the query: the reason for kind partial, and for the
	// others one more where tier partial was tried and found it too. Zero without one.
	Alignment AlignmentEvidence
}

// SameBytes reports whether query and reference are the same file.
func (e Evidence) SameBytes() bool {
	return !e.QueryContent.IsZero() && e.QueryContent == e.ReferenceContent
}

// Verify does the comparison of the hashes again and reports the first claim that does not follow. An
// alignment must agree with itself; VerifyAlignment does that again from the features.
func (e Evidence) Verify() error {
	if e.QueryHash.Bits() != e.Algorithm.Bits() || e.ReferenceHash.Bits() != e.Algorithm.Bits() {
		return fmt.Errorf("evidence: hashes of %d and %d bits are not %s: %w", e.QueryHash.Bits(), e.ReferenceHash.Bits(), e.Algorithm, ErrDamaged)
	}
	if d := e.QueryHash.Distance(e.ReferenceHash); d != e.Distance {
		return fmt.Errorf("evidence: the hashes are %d bits apart, not %d: %w", d, e.Distance, ErrDamaged)
	}
	if e.Distance > e.Radius && e.Alignment.IsZero() {
		return fmt.Errorf("evidence: distance %d is beyond the radius %d: %w", e.Distance, e.Radius, ErrDamaged)
	}
	if err := e.Alignment.verify(); err != nil {
		return err
	}
	if e.Kind != e.kind() {
		return fmt.Errorf("evidence: kind %q does not follow from distance %d and copy radius %d: %w", e.Kind, e.Distance, e.CopyRadius, ErrDamaged)
	}
	return nil
}

// kind is the tier that the distance earns, or else the alignment, if any does. A turned or mirrored picture was
// altered however close its hash is, and only PDQ is fine enough to call a picture the same.
func (e Evidence) kind() Tier {
	switch {
	case e.Distance > e.Radius && e.Alignment.IsZero():
		return "" // no match
	case e.Distance > e.Radius:
		return Partial
	}
	same := e.SameBytes() || e.Algorithm == PDQ && e.Distance <= e.CopyRadius
	if same && e.Transform == Upright {
		return Copy
	}
	return Near
}

// join makes the hashes those of frames that the alignment alone has brought together, the query's
// turned as it says.
func (e *Evidence) join(reference, query Fingerprint, a Alignment) {
	e.Recipe, e.Algorithm, e.Transform = reference.Recipe, PDQ, a.Transform(query.Features.shape())
	e.QueryHash, e.ReferenceHash = query.Dihedral[e.Transform], reference.Hashes[PDQ]
	e.Distance = e.QueryHash.Distance(e.ReferenceHash)
	e.QueryQuality, e.ReferenceQuality = query.Quality, reference.Quality
}

// Score puts distances of all algorithms on one scale: 1 for equal hashes, 0 for what two unrelated
// pictures average, half of the bits; below 0 for what is farther still. An alignment has a score of
// its own: the only one of a partial match, and for another one that may raise it.
func (e Evidence) Score() float64 {
	hashes := 1 - float64(e.Distance)/float64(e.Algorithm.Bits()/2)
	switch {
	case e.Alignment.IsZero():
		return hashes
	case e.Kind == Partial:
		return e.Alignment.Score
	}
	return max(hashes, e.Alignment.Score)
}
