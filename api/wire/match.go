package wire

// MatchURL is the JSON body of POST /v1/match: the picture is where the URL says, or a video is what its
// frames' hashes say.
type MatchURL struct {
	URL     string        `json:"url,omitempty"`
	Frames  []HashedFrame `json:"frames,omitempty"`
	Seconds float64       `json:"seconds,omitempty"` // that the video lasts; the last frame's time where absent
	Subject string        `json:"subject,omitempty"`
}

// Transform is what was done to the reference to get the query: mirrored left to right first, then
// turned clockwise by 0, 90, 180 or 270 degrees. A part is turned by any angle: Rotation is the nearest
// of the four, Degrees the angle, and Matrix takes a point of the reference to the query, both as
// fractions of width and height, homogeneous, row by row.
type Transform struct {
	Mirrored bool        `json:"mirrored"`
	Rotation int         `json:"rotation"`
	Degrees  *float64    `json:"degrees,omitempty"`
	Matrix   *[9]float64 `json:"matrix,omitempty"`
}

// Evidence lets anybody do the comparison again, without the index.
type Evidence struct {
	Recipe           string `json:"recipe"`
	Algorithm        string `json:"algorithm"`
	QueryHash        string `json:"query_hash"` // with the transform undone
	ReferenceHash    string `json:"reference_hash"`
	Radius           int    `json:"radius"`
	CopyRadius       int    `json:"copy_radius"`
	QueryFrame       int    `json:"query_frame"`
	ReferenceFrame   int    `json:"reference_frame"`
	QueryQuality     *int   `json:"query_quality"`
	ReferenceQuality *int   `json:"reference_quality"`
	QueryContent     string `json:"query_content,omitempty"`
	ReferenceContent string `json:"reference_content,omitempty"`
	SameBytes        bool   `json:"same_bytes"`

	Alignment *Alignment `json:"alignment,omitempty"` // what tier partial found, where it was tried
}

// Alignment is how a reference was laid over a query, with what is needed to do it again from the two
// pictures.
type Alignment struct {
	Matrix            [9]float64    `json:"matrix"` // as in Transform
	Mirrored          bool          `json:"mirrored"`
	Closer            bool          `json:"closer,omitempty"` // the query was enlarged
	QueryQuad         [4][2]float64 `json:"query_quad"`
	Corners           int           `json:"corners"`     // that agree with the matrix
	Correlation       float64       `json:"correlation"` // of the pixels where both overlap
	ReferenceCoverage float64       `json:"reference_coverage"`
	QueryCoverage     float64       `json:"query_coverage"`
	Score             float64       `json:"score"`
	MinCoverage       float64       `json:"min_coverage"`
	QueryFeatures     string        `json:"query_features,omitempty"`     // SHA-256 of the stored form
	ReferenceFeatures string        `json:"reference_features,omitempty"` // as the history names it
}

// Match is one reference that a picture copies.
type Match struct {
	ReferenceID       string        `json:"reference_id"`
	ExternalID        string        `json:"external_id"`
	Collection        string        `json:"collection"`
	Purpose           string        `json:"purpose"`
	Kind              string        `json:"kind"` // copy, near, partial
	Distance          int           `json:"distance"`
	Score             float64       `json:"score"`
	Transform         Transform     `json:"transform"`
	QueryQuad         [4][2]float64 `json:"query_quad"`
	ReferenceCoverage float64       `json:"reference_coverage"`
	QueryCoverage     float64       `json:"query_coverage"`
	Evidence          Evidence      `json:"evidence"`

	// How the match stands where the query had a subject: hit, licensed, out_of_term, rejected or
	// quarantined; HitID is the hit that there is of it.
	Standing string `json:"standing,omitempty"`
	HitID    string `json:"hit_id,omitempty"`
}

// MatchResult is the answer for one picture.
type MatchResult struct {
	Status       string   `json:"status"` // match, no_match, undecidable
	Quality      int      `json:"quality"`
	Tried        []string `json:"tried"`
	Matches      []Match  `json:"matches"`
	SuppressedBy []Match  `json:"suppressed_by,omitempty"` // benign references that outdo what was found

	Video    *Video    `json:"video,omitempty"`    // what was asked with, if it was a video
	Segments []Segment `json:"segments,omitempty"` // its answer in place of Matches, by time
}

// Video is what was read of a video.
type Video struct {
	Seconds float64 `json:"seconds"`
	Frames  int     `json:"frames"` // that were looked at
}

// Segment is a part of a video that shows a part of a reference. Times are seconds.
type Segment struct {
	ReferenceID   string      `json:"reference_id"`
	ExternalID    string      `json:"external_id"`
	Collection    string      `json:"collection"`
	Purpose       string      `json:"purpose"`
	From          float64     `json:"from"`
	To            float64     `json:"to"`
	ReferenceFrom float64     `json:"reference_from"`
	ReferenceTo   float64     `json:"reference_to"`
	Speed         float64     `json:"speed"`  // of the reference's time; 0: the reference is a still
	Frames        int         `json:"frames"` // that agree
	Asked         int         `json:"asked"`  // of those that could
	Kind          string      `json:"kind"`   // copy, near, partial: as most of them
	Score         float64     `json:"score"`
	Transform     Transform   `json:"transform"`
	Pairs         []FramePair `json:"pairs"` // some of the frames that agree

	// Of a query with a subject: as those of a match.
	Standing string `json:"standing,omitempty"`
	HitID    string `json:"hit_id,omitempty"`
}

// FramePair is a frame of a video beside the frame of the reference that it shows.
type FramePair struct {
	Time           float64 `json:"time"`
	ReferenceTime  float64 `json:"reference_time"`
	ReferenceFrame int     `json:"reference_frame"`
	Kind           string  `json:"kind"`
	Score          float64 `json:"score"`
}

// MatchAnswer is the answer of POST /v1/match, one result a picture in their order.
type MatchAnswer struct {
	Seq     uint64        `json:"seq"`
	Results []MatchResult `json:"results"`
}

// MatchHashRequest is the body of POST /v1/match/hash.
type MatchHashRequest struct {
	Algorithm   string   `json:"algorithm"`
	Hashes      []string `json:"hashes"`
	Radius      *int     `json:"radius,omitempty"` // absent: each collection's own
	Limit       int      `json:"limit,omitempty"`
	Collections []string `json:"collections,omitempty"`
	Dihedral    bool     `json:"dihedral,omitempty"` // pdq only: the variants are derived from the bits
}

// HashMatch is a reference near a hash.
type HashMatch struct {
	ReferenceID string `json:"reference_id"`
	ExternalID  string `json:"external_id"`
	Collection  string `json:"collection"`
	Distance    int    `json:"distance"`
}

// MatchHashResult is the answer for one hash, nearest first.
type MatchHashResult struct {
	Matches []HashMatch `json:"matches"`
}

// MatchHashAnswer is the answer of POST /v1/match/hash, one result a hash in their order.
type MatchHashAnswer struct {
	Seq     uint64            `json:"seq"`
	Results []MatchHashResult `json:"results"`
}

// MatchHashLine is one line of the answer to a stream of hashes (application/x-ndjson), in the order
// asked: a result, or the problem with the line asked with. A problem that ends the stream is its
// last line.
type MatchHashLine struct {
	Seq     uint64      `json:"seq,omitempty"`
	Matches []HashMatch `json:"matches,omitzero"`
	Problem *Problem    `json:"problem,omitempty"`
}

// HashedImage is what the recipe makes of a picture.
type HashedImage struct {
	Width   int    `json:"width"`
	Height  int    `json:"height"`
	Format  string `json:"format"`
	Quality int    `json:"quality"`
	Frames  int    `json:"frames"`
	Content string `json:"content"`
	Hashes  Hashes `json:"hashes"`
}

// HashAnswer is the answer of POST /v1/hash.
type HashAnswer struct {
	Recipe  string        `json:"recipe"`
	Results []HashedImage `json:"results"`
}

// CompareAnswer is the answer of POST /v1/compare: why two pictures match or not.
type CompareAnswer struct {
	Recipe    string         `json:"recipe"`
	Images    [2]HashedImage `json:"images"`
	SameBytes bool           `json:"same_bytes"`
	Distances Distances      `json:"distances"` // of the pictures as they are
	Best      BestDistance   `json:"best"`      // of the eight ways to turn and mirror the second
	Status    string         `json:"status"`    // match, no_match, undecidable
	Kind      string         `json:"kind,omitempty"`
	Score     float64        `json:"score"`
	Radius    int            `json:"radius"`
	Why       string         `json:"why"` // one sentence for a person

	// Overlay is how the first picture was laid over the second, or how far that came; absent where
	// there was nothing to lay it by.
	Overlay *Alignment `json:"overlay,omitempty"`
}

// Distances are Hamming distances in bits by algorithm.
type Distances struct {
	PDQ   int `json:"pdq"`
	PHash int `json:"phash"`
	DHash int `json:"dhash"`
	AHash int `json:"ahash"`
}

// BestDistance is the smallest PDQ distance over the dihedral variants.
type BestDistance struct {
	PDQ       int       `json:"pdq"`
	Transform Transform `json:"transform"`
}
