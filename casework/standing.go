package casework

import (
	"fmt"
	"time"

	"touchstone/hashindex"
)

// Standing is what rights, licences and earlier decisions make of a match.
type Standing string

const (
	IsHit       Standing = "hit"         // it is recorded, now or before
	Licensed    Standing = "licensed"    // the seller may
	OutOfTerm   Standing = "out_of_term" // no right of the collection is in force there and then
	WasRejected Standing = "rejected"    // a person has looked at this very pair and rejected it
	Quarantined Standing = "quarantined" // the reference, or the picture asked about, is everywhere
)

// Ruling says how a match stands. The zero Ruling is of a match that is never a hit: a benign one.
type Ruling struct {
	Standing Standing
	Hit      HitID // for IsHit and WasRejected
	New      bool  // recorded now
}

// inForce is how the match stands by rights and licences alone: empty where it may be a hit. The rights are
// those that can be asserted; a collection that belongs to no right needs none.
//
// A licence of any of them will do. A subject whose territory is not known is taken to be wherever a
// licence holds: nobody is accused for want of a field.
func inForce(r hashindex.Reader, c hashindex.CollectionID, s Subject, at time.Time) (rights []RightID, _ Standing, err error) {
	all, err := rightsOf(r, c)
	if err != nil || len(all) == 0 {
		return nil, "", err
	}
	for _, right := range all {
		if !right.InForce(s.Territory, at) {
			continue
		}
		rights = append(rights, right.ID)
		if s.Seller == "" {
			continue
		}
		licences, err := licencesOf(r, right.ID, s.Seller)
		if err != nil {
			return nil, "", err
		}
		for _, l := range licences {
			if l.Holds(s.Territory, at) {
				return rights, Licensed, nil
			}
		}
	}
	if len(rights) == 0 {
		return nil, OutOfTerm, nil
	}
	return rights, "", nil
}

// earlier is what was recorded before of what is observed: the zero Ruling where nothing was.
func earlier(r hashindex.Reader, o *Observation, m hashindex.Match) (Ruling, error) {
	id, err := recorded(r, o, m)
	if err != nil {
		return Ruling{}, err
	}
	if id == 0 {
		return rejectedBefore(r, o, m)
	}
	listed, err := r.Row(hitsOf, referencePrefix(m.Reference.ID)+id.key())
	if err != nil {
		return Ruling{}, fmt.Errorf("hit %d: %w", id, err)
	}
	t, err := decodeTag(listed)
	if err != nil {
		return Ruling{}, err
	}
	if t.state == Rejected {
		return Ruling{Standing: WasRejected, Hit: id}, nil
	}
	return Ruling{Standing: IsHit, Hit: id}, nil
}

// rejectedBefore finds a rejection of what the reference shows, whatever its number was.
func rejectedBefore(r hashindex.Reader, o *Observation, m hashindex.Match) (Ruling, error) {
	for row, err := range below(r, rejections, rejectionKey(o.Subject, m.Collection.ID, o.shown(m)), "") {
		if err != nil {
			return Ruling{}, err
		}
		n, err := numberOf(row.Key)
		return Ruling{Standing: WasRejected, Hit: HitID(n)}, err
	}
	return Ruling{}, nil
}
