// Package wire holds the JSON that travels between a touchstone server and its clients, in the
// shapes of openapi.yaml. Wire types are not domain types: they change only as the contract does.
// Numbers that may pass 2^53 travel as text; hashes and digests are lower-case hex.
package wire

import (
	"bytes"
	"encoding/json"
	"time"
)

// Policy is a collection's policy. Radii are bits, inclusive; an absent one keeps what was there,
// or the default for a new collection.
type Policy struct {
	Radius     *int `json:"radius,omitempty"`
	CopyRadius *int `json:"copy_radius,omitempty"`
	Radius64   *int `json:"radius64,omitempty"`

	Partial *PartialPolicy `json:"partial,omitempty"`
}

// PartialPolicy is a collection's policy on tier partial. Where it is given, true or false alone do as
// well, for the first field.
type PartialPolicy struct {
	Enabled     *bool    `json:"enabled,omitempty"`
	MinCoverage *float64 `json:"min_coverage,omitempty"`
}

// UnmarshalJSON reads an object, true or false.
func (p *PartialPolicy) UnmarshalJSON(text []byte) error {
	var enabled bool
	if json.Unmarshal(text, &enabled) == nil && string(text) != "null" {
		*p = PartialPolicy{Enabled: &enabled}
		return nil
	}
	type fields PartialPolicy
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields() // the decoder that calls this cannot hand it on
	return decoder.Decode((*fields)(p))
}

// NewCollection is the body of POST /v1/collections.
type NewCollection struct {
	Name    string  `json:"name"`
	Purpose string  `json:"purpose"`
	Policy  *Policy `json:"policy,omitempty"`
}

// CollectionPatch is the body of PATCH /v1/collections/{name}: what is absent stays.
type CollectionPatch struct {
	Purpose *string `json:"purpose,omitempty"`
	Policy  *Policy `json:"policy,omitempty"`
}

// Collection is a collection as it is.
type Collection struct {
	Name       string `json:"name"`
	Purpose    string `json:"purpose"`
	Policy     Policy `json:"policy"`
	References int    `json:"references"`
	Seq        uint64 `json:"seq,omitempty"` // of the change just made
}

// Collections is the answer of GET /v1/collections.
type Collections struct {
	Collections []Collection `json:"collections"`
}

// Removed is the answer of every DELETE.
type Removed struct {
	Seq uint64 `json:"seq"`
}

// Hashes holds hashes by algorithm; absent ones are left out.
type Hashes struct {
	PDQ   string `json:"pdq,omitempty"`
	PHash string `json:"phash,omitempty"`
	DHash string `json:"dhash,omitempty"`
	AHash string `json:"ahash,omitempty"`
}

// HashReference is a reference known by its hashes only. In the JSON body of
// POST /v1/collections/{name}/references it stands alone or in HashReferences; it is also a line of
// an NDJSON hash list.
type HashReference struct {
	ExternalID string            `json:"external_id,omitempty"`
	Hashes     Hashes            `json:"hashes"`
	Quality    *int              `json:"quality,omitempty"` // 0..100; absent: unknown
	Meta       map[string]string `json:"meta,omitempty"`

	// Frames are a video's, in the order of their times, in place of Hashes and Quality.
	Frames []HashedFrame `json:"frames,omitempty"`
}

// HashedFrame is a frame of a video, known by its hashes.
type HashedFrame struct {
	Time    float64 `json:"time"` // seconds from the start
	Hashes  Hashes  `json:"hashes"`
	Quality *int    `json:"quality,omitempty"` // 0..100; absent: unknown
	Shot    bool    `json:"shot,omitempty"`    // a cut comes before it; of a query only
}

// HashReferences is several of them, added in one step.
type HashReferences struct {
	References []HashReference `json:"references"`
}

// MatchURL is the JSON body of POST /v1/match: the picture is where the URL says, or a video is what its
// frames' hashes say.
type MatchURL struct {
	URL     string        `json:"url,omitempty"`
	Frames  []HashedFrame `json:"frames,omitempty"`
	Seconds float64       `json:"seconds,omitempty"` // that the video lasts; the last frame's time where absent
	Subject string        `json:"subject,omitempty"`
}

// Resembling is a reference that an added one resembles.
type Resembling struct {
	ReferenceID string  `json:"reference_id"`
	ExternalID  string  `json:"external_id"`
	Collection  string  `json:"collection"`
	Purpose     string  `json:"purpose"`
	Kind        string  `json:"kind"`
	Distance    int     `json:"distance"`
	Score       float64 `json:"score"`
}

// AddedReference says what became of one picture.
type AddedReference struct {
	ID             string       `json:"id"`
	ExternalID     string       `json:"external_id"`
	Width          int          `json:"width"`
	Height         int          `json:"height"`
	Quality        *int         `json:"quality"`         // null: unknown
	Searchable     bool         `json:"searchable"`      // false: too flat to be matched, but kept
	Tiers          []string     `json:"tiers"`           // that can find it
	NearDuplicates []Resembling `json:"near_duplicates"` // null: not looked for
	Conflicts      []Resembling `json:"conflicts"`       // null: not looked for

	// ClaimedElsewhere says that a collection which the key does not reach has the same.
	ClaimedElsewhere bool   `json:"claimed_elsewhere,omitempty"`
	Retro            *Retro `json:"retro"` // null: past sightings are looked through later
}

// AddedReferences is the answer of POST /v1/collections/{name}/references.
type AddedReferences struct {
	References []AddedReference `json:"references"`
	Seq        uint64           `json:"seq"`
}

// AddedList is its answer to a hash list (text/csv or application/x-ndjson): a count instead of
// every row.
type AddedList struct {
	Added int    `json:"added"`
	Seq   uint64 `json:"seq"`
}

// Reference is a registered reference.
type Reference struct {
	ID            string            `json:"id"`
	ExternalID    string            `json:"external_id"`
	Collection    string            `json:"collection"`
	Purpose       string            `json:"purpose"`
	Width         int               `json:"width"`
	Height        int               `json:"height"`
	Format        string            `json:"format,omitempty"`
	Quality       *int              `json:"quality"` // null: unknown
	Frames        int               `json:"frames"`
	Hashes        Hashes            `json:"hashes"` // of the first frame
	Recipe        string            `json:"recipe"`
	Tiers         []string          `json:"tiers"`             // that can find it: copy, near, partial
	Content       string            `json:"content,omitempty"` // SHA-256 of the picture; absent for bare hashes
	Note          string            `json:"note,omitempty"`
	Meta          map[string]string `json:"meta,omitempty"`
	Added         time.Time         `json:"added"`
	DisabledUntil *time.Time        `json:"disabled_until,omitempty"`
	Seq           uint64            `json:"seq,omitempty"` // of the change just made
}

// References is one page of GET /v1/collections/{name}/references.
type References struct {
	References []Reference `json:"references"`
	Next       string      `json:"next,omitempty"` // cursor of the next page; absent on the last
}

// ReferencePatch is the body of PATCH /v1/references/{id}: what is absent stays. DisabledUntil null
// enables the reference.
type ReferencePatch struct {
	Note          *string           `json:"note,omitempty"`
	Meta          map[string]string `json:"meta,omitempty"`
	DisabledUntil json.RawMessage   `json:"disabled_until,omitempty"` // RFC 3339 text or null
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

// Change is one entry of the history.
type Change struct {
	Seq        uint64      `json:"seq"`
	Time       time.Time   `json:"time"`
	Actor      string      `json:"actor,omitempty"`
	Kind       string      `json:"kind"`
	Collection *Collection `json:"collection,omitempty"`
	Reference  *Reference  `json:"reference,omitempty"`
	Note       *Note       `json:"note,omitempty"`
	Prev       string      `json:"prev"`
	Digest     string      `json:"digest"`
}

// Note is what happened to something that is neither a collection nor a reference.
type Note struct {
	Topic   string          `json:"topic"`
	Subject string          `json:"subject"`
	Body    json.RawMessage `json:"body"` // what it was and what it is
}

// NewWebhook is the body of POST /v1/webhooks.
type NewWebhook struct {
	URL    string   `json:"url"`
	Events []string `json:"events"`
	After  *uint64  `json:"after,omitempty"` // the Seq after which events are sent; absent: from now on
}

// Webhook is where events are sent.
type Webhook struct {
	ID       string     `json:"id"`
	URL      string     `json:"url"`
	Events   []string   `json:"events"`
	Created  time.Time  `json:"created"`
	Enabled  bool       `json:"enabled"`
	Disabled string     `json:"disabled,omitempty"` // why
	Cursor   uint64     `json:"cursor"`             // all up to this change was sent, or is parked
	Parked   int        `json:"parked"`             // deliveries that failed and are tried again
	Due      *time.Time `json:"due,omitempty"`      // when the first of them is
	Tried    *time.Time `json:"tried,omitempty"`    // the last delivery
	Status   int        `json:"status,omitempty"`   // its answer's
	Error    string     `json:"error,omitempty"`    // why it failed
	Secret   string     `json:"secret,omitempty"`   // in the answer to POST alone
	Seq      uint64     `json:"seq,omitempty"`      // in answers to writes
}

// Webhooks is the answer of GET /v1/webhooks.
type Webhooks struct {
	Webhooks []Webhook `json:"webhooks"`
}

// WebhookPatch is the body of PATCH /v1/webhooks/{id}; absent fields stay.
type WebhookPatch struct {
	URL     *string  `json:"url,omitempty"`
	Events  []string `json:"events,omitempty"`
	Enabled *bool    `json:"enabled,omitempty"`
}

// Replay is the body of POST /v1/webhooks/{id}/replay.
type Replay struct {
	After *uint64 `json:"after"`
}

// TestDelivery is the answer of POST /v1/webhooks/{id}/test.
type TestDelivery struct {
	Delivered bool   `json:"delivered"`
	Status    int    `json:"status,omitempty"`
	Error     string `json:"error,omitempty"`
}

// DeadLetter is a delivery that was given up.
type DeadLetter struct {
	Seq      uint64    `json:"seq"`
	Type     string    `json:"type"`
	Attempts int       `json:"attempts"`
	First    time.Time `json:"first"`
	Status   int       `json:"status,omitempty"`
	Error    string    `json:"error,omitempty"`
}

// DeadLetters is a page of them, by Seq.
type DeadLetters struct {
	Letters []DeadLetter `json:"letters"`
}

// Changes is the answer of GET /v1/changes.
type Changes struct {
	Changes []Change `json:"changes"`
	Next    uint64   `json:"next"` // what to ask for after this page; the end once it is Seq
	Seq     uint64   `json:"seq"`  // of the last change there is
}

// NewKey is the body of POST /v1/keys. With Rotates, what is absent is as the other key has it.
type NewKey struct {
	Name              string     `json:"name,omitempty"`
	Scopes            []string   `json:"scopes,omitempty"`
	Collections       []string   `json:"collections,omitempty"`         // none: all
	RequestsPerMinute int        `json:"requests_per_minute,omitempty"` // 0: no limit
	RequestsAtOnce    int        `json:"requests_at_once,omitempty"`    // 0: no limit
	Expires           *time.Time `json:"expires,omitempty"`             // absent: never
	Rotates           string     `json:"rotates,omitempty"`             // the key that this one takes the place of
	OverlapSeconds    int64      `json:"overlap_seconds,omitempty"`     // how long the other one still opens
}

// Key is what is known of a key.
type Key struct {
	ID                string     `json:"id"`
	Name              string     `json:"name"`
	Scopes            []string   `json:"scopes"`
	Collections       []string   `json:"collections,omitempty"` // absent: all
	RequestsPerMinute int        `json:"requests_per_minute,omitempty"`
	RequestsAtOnce    int        `json:"requests_at_once,omitempty"`
	Rotates           string     `json:"rotates,omitempty"`
	Created           time.Time  `json:"created"`
	Expires           *time.Time `json:"expires,omitempty"`
	Revoked           *time.Time `json:"revoked,omitempty"`
	LastUsed          *time.Time `json:"last_used,omitempty"` // to the minute
	Usable            bool       `json:"usable"`              // neither revoked nor expired
}

// CreatedKey is the answer of POST /v1/keys. Token is what the client sends; nobody can ask for it again.
type CreatedKey struct {
	Key   Key    `json:"key"`
	Token string `json:"token"`
	Seq   uint64 `json:"seq"`
}

// Keys is the answer of GET /v1/keys, in the order in which they were made.
type Keys struct {
	Keys []Key `json:"keys"`
}

// Searcher describes one searcher.
type Searcher struct {
	Space   string `json:"space"`
	Name    string `json:"name"`
	Entries int    `json:"entries"`
	Bytes   int    `json:"bytes"`        // of memory
	Stored  int    `json:"stored_bytes"` // in the data folder
	Answers bool   `json:"answers"`      // searches of the usual radius are answered by it now
	Lookups int64  `json:"lookups"`      // that it has answered since the start
}

// Stats is the answer of GET /v1/stats.
type Stats struct {
	Version     string       `json:"version"`
	Recipe      string       `json:"recipe"`
	Seq         uint64       `json:"seq"`
	Ready       bool         `json:"ready"`
	Uptime      float64      `json:"uptime_seconds"`
	References  int          `json:"references"`
	Collections []Collection `json:"collections"`
	Searchers   []Searcher   `json:"searchers"`

	Partial *PartialStats `json:"partial,omitempty"` // absent for a key restricted to collections
}

// PartialStats are the figures of tier partial since the server started.
type PartialStats struct {
	Queries   uint64  `json:"queries"`   // pictures that it was tried for
	Proposals uint64  `json:"proposals"` // references that shared features
	Aligned   uint64  `json:"aligned"`   // of those, laid over the query
	Matched   uint64  `json:"matched"`   // of those, found to show the same
	Seconds   float64 `json:"seconds"`
}

// Limits is the answer of GET /v1/limits: a number by name, as problems name them.
type Limits struct {
	Limits map[string]int64 `json:"limits"`
}

// Problem is an error by RFC 9457, with members of our own: Code is stable, Field or Limit and Max
// say what to mend.
type Problem struct {
	Type     string `json:"type"`
	Title    string `json:"title"`
	Status   int    `json:"status"`
	Code     string `json:"code"`
	Detail   string `json:"detail,omitempty"`
	Instance string `json:"instance,omitempty"`
	Field    string `json:"field,omitempty"`
	Limit    string `json:"limit,omitempty"`
	Max      int64  `json:"max,omitempty"`
	Image    *int   `json:"image,omitempty"` // which picture of the request, from 0

	State   string   `json:"state,omitempty"`   // that what was asked for is not allowed in
	Allowed []string `json:"allowed,omitempty"` // instead

	RequestID string `json:"request_id,omitempty"`
}

// Health is the answer of /livez and /readyz when all is well; otherwise they answer a Problem.
type Health struct {
	Status string `json:"status"` // live, ready
}
