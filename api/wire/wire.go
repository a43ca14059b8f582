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

// ReferenceFrames is one page of GET /v1/references/{id}/frames.
type ReferenceFrames struct {
	Frames []HashedFrame `json:"frames"`
	Next   int           `json:"next,omitempty"` // the number of the next page's first frame; absent on the last
}

// ReferencePatch is the body of PATCH /v1/references/{id}: what is absent stays. DisabledUntil null
// enables the reference.
type ReferencePatch struct {
	Note          *string           `json:"note,omitempty"`
	Meta          map[string]string `json:"meta,omitempty"`
	DisabledUntil json.RawMessage   `json:"disabled_until,omitempty"` // RFC 3339 text or null
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

// Changes is the answer of GET /v1/changes.
type Changes struct {
	Changes []Change `json:"changes"`
	Next    uint64   `json:"next"` // what to ask for after this page; the end once it is Seq
	Seq     uint64   `json:"seq"`  // of the last change there is
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
