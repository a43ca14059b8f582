package casework

import (
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"strings"

	"touchstone/hashindex"
)

// The tables, with the keys of their rows. Numbers in keys are hex of a fixed width, so that the order of
// keys is theirs; texts end with a zero byte, which no text of ours holds.
const (
	counters      = "case.counters"          // kind: the last number given
	holderRows    = "case.holders"           // holder
	rightRows     = "case.rights"            // right
	rightLinks    = "case.collection-rights" // collection, right
	licenceRows   = "case.licences"          // licence
	licenceLinks  = "case.seller-licences"   // right, seller, licence
	hitRows       = "case.hits"              // hit
	hitPairs      = "case.hit-pairs"         // subject, reference: the hit
	hitStates     = "case.hit-states"        // state, hit: its tag
	hitQueues     = "case.hit-queues"        // collection, state, hit: its tag
	hitSellers    = "case.hit-sellers"       // seller, hit: its tag
	hitsOf        = "case.hit-references"    // reference, hit: its tag
	rejections    = "case.rejections"        // subject, collection, what the reference shows, hit
	sellerRows    = "case.sellers"           // seller, collection: its tally
	verdictRows   = "case.verdicts"          // reference
	sightingRows  = "case.sightings"         // sighting
	retroRows     = "case.retro"             // reference: sightings are still to be searched for it
	quarantine    = "case.quarantine"        // what is quarantined
	floodRows     = "case.floods"            // what is counted, seller: since when its window is
	noticeRows    = "case.notices"           // notice
	noticeStates  = "case.notice-states"     // state, notice: its state
	noticeHolders = "case.notice-holders"    // holder, notice: its state
	noticeDue     = "case.notice-due"        // deadline, notice: its state
	noticeHits    = "case.notice-hits"       // hit, notice: its state
	recordRows    = "case.holder-records"    // holder
	policyRow     = "case.policy"            // one row of the empty key
)

func numberKey(n uint64) string           { return fmt.Sprintf("%016x", n) }
func shortKey(n uint32) string            { return fmt.Sprintf("%08x", n) }
func textKey(text string) string          { return text + "\x00" }
func numberOf(key string) (uint64, error) { return strconv.ParseUint(key, 16, 64) }

// about says what an error is about. Of what is missing it says that and no more: callers do not know rows.
func about(err error, format string, args ...any) error {
	if errors.Is(err, hashindex.ErrNotFound) {
		err = hashindex.ErrNotFound
	}
	return fmt.Errorf(format+": %w", append(args, err)...)
}

// there reports whether the table has the row.
func there(r hashindex.Reader, table, key string) (bool, error) {
	_, err := r.Row(table, key)
	if errors.Is(err, hashindex.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// below are the rows whose keys begin with the prefix, from the one on that begins with from after it.
// Their keys come without the prefix.
func below(r hashindex.Reader, table, prefix, from string) iter.Seq2[hashindex.Row, error] {
	return func(yield func(hashindex.Row, error) bool) {
		for row, err := range r.Rows(table, prefix+from) {
			if err != nil {
				yield(row, err)
				return
			}
			rest, ok := strings.CutPrefix(row.Key, prefix)
			if !ok || !yield(hashindex.Row{Key: rest, Value: row.Value}, nil) {
				return
			}
		}
	}
}

// Topics of the notes that the desk leaves in the history.
const (
	HolderTopic     = "holder"
	RightTopic      = "right"
	LicenceTopic    = "licence"
	HitTopic        = "hit"
	VerdictTopic    = "verdict"
	QuarantineTopic = "quarantine"
	PolicyTopic     = "policy"
	NoticeTopic     = "notice"
)

// Moved is the body of a note: something went from one state to another. From is empty for what is new.
// Who and when stand in the change that carries it.
type Moved struct {
	From       string          `json:"from,omitempty"`
	To         string          `json:"to"`
	Reason     string          `json:"reason,omitempty"`
	Note       string          `json:"note,omitempty"`
	Collection string          `json:"collection,omitempty"` // whose sight it is in; empty: everybody's who sees all
	Detail     json.RawMessage `json:"detail,omitempty"`     // what it is now, where the state alone does not say
}

// tell appends the note to the history, in the transaction of what it is about (C1).
func tell(w hashindex.Writer, topic, subject string, moved Moved) error {
	body, err := json.Marshal(moved)
	if err != nil {
		return err
	}
	_, err = w.Append(hashindex.Change{Kind: hashindex.Noted, Note: hashindex.Note{Topic: topic, Subject: subject, Body: body}})
	return err
}

func detail(value any) json.RawMessage {
	raw, err := json.Marshal(value)
	if err != nil {
		panic(err) // the types of this package marshal
	}
	return raw
}
