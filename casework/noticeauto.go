package casework

import (
	"slices"
	"time"

	"touchstone/hashindex"
)

// Auto is what policy does by itself about sellers of many confirmed hits.
type Auto string

const (
	AutoOff    Auto = "off"
	AutoDraft  Auto = "draft"  // for a person to submit
	AutoSubmit Auto = "submit" // unless the holder is doubtful
)

// raise makes the notices that policy makes by itself: for each seller of the hits that were confirmed just
// now, one for each holder, about all of the seller's confirmed hits that no notice is about.
func raise(w hashindex.Writer, decided []Decided, at time.Time, p Policy) error {
	if p.Auto == AutoOff {
		return nil
	}
	var sellers []string
	for _, one := range decided {
		seller := one.Hit.Subject.Seller
		if one.Err == nil && one.Hit.State == Confirmed && seller != "" && !slices.Contains(sellers, seller) {
			sellers = append(sellers, seller)
		}
	}
	for _, seller := range sellers {
		if err := raiseFor(w, seller, at, p); err != nil {
			return err
		}
	}
	return nil
}

func raiseFor(w hashindex.Writer, seller string, at time.Time, p Policy) error {
	tally, err := sellersFrom(w, Everything, textKey(seller), 1)
	if err != nil || len(tally) == 0 || tally[0].Seller != seller || tally[0].Confirmed < p.AutoTally {
		return err
	}
	hits, err := confirmedOf(w, seller)
	if err != nil {
		return err
	}
	byHolder := map[string][]Hit{}
	var holders []string
	for _, h := range hits {
		holder, err := freeFor(w, &h, at)
		if err != nil {
			return err
		}
		if holder == "" {
			continue
		}
		if byHolder[holder] == nil {
			holders = append(holders, holder)
		}
		byHolder[holder] = append(byHolder[holder], h)
	}
	for _, holder := range holders {
		if err := raiseOne(w, holder, byHolder[holder], at, p); err != nil {
			return err
		}
	}
	return nil
}

func raiseOne(w hashindex.Writer, holder string, hits []Hit, at time.Time, p Policy) error {
	n, err := draft(w, "", holder, hits, at, p)
	if err != nil {
		return err
	}
	n.Automatic = true
	if err := firstOf(remember(w, nil, &n), putNotice(w, &n, nil)); err != nil || p.Auto != AutoSubmit {
		return err
	}
	record, err := recordOf(w, holder)
	if err != nil || record.Standing(p) == Doubtful {
		return err
	}
	_, err = submit(w, "", n, NoticeOrder{Action: SubmitNotice}, at, p)
	return err
}

// confirmedOf are the seller's confirmed hits about which nothing was done, as many as fit in a notice.
func confirmedOf(r hashindex.Reader, seller string) (hits []Hit, err error) {
	for row, err := range below(r, hitSellers, textKey(seller), "") {
		if err != nil {
			return nil, err
		}
		t, err := decodeTag(row.Value)
		if err != nil {
			return nil, err
		}
		if t.state != Confirmed {
			continue
		}
		n, err := numberOf(row.Key)
		if err != nil {
			return nil, err
		}
		h, err := loadHit(r, HitID(n))
		if err != nil {
			return nil, err
		}
		if hits = append(hits, h); len(hits) == MaxNoticeItems {
			break
		}
	}
	return hits, nil
}

// freeFor is the first holder who can make a notice of the hit; empty: nobody can.
func freeFor(r hashindex.Reader, h *Hit, at time.Time) (string, error) {
	rights, err := rightsOf(r, h.Collection)
	if err != nil {
		return "", err
	}
	for _, right := range rights {
		if !right.InForce(h.Subject.Territory, at) {
			continue
		}
		why, err := unfit(r, h, right.Holder, at)
		if err != nil {
			return "", err
		}
		if why == "" {
			return right.Holder, nil
		}
	}
	return "", nil
}
