package casework

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"touchstone/hashindex"
)

// HitID numbers hits from 1, in the order in which they were recorded.
type HitID uint64

func (id HitID) String() string { return strconv.FormatUint(uint64(id), 10) }
func (id HitID) key() string    { return numberKey(uint64(id)) }

// Hit is a match of a subject with a reference that was recorded for a person to decide.
type Hit struct {
	ID      HitID   `json:"id"`
	State   State   `json:"state"`
	Subject Subject `json:"subject"`

	Reference  hashindex.ReferenceID  `json:"reference"`
	ExternalID string                 `json:"external_id,omitempty"` // the reference's
	Collection hashindex.CollectionID `json:"collection"`
	Named      string                 `json:"named"`   // the collection
	Purpose    hashindex.Purpose      `json:"purpose"` // its, then: what the hit means
	Rights     []RightID              `json:"rights,omitempty"`

	Evidence          hashindex.Evidence `json:"evidence"` // of the first time
	Score             float64            `json:"score"`
	QueryQuad         [4][2]float64      `json:"query_quad"`
	ReferenceCoverage float64            `json:"reference_coverage"`
	QueryCoverage     float64            `json:"query_coverage"`
	Retro             bool               `json:"retro,omitempty"` // the subject was seen before the reference came

	// Picture is the digest of the query's picture as it was, which the index keeps (Index.Picture) until
	// the policy lets it go; zero: it is not kept.
	Picture hashindex.Digest `json:"picture,omitzero"`

	// Segment is what part of a video or stream shows what part of the reference; nil: the subject's is a
	// picture. Evidence and Picture are then of the frame that shows it best, of those that were at hand.
	Segment *Segment `json:"segment,omitempty"`

	First time.Time `json:"first"` // seen
	Last  time.Time `json:"last"`
	Count int       `json:"count"` // of matches

	ClaimedBy    string    `json:"claimed_by,omitempty"`
	ClaimedUntil time.Time `json:"claimed_until,omitzero"`
	Trail        []Step    `json:"trail,omitempty"` // the last maxTrail; the history has all
	Notices      []string  `json:"notices,omitempty"`

	// Verdict is the lab's on the reference: as it was when the hit was decided, until then as it is now.
	Verdict *Verdict `json:"verdict,omitempty"`
}

// Step is one step of a hit.
type Step struct {
	At     time.Time `json:"at"`
	Actor  string    `json:"actor,omitempty"`
	Action Action    `json:"action"`
	From   State     `json:"from"`
	To     State     `json:"to"`
	Reason string    `json:"reason,omitempty"`
	Note   string    `json:"note,omitempty"`
}

const maxTrail = 50

// tag is what lists of hits say of one, so that they can be filtered without reading it.
type tag struct {
	state      State
	kind       hashindex.Tier
	collection hashindex.CollectionID
	distance   int
	score      float64
	first      time.Time // to the second
}

// ofSegment stands for a distance in tags of segments, of which none is that of one frame.
const ofSegment = math.MaxUint16

func (h *Hit) tag() tag {
	t := tag{h.State, h.Evidence.Kind, h.Collection, h.Evidence.Distance, h.Score, h.First}
	if h.Segment != nil {
		t.distance = ofSegment
	}
	return t
}

const tagSize = 1 + 1 + 4 + 2 + 4 + 8

func (t tag) encode() []byte {
	b := make([]byte, 0, tagSize)
	b = append(b, t.state.letter(), byte(slices.Index(tiers, t.kind)))
	b = binary.BigEndian.AppendUint32(b, uint32(t.collection))
	b = binary.BigEndian.AppendUint16(b, uint16(t.distance))
	b = binary.BigEndian.AppendUint32(b, math.Float32bits(float32(t.score)))
	return binary.BigEndian.AppendUint64(b, uint64(t.first.Unix()))
}

var tiers = []hashindex.Tier{hashindex.Copy, hashindex.Near, hashindex.Partial}

func decodeTag(raw []byte) (t tag, err error) {
	if len(raw) != tagSize || int(raw[1]) >= len(tiers) {
		return t, fmt.Errorf("tag of a hit, %d bytes: %w", len(raw), hashindex.ErrDamaged)
	}
	return tag{
		state: stateOf(raw[0]), kind: tiers[raw[1]],
		collection: hashindex.CollectionID(binary.BigEndian.Uint32(raw[2:])),
		distance:   int(binary.BigEndian.Uint16(raw[6:])),
		score:      float64(math.Float32frombits(binary.BigEndian.Uint32(raw[8:]))),
		first:      time.Unix(int64(binary.BigEndian.Uint64(raw[12:])), 0),
	}, nil
}

// entry is a row that lists a hit.
type entry struct{ table, key string }

// entries are the rows that list the hit (C3).
func (h *Hit) entries() []entry {
	id := h.ID.key()
	list := []entry{
		{hitStates, string(h.State.letter()) + id},
		{hitQueues, queuePrefix(h.Collection, h.State) + id},
		{hitsOf, referencePrefix(h.Reference) + id},
	}
	if h.Subject.Seller != "" {
		list = append(list, entry{hitSellers, textKey(h.Subject.Seller) + id})
	}
	return list
}

func queuePrefix(c hashindex.CollectionID, s State) string {
	return shortKey(uint32(c)) + string(s.letter())
}

func referencePrefix(id hashindex.ReferenceID) string { return numberKey(uint64(id)) }

func pairKey(s Subject, id hashindex.ReferenceID) string { return s.key() + referencePrefix(id) }

// rejectionKey is what a rejection is about: what the subject shows of the reference, whatever the
// reference's number. The same picture added anew stays rejected; another picture does not.
func rejectionKey(s Subject, c hashindex.CollectionID, shown hashindex.Digest) string {
	return s.key() + shortKey(uint32(c)) + shown.String()
}

// shown is what the hit's reference shows, as far as a rejection goes.
func (h *Hit) shown() hashindex.Digest {
	if h.Segment != nil {
		return h.Segment.Shown
	}
	return shownBy(h.Evidence)
}

// shownBy is what the matched frame of the reference shows: its picture, or its hash where that is all
// there is.
func shownBy(e hashindex.Evidence) hashindex.Digest {
	if !e.ReferenceContent.IsZero() {
		return e.ReferenceContent
	}
	return hashindex.DigestOf(e.ReferenceHash.AppendBytes([]byte{byte(e.Algorithm)}))
}

// putNew writes a hit that is new, and its first note.
func putNew(w hashindex.Writer, h *Hit) error {
	return firstOf(
		w.PutRow(hitPairs, pairKey(h.Subject, h.Reference)+h.Segment.part(), []byte(h.ID.key())),
		putHit(w, h, nil),
		tell(w, HitTopic, h.ID.String(), Moved{To: string(h.State), Collection: h.Named, Detail: detail(brief(h))}))
}

// putHit writes the hit and what lists it, in place of what listed it before.
func putHit(w hashindex.Writer, h *Hit, before *Hit) error {
	if before != nil {
		now := h.entries()
		for _, old := range before.entries() {
			if slices.Contains(now, old) {
				continue
			}
			if err := w.RemoveRow(old.table, old.key); err != nil {
				return err
			}
		}
	}
	encoded := h.tag().encode()
	for _, e := range h.entries() {
		if err := w.PutRow(e.table, e.key, encoded); err != nil {
			return err
		}
	}
	return hashindex.SaveRow(w, hitRows, h.ID.key(), h)
}

// Brief is what a hit's first note says of it: enough to act upon, without the evidence, which stands in
// the hit.
type Brief struct {
	Subject   Subject               `json:"subject"`
	Reference hashindex.ReferenceID `json:"reference"`
	Purpose   hashindex.Purpose     `json:"purpose"`
	Kind      hashindex.Tier        `json:"kind"`
	Distance  int                   `json:"distance"`
	Score     float64               `json:"score"`
	Retro     bool                  `json:"retro,omitempty"`
	Picture   hashindex.Digest      `json:"picture,omitzero"`
}

func brief(h *Hit) Brief {
	return Brief{h.Subject, h.Reference, h.Purpose, h.Evidence.Kind, h.Evidence.Distance, h.Score, h.Retro, h.Picture}
}

func loadHit(r hashindex.Reader, id HitID) (Hit, error) {
	h, err := hashindex.LoadRow[Hit](r, hitRows, id.key())
	if err != nil {
		return h, about(err, "hit %d", id)
	}
	return h, nil
}
