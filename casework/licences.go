package casework

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"touchstone/hashindex"
)

// LicenceID numbers licences from 1.
type LicenceID uint64

func (id LicenceID) String() string { return strconv.FormatUint(uint64(id), 10) }
func (id LicenceID) key() string    { return numberKey(uint64(id)) }

// Licence lets a seller use what a right protects, there and then.
type Licence struct {
	ID        LicenceID `json:"id"`
	Right     RightID   `json:"right"`
	Seller    string    `json:"seller"`
	Territory Territory `json:"territory,omitempty"`
	Term      Term      `json:"term,omitzero"`
	Note      string    `json:"note,omitempty"`
	Added     time.Time `json:"added"`
}

// Holds reports whether the licence covers the place and the time.
func (l Licence) Holds(place string, at time.Time) bool {
	return l.Term.Holds(at) && l.Territory.Covers(place)
}

func (l Licence) validate() error {
	if l.Seller == "" {
		return invalid("seller", "missing")
	}
	return firstOf(checkText("seller", l.Seller, maxSubjectField), checkText("note", l.Note, maxNote), l.Territory.validate(), l.Term.validate())
}

// same reports whether both let the same.
func (l Licence) same(other Licence) bool {
	return l.Right == other.Right && l.Seller == other.Seller && slices.Equal(l.Territory, other.Territory) &&
		l.Term.From.Equal(other.Term.From) && l.Term.Until.Equal(other.Term.Until)
}

// AddLicences adds all of them in one step or none, but for those that are there already, which are left
// as they are: the ids come in the order given, those of what was there too.
func (d *Desk) AddLicences(ctx context.Context, actor string, v Visible, news []Licence, along ...hashindex.Along[[]Licence]) (list []Licence, added int, seq hashindex.Seq, err error) {
	for i := range news {
		if err := news[i].validate(); err != nil {
			return nil, 0, 0, err
		}
	}
	seq, err = d.index.Transact(ctx, actor, func(w hashindex.Writer) error {
		list, added = make([]Licence, len(news)), 0
		for i, l := range news {
			if _, err := visibleRight(w, v, l.Right); err != nil {
				return fieldMissing("right", l.Right.String(), err)
			}
			stored, isNew, err := d.addLicence(w, l)
			if err != nil {
				return err
			}
			list[i] = stored
			if isNew {
				added++
			}
		}
		return hashindex.WriteAlong(w, list, along)
	})
	return list, added, seq, err
}

func (d *Desk) addLicence(w hashindex.Writer, l Licence) (_ Licence, isNew bool, err error) {
	theirs, err := licencesOf(w, l.Right, l.Seller)
	if err != nil {
		return l, false, err
	}
	if at := slices.IndexFunc(theirs, l.same); at >= 0 {
		return theirs[at], false, nil
	}
	id, err := hashindex.NextNumber(w, counters, "licence")
	if err != nil {
		return l, false, err
	}
	l.ID, l.Added = LicenceID(id), d.now()
	return l, true, firstOf(
		hashindex.SaveRow(w, licenceRows, l.ID.key(), l),
		w.PutRow(licenceLinks, l.Right.key()+textKey(l.Seller)+l.ID.key(), []byte{}),
		tell(w, LicenceTopic, l.ID.String(), Moved{To: "granted", Detail: detail(l)}))
}

// licencesOf are the seller's licences of the right.
func licencesOf(r hashindex.Reader, right RightID, seller string) (list []Licence, err error) {
	for row, err := range below(r, licenceLinks, right.key()+textKey(seller), "") {
		if err != nil {
			return nil, err
		}
		l, err := hashindex.LoadRow[Licence](r, licenceRows, row.Key)
		if err != nil {
			return nil, fmt.Errorf("licence %s: %w", row.Key, err)
		}
		list = append(list, l)
	}
	return list, nil
}

// LicenceFilter says which licences are listed; empty fields let all through.
type LicenceFilter struct {
	Right  RightID
	Seller string
	After  LicenceID
	Limit  int
}

// Licences lists at most Limit licences in the order in which they were granted.
func (d *Desk) Licences(ctx context.Context, v Visible, f LicenceFilter) (list []Licence, err error) {
	err = d.index.View(ctx, func(r hashindex.Reader) error {
		seen := map[RightID]bool{}
		for row, err := range r.Rows(licenceRows, (f.After + 1).key()) {
			if err != nil || len(list) == f.Limit {
				return err
			}
			l, err := hashindex.DecodeRow[Licence](licenceRows, row)
			if err != nil {
				return err
			}
			if f.Right != 0 && l.Right != f.Right || f.Seller != "" && l.Seller != f.Seller {
				continue
			}
			if _, known := seen[l.Right]; !known {
				_, err := visibleRight(r, v, l.Right)
				seen[l.Right] = err == nil
			}
			if seen[l.Right] {
				list = append(list, l)
			}
		}
		return nil
	})
	return list, err
}

// Licence is the licence of that id.
func (d *Desk) Licence(ctx context.Context, v Visible, id LicenceID) (l Licence, err error) {
	err = d.index.View(ctx, func(r hashindex.Reader) error {
		l, err = visibleLicence(r, v, id)
		return err
	})
	return l, err
}

func visibleLicence(r hashindex.Reader, v Visible, id LicenceID) (Licence, error) {
	l, err := hashindex.LoadRow[Licence](r, licenceRows, id.key())
	if err == nil {
		_, err = visibleRight(r, v, l.Right)
	}
	if err != nil {
		return Licence{}, about(err, "licence %d", id)
	}
	return l, nil
}

// RevokeLicence takes a licence back.
func (d *Desk) RevokeLicence(ctx context.Context, actor string, v Visible, id LicenceID) (hashindex.Seq, error) {
	return d.index.Transact(ctx, actor, func(w hashindex.Writer) error {
		l, err := visibleLicence(w, v, id)
		if err != nil {
			return err
		}
		return firstOf(
			w.RemoveRow(licenceRows, id.key()),
			w.RemoveRow(licenceLinks, l.Right.key()+textKey(l.Seller)+id.key()),
			tell(w, LicenceTopic, id.String(), Moved{From: "granted", To: "revoked"}))
	})
}
