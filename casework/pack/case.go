package pack

import (
	"context"
	"fmt"
	"time"

	"touchstone/casework"
	"touchstone/hashindex"
)

// Format names the layout of packs. Another number is another layout.
const Format = "touchstone-pack/2"

// Case is what case.json says.
type Case struct {
	Format  string           `json:"format"`
	Subject string           `json:"subject"` // "hit 12" or "notice 7"
	Made    time.Time        `json:"made"`
	By      string           `json:"by,omitempty"`
	Version string           `json:"version"` // of the program
	Recipe  hashindex.Recipe `json:"recipe"`  // of its fingerprints

	Notice *casework.Notice `json:"notice,omitempty"`
	Holder *casework.Holder `json:"holder,omitempty"`
	Record *casework.Record `json:"record,omitempty"` // the holder's, when the pack was made
	Hits   []Exhibit        `json:"hits"`
	Rights []casework.Right `json:"rights,omitempty"`
	Policy casework.Policy  `json:"policy"` // when the pack was made

	History []Entry `json:"history"`
}

// Exhibit is one hit with what it rests on. Pictures are named by the digests in it.
type Exhibit struct {
	Hit       casework.Hit          `json:"hit"`
	Reference *hashindex.Reference  `json:"reference,omitempty"` // as it is now; nil: it is gone
	Now       *hashindex.Collection `json:"collection,omitempty"`
	Query     *Fingerprints         `json:"query,omitempty"` // nil: its picture is not kept
	Known     *Fingerprints         `json:"known,omitempty"` // of the reference's picture; nil: it has none
	Overlay   string                `json:"overlay,omitempty"`

	// Of a hit of a video or stream: the frames of its pairs, in their order, nil where there is no picture.
	Frames   []*Fingerprints `json:"frames,omitempty"`
	Timeline string          `json:"timeline,omitempty"`
}

// Fingerprints are what a picture's bytes come to.
type Fingerprints struct {
	Content hashindex.Digest `json:"content"`
	Bytes   int              `json:"bytes"`
	Format  string           `json:"format"`
	Width   int              `json:"width"`
	Height  int              `json:"height"`
	Frame   int              `json:"frame"` // that was compared
	Quality int              `json:"quality"`
	Hashes  hashindex.Hashes `json:"hashes"` // pdq, phash, dhash, ahash
}

// Entry is one change of the history.
type Entry struct {
	Seq    hashindex.Seq    `json:"seq"`
	Time   time.Time        `json:"time"`
	Actor  string           `json:"actor,omitempty"`
	Kind   string           `json:"kind"`
	About  string           `json:"about,omitempty"` // "hit 12"
	Digest hashindex.Digest `json:"digest"`          // of Bytes
	Bytes  []byte           `json:"bytes"`           // of the change, as the history chains them
}

// Maker makes fingerprints of encoded pictures, with features.
type Maker interface {
	Detailed(ctx context.Context, encoded []byte) (hashindex.Picture, error)
}

// Codec turns changes to the bytes that the history chains, and back.
type Codec struct {
	Encode func(hashindex.Change) ([]byte, error)
	Decode func([]byte) (hashindex.Change, error)
}

// What a pack may be.
const (
	MaxBytes   = 256 << 20
	MaxFiles   = 4096
	MaxHits    = 200
	MaxHistory = 20_000 // changes
	fewChanges = 2_000
)

func tooMuch(limit string, max, got int64) error {
	return &hashindex.LimitError{Limit: limit, Max: max, Got: got}
}

func damaged(format string, args ...any) error {
	return fmt.Errorf("%s: %w", fmt.Sprintf(format, args...), hashindex.ErrDamaged)
}

func picturePath(d hashindex.Digest) string { return "pictures/" + d.String() }

func overlayPath(id casework.HitID) string { return "overlays/hit-" + id.String() + ".png" }
