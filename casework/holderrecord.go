package casework

import (
	"context"
	"errors"

	"touchstone/hashindex"
)

// Record is what became of a holder's notices. It decides what the next ones may do without review.
type Record struct {
	Drafted   int `json:"drafted"`
	Submitted int `json:"submitted"`
	Accepted  int `json:"accepted"`
	Partly    int `json:"partly"`
	Refused   int `json:"refused"`
	Removed   int `json:"removed"`
	Countered int `json:"countered"`
	Upheld    int `json:"upheld"`
	Restored  int `json:"restored"` // counter-notices that won
	Closed    int `json:"closed"`
	Withdrawn int `json:"withdrawn"`
}

// HolderStanding is what a holder's record comes to.
type HolderStanding string

const (
	Trusted  HolderStanding = "trusted"  // what it submits is accepted at once
	Ordinary HolderStanding = "ordinary" // what it submits waits for review
	Doubtful HolderStanding = "doubtful" // and policy submits nothing for it
)

// Standing is what the record comes to under the policy.
func (r Record) Standing(p Policy) HolderStanding {
	decided, failed := r.Accepted+r.Partly+r.Refused, r.Refused+r.Restored
	switch {
	case decided >= p.DoubtAfter && failed*100 >= p.DoubtPercent*decided:
		return Doubtful
	case decided >= p.TrustAfter && failed*100 <= p.TrustPercent*decided:
		return Trusted
	}
	return Ordinary
}

// count is the counter of notices that came into the state.
func (r *Record) count(s NoticeState) *int {
	return map[NoticeState]*int{
		NoticeDrafted: &r.Drafted, NoticeSubmitted: &r.Submitted, NoticeAccepted: &r.Accepted, NoticePartly: &r.Partly,
		NoticeRefused: &r.Refused, NoticeRemoved: &r.Removed, NoticeCountered: &r.Countered, NoticeUpheld: &r.Upheld,
		NoticeRestored: &r.Restored, NoticeClosed: &r.Closed, NoticeWithdrawn: &r.Withdrawn,
	}[s]
}

// remember counts the step in the holder's record (C7).
func remember(w hashindex.Writer, before, n *Notice) error {
	if before != nil && before.State == n.State {
		return nil
	}
	record, err := recordOf(w, n.Holder)
	if err != nil {
		return err
	}
	*record.count(n.State)++
	return hashindex.SaveRow(w, recordRows, n.Holder, record)
}

func recordOf(r hashindex.Reader, holder string) (Record, error) {
	record, err := hashindex.LoadRow[Record](r, recordRows, holder)
	if errors.Is(err, hashindex.ErrNotFound) {
		return Record{}, nil
	}
	return record, err
}

// RecordOf is the record of a holder in sight, and what it comes to.
func (d *Desk) RecordOf(ctx context.Context, v Visible, holder string) (record Record, standing HolderStanding, err error) {
	err = d.index.View(ctx, func(r hashindex.Reader) error {
		if _, err := holderOf(r, v, holder); err != nil {
			return err
		}
		record, err = recordOf(r, holder)
		return err
	})
	return record, record.Standing(d.Policy()), err
}
