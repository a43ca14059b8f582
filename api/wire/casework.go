package wire

import "time"

// Holder owns rights.
type Holder struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	Contact string    `json:"contact,omitempty"`
	Added   time.Time `json:"added"`
	Seq     uint64    `json:"seq,omitempty"` // of the change just made
}

// NewHolder is the body of PUT /v1/holders/{id}.
type NewHolder struct {
	Name    string `json:"name"`
	Contact string `json:"contact,omitempty"`
}

// Holders is one page of GET /v1/holders.
type Holders struct {
	Holders []Holder `json:"holders"`
	Next    string   `json:"next,omitempty"`
}

// NewRight is the body of POST /v1/rights. From and Until are days or times; a term until a day holds on
// that day too.
type NewRight struct {
	Holder      string   `json:"holder"`
	Kind        string   `json:"kind"` // trademark, copyright, design
	Number      string   `json:"number,omitempty"`
	Territory   []string `json:"territory,omitempty"` // none: everywhere
	Class       string   `json:"class,omitempty"`
	From        string   `json:"from,omitempty"`
	Until       string   `json:"until,omitempty"`
	Document    string   `json:"document,omitempty"`
	Note        string   `json:"note,omitempty"`
	Collections []string `json:"collections,omitempty"`
}

// Right is what a holder owns.
type Right struct {
	ID          string     `json:"id"`
	Holder      string     `json:"holder"`
	Kind        string     `json:"kind"`
	State       string     `json:"state"` // recorded, verified, expired, withdrawn
	Number      string     `json:"number,omitempty"`
	Territory   []string   `json:"territory"`
	Class       string     `json:"class,omitempty"`
	From        *time.Time `json:"from,omitempty"`
	Until       *time.Time `json:"until,omitempty"` // not included
	Document    string     `json:"document,omitempty"`
	Note        string     `json:"note,omitempty"`
	Collections []string   `json:"collections"`
	Added       time.Time  `json:"added"`
	Seq         uint64     `json:"seq,omitempty"` // of the change just made
}

// RightPatch is the body of PATCH /v1/rights/{id}: what is absent stays.
type RightPatch struct {
	State       *string   `json:"state,omitempty"`
	Number      *string   `json:"number,omitempty"`
	Territory   *[]string `json:"territory,omitempty"`
	Class       *string   `json:"class,omitempty"`
	From        *string   `json:"from,omitempty"` // both or none of from and until
	Until       *string   `json:"until,omitempty"`
	Document    *string   `json:"document,omitempty"`
	Note        *string   `json:"note,omitempty"`
	Collections *[]string `json:"collections,omitempty"`
}

// Rights is one page of GET /v1/rights.
type Rights struct {
	Rights []Right `json:"rights"`
	Next   string  `json:"next,omitempty"`
}

// NewLicence is the body of POST /v1/licences.
type NewLicence struct {
	Right     string   `json:"right"`
	Seller    string   `json:"seller"`
	Territory []string `json:"territory,omitempty"`
	From      string   `json:"from,omitempty"`
	Until     string   `json:"until,omitempty"`
	Note      string   `json:"note,omitempty"`
}

// Licence lets a seller use what a right protects.
type Licence struct {
	ID        string     `json:"id"`
	Right     string     `json:"right"`
	Seller    string     `json:"seller"`
	Territory []string   `json:"territory"`
	From      *time.Time `json:"from,omitempty"`
	Until     *time.Time `json:"until,omitempty"` // not included
	Note      string     `json:"note,omitempty"`
	Added     time.Time  `json:"added"`
	Seq       uint64     `json:"seq,omitempty"` // of the change just made
}

// Licences is one page of GET /v1/licences.
type Licences struct {
	Licences []Licence `json:"licences"`
	Next     string    `json:"next,omitempty"`
}

// ImportedLicences is the answer of POST /v1/licences/import.
type ImportedLicences struct {
	Added     int         `json:"added"`
	Unchanged int         `json:"unchanged"` // were there already
	Failed    int         `json:"failed"`
	Errors    []LineError `json:"errors"` // the first thousand
	Seq       uint64      `json:"seq"`
}

// LineError is what is wrong with one line of a list, from 1 for its header.
type LineError struct {
	Line   int    `json:"line"`
	Field  string `json:"field,omitempty"`
	Detail string `json:"detail"`
}

// Subject is what a query is about. In the header or part of that name it may also be a listing's id
// alone.
type Subject struct {
	Listing   string `json:"listing,omitempty"`
	Seller    string `json:"seller,omitempty"`
	Territory string `json:"territory,omitempty"`
	Stream    string `json:"stream,omitempty"`
	URL       string `json:"url,omitempty"`
}

// Hit is a match that was recorded for a person to decide.
type Hit struct {
	ID                string        `json:"id"`
	State             string        `json:"state"` // open, claimed, confirmed, rejected, actioned, reopened
	Subject           Subject       `json:"subject"`
	ReferenceID       string        `json:"reference_id"`
	ExternalID        string        `json:"external_id"`
	Collection        string        `json:"collection"`
	Purpose           string        `json:"purpose"`
	Rights            []string      `json:"rights"`
	Kind              string        `json:"kind"`
	Distance          int           `json:"distance"`
	Score             float64       `json:"score"`
	Transform         Transform     `json:"transform"`
	QueryQuad         [4][2]float64 `json:"query_quad"`
	ReferenceCoverage float64       `json:"reference_coverage"`
	QueryCoverage     float64       `json:"query_coverage"`
	Evidence          Evidence      `json:"evidence"`
	Retro             bool          `json:"retro"`             // the subject was seen before the reference came
	Picture           string        `json:"picture,omitempty"` // SHA-256 of the query's picture, where it is kept
	Segment           *HitSegment   `json:"segment,omitempty"` // of a video or stream
	First             time.Time     `json:"first"`
	Last              time.Time     `json:"last"`
	Count             int           `json:"count"`
	ClaimedBy         string        `json:"claimed_by,omitempty"`
	ClaimedUntil      *time.Time    `json:"claimed_until,omitempty"`
	Trail             []Step        `json:"trail"`
	Notices           []string      `json:"notices"`
	Verdict           *Verdict      `json:"verdict,omitempty"`
	Seq               uint64        `json:"seq,omitempty"` // of the change just made
}

// HitSegment is the part of a video or stream that a hit is about. Times are seconds.
type HitSegment struct {
	StreamID      string    `json:"stream_id,omitempty"` // absent: of a video
	Number        int       `json:"number"`
	Closed        bool      `json:"closed"` // it grows no more
	From          float64   `json:"from"`
	To            float64   `json:"to"`
	ReferenceFrom float64   `json:"reference_from"`
	ReferenceTo   float64   `json:"reference_to"`
	Speed         float64   `json:"speed"`
	Frames        int       `json:"frames"`
	Asked         int       `json:"asked"`
	Mirrored      bool      `json:"mirrored"`
	Pairs         []HitPair `json:"pairs"` // those whose frames were at hand
}

// HitPair is a frame of the video or stream beside the one of the reference that it shows.
type HitPair struct {
	Time           float64   `json:"time"`
	ReferenceTime  float64   `json:"reference_time"`
	ReferenceFrame int       `json:"reference_frame"`
	Kind           string    `json:"kind"`
	Score          float64   `json:"score"`
	QueryHash      string    `json:"query_hash"` // PDQ, the transform undone
	ReferenceHash  string    `json:"reference_hash"`
	Transform      Transform `json:"transform"`
	Distance       int       `json:"distance"`
	Picture        string    `json:"picture,omitempty"` // SHA-256, where it is kept
}

// Step is one step of a hit.
type Step struct {
	At     time.Time `json:"at"`
	Actor  string    `json:"actor,omitempty"`
	Action string    `json:"action"`
	From   string    `json:"from"`
	To     string    `json:"to"`
	Reason string    `json:"reason,omitempty"`
	Note   string    `json:"note,omitempty"`
}

// Hits is one page of GET /v1/hits.
type Hits struct {
	Hits []Hit  `json:"hits"`
	Next string `json:"next,omitempty"` // absent on the last page; a page with a next one may be short
}

// Order is the body of POST /v1/hits/{id}.
type Order struct {
	Action string `json:"action"` // claim, release, confirm, reject, action, reopen, undo, comment
	Reason string `json:"reason,omitempty"`
	Note   string `json:"note,omitempty"`
}

// BulkOrder is the body of POST /v1/hits.
type BulkOrder struct {
	Hits []string `json:"hits"`
	Order
}

// Decided says what became of one hit: it, or why it did not.
type Decided struct {
	ID      string   `json:"id"`
	Hit     *Hit     `json:"hit,omitempty"`
	Problem *Problem `json:"problem,omitempty"`
}

// BulkDecided is the answer of POST /v1/hits.
type BulkDecided struct {
	Results []Decided `json:"results"`
	Seq     uint64    `json:"seq"`
}

// Seller is a seller's tally of decided hits.
type Seller struct {
	Seller    string `json:"seller"`
	Confirmed int    `json:"confirmed"`
	Rejected  int    `json:"rejected"`
}

// Sellers is one page of GET /v1/sellers.
type Sellers struct {
	Sellers []Seller `json:"sellers"`
	Next    string   `json:"next,omitempty"`
}

// NewVerdict is the body of PUT /v1/references/{id}/verdict, or its part "verdict" beside photos.
type NewVerdict struct {
	Finding string   `json:"finding"` // genuine, fake
	Defects []string `json:"defects,omitempty"`
	Note    string   `json:"note,omitempty"`
}

// Verdict is a lab's on what a reference shows.
type Verdict struct {
	Finding string    `json:"finding"`
	Defects []string  `json:"defects"`
	Note    string    `json:"note,omitempty"`
	Photos  []string  `json:"photos"` // SHA-256
	By      string    `json:"by,omitempty"`
	At      time.Time `json:"at"`
	Seq     uint64    `json:"seq,omitempty"` // of the change just made
}

// Retro says what looking back for a new reference found.
type Retro struct {
	Sightings int  `json:"sightings"`
	Hits      int  `json:"hits"`
	Truncated bool `json:"truncated"` // Sightings says at least
}

// DryAddition says what would become of one picture or hash.
type DryAddition struct {
	ExternalID     string       `json:"external_id"`
	Width          int          `json:"width"`
	Height         int          `json:"height"`
	Quality        *int         `json:"quality"`
	Searchable     bool         `json:"searchable"`
	NearDuplicates []Resembling `json:"near_duplicates"`
	Conflicts      []Conflict   `json:"conflicts"`
	Sightings      *int         `json:"sightings"` // that it would match; null: they are loading
	Truncated      bool         `json:"truncated"` // Sightings says at least

	// ClaimedElsewhere says that a collection which the key does not reach has the same.
	ClaimedElsewhere bool `json:"claimed_elsewhere,omitempty"`
}

// Conflict is a reference of another collection that an addition resembles.
type Conflict struct {
	Resembling
	Holders []string `json:"holders"` // whose rights that collection belongs to, other than the collection asked about
}

// DryRun is the answer of POST /v1/collections/{name}/references?dry_run=true.
type DryRun struct {
	DryRun     bool          `json:"dry_run"` // true
	References []DryAddition `json:"references"`
	Seq        uint64        `json:"seq"`
}

// Quarantine is something that is kept out of new hits.
type Quarantine struct {
	ID       string    `json:"id"`
	Sellers  int       `json:"sellers"`
	At       time.Time `json:"at"`
	Released bool      `json:"released"`
	By       string    `json:"by,omitempty"`
	Seq      uint64    `json:"seq,omitempty"` // of the change just made
}

// Quarantines is one page of GET /v1/quarantine.
type Quarantines struct {
	Quarantine []Quarantine `json:"quarantine"`
	Next       string       `json:"next,omitempty"`
}

// DeskPolicy is how the desk works; durations are text such as 30m0s. In PATCH /v1/policy what is absent
// stays.
type DeskPolicy struct {
	Claim         *string `json:"claim,omitempty"`
	SightingAge   *string `json:"sighting_age,omitempty"`
	SightingCount *int    `json:"sighting_count,omitempty"`
	PictureAge    *string `json:"picture_age,omitempty"`
	PictureBytes  *int64  `json:"picture_bytes,omitempty"`
	FloodSellers  *int    `json:"flood_sellers,omitempty"`
	FloodWindow   *string `json:"flood_window,omitempty"`
	DraftTerm     *string `json:"draft_term,omitempty"`
	DecideTerm    *string `json:"decide_term,omitempty"`
	RemoveTerm    *string `json:"remove_term,omitempty"`
	CounterTerm   *string `json:"counter_term,omitempty"`
	UpholdTerm    *string `json:"uphold_term,omitempty"`
	TrustAfter    *int    `json:"trust_after,omitempty"`
	TrustPercent  *int    `json:"trust_percent,omitempty"`
	DoubtAfter    *int    `json:"doubt_after,omitempty"`
	DoubtPercent  *int    `json:"doubt_percent,omitempty"`
	Auto          *string `json:"auto,omitempty"` // off, draft, submit
	AutoTally     *int    `json:"auto_tally,omitempty"`
	Seq           uint64  `json:"seq,omitempty"` // of the change just made
}

// Thresholds say what a collection's thresholds are worth.
type Thresholds struct {
	Collection string      `json:"collection"`
	Radius     int         `json:"radius"`
	Distances  []Precision `json:"distances"`
	Scores     []Precision `json:"scores"`
	Reach      []Reach     `json:"reach"`
	References int         `json:"references"` // that reach looked at, the newest
	Sightings  int         `json:"sightings"`
}

// Precision is how often people confirmed at one distance or score, and up to it.
type Precision struct {
	Distance  *int     `json:"distance,omitempty"`
	Score     *float64 `json:"score,omitempty"`
	Confirmed int      `json:"confirmed"`
	Rejected  int      `json:"rejected"`
	Precision float64  `json:"precision"`
}

// Reach is how many pairs of a reference and a past sighting a radius takes in.
type Reach struct {
	Radius int `json:"radius"`
	Pairs  int `json:"pairs"`
}
