package hashindex

import "slices"

// Query asks which references a picture copies.
type Query struct {
	Picture     Picture
	Collections []string // names; none: every collection. Benign ones always take part.
	Radius      int      // bits of PDQ for every collection asked; PolicyRadius: each its own
	Effort      Effort
	Limit       int // at most this many matches, 1..MaxLimit; 0: DefaultLimit
	Within      Within
}

// Within names the collections that whoever asks may know of, benign ones among them: no other has any
// part in the answer. Nil: all of them.
type Within []string

func (w Within) holds(name string) bool { return w == nil || slices.Contains(w, name) }

// PolicyRadius asks for each collection's own radius.
const PolicyRadius = -1

// Effort says how far a search goes.
type Effort string

const (
	FastEffort Effort = "fast" // the tiers copy and near
	FullEffort Effort = "full" // tier partial as well, for pictures whose features were made
)

const (
	DefaultLimit = 10
	MaxLimit     = 1000
	MaxHashes    = 10_000 // in one HashQuery
)

// Tier is a stage of the search, and the kind of match that it finds.
type Tier string

const (
	Copy    Tier = "copy"    // the same picture, perhaps encoded anew
	Near    Tier = "near"    // the same picture altered as a whole, turned or mirrored
	Partial Tier = "partial" // part of it, in part of the query
)

// Status says what is known of the query.
type Status string

const (
	Matched     Status = "match"
	NotMatched  Status = "no_match"
	Undecidable Status = "undecidable" // too flat to tell: no answer would be honest
)

// Answer is what the index says to a Query.
type Answer struct {
	Seq     Seq // the last change that the answer takes into account
	Status  Status
	Quality int     // the best frame's
	Tried   []Tier  // in order
	Matches []Match // by score, then in order of arrival (I6)

	// Benign are the references of benign collections that the query shows. What one of them outdoes,
	// at least as plain and over the same part of the query, is left out of Matches.
	Benign []Match
}

// Match is one reference that the query copies.
type Match struct {
	Reference  Reference
	Collection Collection
	Evidence   Evidence

	// Score is the evidence's. Of hashes it is 1 for equal ones and 0 for what two unrelated pictures
	// average: 1 − distance ⁄ half the bits. Of an alignment it is the certainty that the pictures
	// share a part; where there are both, the higher one counts.
	Score float64

	// QueryQuad is the reference's outline in the query: its top left, top right, bottom right and
	// bottom left corner as [x, y] fractions of the query's width and height.
	QueryQuad                        [4][2]float64
	ReferenceCoverage, QueryCoverage float64 // how much of each takes part and looks the same, 0..1
}

// quad is where the corners of a whole picture come to lie.
func (t Transform) quad() [4][2]float64 {
	corners := [4][2]float64{{0, 0}, {1, 0}, {1, 1}, {0, 1}}
	if t.IsMirrored() {
		corners = [4][2]float64{{1, 0}, {0, 0}, {0, 1}, {1, 1}}
	}
	for range t % 4 { // a quarter turn clockwise takes (x, y) to (1−y, x)
		for i, c := range corners {
			corners[i] = [2]float64{1 - c[1], c[0]}
		}
	}
	return corners
}

// HashQuery asks for the neighbours of bare hashes: the raw range search, where no policy but the
// radius speaks and benign collections are collections like others. Disabled references are in no answer.
type HashQuery struct {
	Algorithm   Algorithm
	Hashes      []Hash
	Each        int // so many consecutive hashes share one result, such as eight variants; 0: one
	Radius      int // bits; PolicyRadius: each collection's own
	Collections []string
	Limit       int // for each result; 0: DefaultLimit
	Within      Within
}

// HashAnswer holds a result for each of the query's hashes (or Each of them), in their order.
type HashAnswer struct {
	Seq     Seq
	Results [][]HashMatch // by distance, then in order of arrival (I6)
}

// HashMatch is a reference near a hash.
type HashMatch struct {
	Reference  ReferenceID
	ExternalID string
	Collection string
	Distance   int
}

func (q Query) validate() error {
	if q.Radius != PolicyRadius {
		if err := checkRadius("radius", PDQ, q.Radius); err != nil {
			return err
		}
	}
	if q.Effort != FastEffort && q.Effort != FullEffort {
		return invalid("effort", "%.20q is neither fast nor full", q.Effort)
	}
	return checkLimit(q.Limit)
}

func (q HashQuery) validate() error {
	if q.Algorithm >= AlgorithmCount {
		return invalid("algorithm", "%d is unknown", q.Algorithm)
	}
	if q.Radius != PolicyRadius {
		if err := checkRadius("radius", q.Algorithm, q.Radius); err != nil {
			return err
		}
	}
	for i, h := range q.Hashes {
		if h.Bits() != q.Algorithm.Bits() {
			return invalid("hashes", "number %d has %d bits, but a %s hash has %d", i, h.Bits(), q.Algorithm, q.Algorithm.Bits())
		}
	}
	return checkLimit(q.Limit)
}

func checkLimit(limit int) error {
	if limit < 0 || limit > MaxLimit {
		return invalid("limit", "%d is not within 1..%d", limit, MaxLimit)
	}
	return nil
}
