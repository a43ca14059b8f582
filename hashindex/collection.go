package hashindex

import "regexp"

// CollectionID numbers the collections of one store from 1 in order of creation; a number is never
// used twice. Searchers carry it with each hash, so that filters apply inside the search.
type CollectionID uint32

// Collection is a named set of references with one purpose.
type Collection struct {
	ID      CollectionID
	Name    string
	Purpose Purpose
	Policy  Policy
}

// Purpose says what a match in the collection means.
type Purpose string

const (
	Brand       Purpose = "brand"       // official images: a match is a stolen picture
	Work        Purpose = "work"        // copyrighted works: a match is a copy
	Counterfeit Purpose = "counterfeit" // lab-confirmed fakes: a match shows one
	Benign      Purpose = "benign"      // size charts, stock pictures: a match is never reported
)

// Purposes lists every purpose.
func Purposes() []Purpose { return []Purpose{Brand, Work, Counterfeit, Benign} }

// Policy is what a collection asks of a match. Radii are Hamming distances in bits, inclusive.
type Policy struct {
	Radius     int // PDQ: tier near
	CopyRadius int // PDQ: tier copy, at most Radius
	Radius64   int // pHash, for references that have no PDQ hash
	Partial    PartialPolicy
}

// PartialPolicy is what a collection asks of tier partial.
type PartialPolicy struct {
	Enabled bool

	// MinCoverage is how much of the reference or of the query, whichever is more, has to take part
	// in a match, 0..1. It keeps out what two pictures share honestly: a logo, a line of text.
	MinCoverage float64
}

// DefaultPolicy is what a collection gets that asks for nothing else. PDQ 31 finds no unrelated
// pair among 1,500 real photos and 64-bit 6 fewer than one in a hundred; copies re-encoded or
// resized stay within 10 (bench quality).
func DefaultPolicy() Policy {
	return Policy{Radius: 31, CopyRadius: 10, Radius64: 6, Partial: PartialPolicy{Enabled: true, MinCoverage: 0.1}}
}

// radius is how far a search of the algorithm's hashes goes under the policy.
func (p Policy) radius(a Algorithm) int {
	if a == PDQ {
		return p.Radius
	}
	return p.Radius64
}

// A name is part of routes and file names, so it starts with a letter or digit and holds nothing
// that a path, a shell or a URL reads as more than a name.
var collectionName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)

// Validate reports the first field that is out of bounds.
func (c Collection) Validate() error {
	if !collectionName.MatchString(c.Name) {
		return invalid("name", "%.80q: want 1 to 64 of a-z, 0-9, '.', '_' and '-', the first a letter or digit", c.Name)
	}
	if !c.Purpose.known() {
		return invalid("purpose", "%.80q is not one of brand, work, counterfeit, benign", c.Purpose)
	}
	return c.Policy.validate()
}

func (p Purpose) known() bool {
	for _, each := range Purposes() {
		if p == each {
			return true
		}
	}
	return false
}

func (p Policy) validate() error {
	if err := checkRadius("policy.radius", PDQ, p.Radius); err != nil {
		return err
	}
	if p.CopyRadius < 0 || p.CopyRadius > p.Radius {
		return invalid("policy.copy_radius", "%d is not within 0..%d, the collection's radius", p.CopyRadius, p.Radius)
	}
	if least := p.Partial.MinCoverage; !(least >= 0 && least <= 1) { // not a number included
		return invalid("policy.partial.min_coverage", "%v is not within 0..1", least)
	}
	return checkRadius("policy.radius64", PHash, p.Radius64)
}

func checkRadius(field string, a Algorithm, radius int) error {
	if radius < 0 || radius > a.MaxRadius() {
		return invalid(field, "%d is not within 0..%d bits of %d", radius, a.MaxRadius(), a.Bits())
	}
	return nil
}
