package hashindex

import (
	"time"
	"unicode"
	"unicode/utf8"
)

// ReferenceID is the Seq of the change that added the reference: unique, never reused, and
// ascending in the order of arrival, which is the order that ties are broken in (I6).
type ReferenceID uint64

// Reference is one registered image or video.
type Reference struct {
	ID         ReferenceID
	Collection CollectionID
	ExternalID string // the owner's name for it: unique in the collection, or empty
	Note       string
	Meta       map[string]string
	Added      time.Time

	// DisabledUntil keeps the reference out of every answer until then; zero: enabled.
	DisabledUntil time.Time

	// Content is the digest of the encoded picture, whose bytes the blob folder holds; zero for a
	// reference known by its hashes only.
	Content       Digest
	Format        string
	Width, Height int

	Frames []StoredFrame // at least one
}

// StoredFrame is what the store keeps of a frame: Fingerprint without the variants that only
// queries need.
type StoredFrame struct {
	At      time.Duration
	Recipe  Recipe
	Quality int // 0..100, or QualityUnknown
	Hashes  Hashes

	// Features is the digest of the frame's encoded features, which Reader.Features answers; zero
	// for a frame without any, which tier partial does not search.
	Features Digest
}

// MaxFeatures is how long a frame's encoded features may be, in bytes.
const MaxFeatures = 64 << 10

// QualityUnknown marks a frame that came as bare hashes.
const QualityUnknown = -1

// searchable reports whether the frame takes part in searches under the recipe: hashes of another
// recipe are not comparable (I4), and hashes of a poor picture mean nothing.
func (f *StoredFrame) searchable(recipe Recipe) bool {
	return f.Recipe == recipe && (f.Quality == QualityUnknown || f.Quality >= PoorQuality)
}

// Tiers are those that can find the reference under the recipe: what its fingerprints allow, whatever
// the policy of its collection. None for one that is kept but too poor, or of another recipe.
func (r Reference) Tiers(recipe Recipe) []Tier {
	var whole, lone, part bool
	for _, f := range r.Frames {
		if !f.searchable(recipe) {
			continue
		}
		whole = whole || !f.Hashes[PDQ].IsZero()
		lone = lone || !f.Hashes[PHash].IsZero()
		part = part || !f.Features.IsZero()
	}
	tiers := []Tier{}
	if whole {
		tiers = append(tiers, Copy)
	}
	if whole || lone {
		tiers = append(tiers, Near)
	}
	if part {
		tiers = append(tiers, Partial)
	}
	return tiers
}

// Enabled reports whether the reference may be answered at that time.
func (r Reference) Enabled(at time.Time) bool { return !at.Before(r.DisabledUntil) }

// FrameID names one frame of one reference: the reference's id and the frame's place in it.
// Its order is that of the references.
type FrameID uint64

// MaxFrames is how many frames one reference can have: at one a second, twelve days.
const MaxFrames = 1 << frameBits

const frameBits = 20

// FrameOf names frame n of the reference.
func FrameOf(id ReferenceID, n int) FrameID { return FrameID(uint64(id)<<frameBits | uint64(n)) }

// Reference is the id of the reference that the frame belongs to.
func (f FrameID) Reference() ReferenceID { return ReferenceID(f >> frameBits) }

// Index is the frame's place in Reference.Frames.
func (f FrameID) Index() int { return int(f & (MaxFrames - 1)) }

// What a reference's texts may take, in bytes; meta with all its keys and values together.
const (
	MaxExternalID = 256
	MaxNote       = 4 << 10
	MaxMeta       = 16 << 10
)

func (r *Reference) validate() error {
	if err := checkText("external_id", r.ExternalID, MaxExternalID, false); err != nil {
		return err
	}
	if err := checkText("note", r.Note, MaxNote, true); err != nil {
		return err
	}
	if err := checkMeta(r.Meta); err != nil {
		return err
	}
	return checkFrames(r.Frames)
}

func checkMeta(meta map[string]string) error {
	size := 0
	for key, value := range meta {
		size += len(key) + len(value)
		if size > MaxMeta {
			return &LimitError{Limit: "meta_bytes", Max: MaxMeta}
		}
		if key == "" {
			return invalid("meta", "an empty key")
		}
		if !utf8.ValidString(key) || !utf8.ValidString(value) {
			return invalid("meta", "key %.80q: not UTF-8", key)
		}
	}
	return nil
}

func checkFrames(frames []StoredFrame) error {
	if len(frames) == 0 || len(frames) > MaxFrames {
		return invalid("frames", "%d, want 1 to %d", len(frames), MaxFrames)
	}
	for i := range frames {
		f := &frames[i]
		if f.Recipe == "" || f.Hashes.IsZero() {
			return invalid("hashes", "none given")
		}
		if f.Quality != QualityUnknown && (f.Quality < 0 || f.Quality > 100) {
			return invalid("quality", "%d is not within 0..100", f.Quality)
		}
		for _, a := range Algorithms() {
			if h := f.Hashes[a]; !h.IsZero() && h.Bits() != a.Bits() {
				return invalid("hashes."+a.String(), "%d bits, want %d", h.Bits(), a.Bits())
			}
		}
	}
	return nil
}

// checkText refuses what would spoil a line of a log, a CSV file or a terminal.
func checkText(field, text string, max int, lines bool) error {
	if len(text) > max {
		return &LimitError{Limit: field + "_bytes", Max: int64(max), Got: int64(len(text))}
	}
	if !utf8.ValidString(text) {
		return invalid(field, "not UTF-8")
	}
	for _, r := range text {
		if unicode.IsControl(r) && !(lines && (r == '\n' || r == '\t' || r == '\r')) {
			return invalid(field, "holds the control character %U", r)
		}
	}
	return nil
}
