package casework

import (
	"context"
	"fmt"
	"slices"
	"time"

	"touchstone/hashindex"
)

// NoticeFilter says which notices are listed; empty fields let all through.
type NoticeFilter struct {
	Holder    string
	States    []NoticeState
	DueBefore time.Time // those first whose deadline is nearest; else in the order in which they were drafted

	After string // Next of the page before
	Limit int
}

// NoticePage is a page of notices.
type NoticePage struct {
	Notices []Notice
	Next    string // what After is on the next page; empty on the last
}

// Notices lists notices. A page can be short and have a next one: only so many are looked at for one.
func (d *Desk) Notices(ctx context.Context, v Visible, f NoticeFilter) (page NoticePage, err error) {
	err = d.index.View(ctx, func(r hashindex.Reader) error {
		page, err = noticesWhere(r, v, f)
		return err
	})
	return page, err
}

func noticesWhere(r hashindex.Reader, v Visible, f NoticeFilter) (page NoticePage, err error) {
	s, err := v.resolve(r)
	if err != nil {
		return page, err
	}
	run, until := f.run()
	from := ""
	if f.After != "" {
		from = f.After + "\x00" // the next key there can be
	}
	looked := 0
	for row, err := range below(r, run.table, run.prefix, from) {
		if err != nil {
			return page, err
		}
		if until != "" && row.Key >= until {
			break
		}
		if len(page.Notices) == f.Limit || looked == maxLookedAt {
			return page, nil // there is more: Next is set
		}
		looked++
		page.Next = row.Key
		id, err := numberOf(row.Key[max(0, len(row.Key)-16):])
		if err != nil {
			return page, fmt.Errorf("row %q of %s: %w", row.Key, run.table, hashindex.ErrDamaged)
		}
		n, err := loadNotice(r, NoticeID(id))
		if err != nil {
			return page, err
		}
		if n.seenBy(s) && f.lets(&n) {
			page.Notices = append(page.Notices, n)
		}
	}
	page.Next = ""
	return page, nil
}

// run is the shortest run in which all lies that passes the filter, and the key where it ends.
func (f NoticeFilter) run() (r run, until string) {
	switch {
	case !f.DueBefore.IsZero():
		return run{noticeDue, ""}, numberKey(uint64(max(f.DueBefore.Unix(), 0)))
	case f.Holder != "":
		return run{noticeHolders, textKey(f.Holder)}, ""
	case len(f.States) == 1:
		return run{noticeStates, noticeLetters[f.States[0]]}, ""
	}
	return run{noticeRows, ""}, ""
}

func (f NoticeFilter) lets(n *Notice) bool {
	return (f.Holder == "" || f.Holder == n.Holder) && (len(f.States) == 0 || slices.Contains(f.States, n.State))
}

// noticesOf are the notices that the hit is in.
func noticesOf(r hashindex.Reader, id HitID) (list []Notice, err error) {
	for row, err := range below(r, noticeHits, id.key(), "") {
		if err != nil {
			return nil, err
		}
		n, err := numberOf(row.Key)
		if err != nil {
			return nil, fmt.Errorf("row %q of %s: %w", row.Key, noticeHits, hashindex.ErrDamaged)
		}
		notice, err := loadNotice(r, NoticeID(n))
		if err != nil {
			return nil, err
		}
		list = append(list, notice)
	}
	return list, nil
}
