package casework

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"touchstone/hashindex"
)

// Seller is what is decided of a seller's hits.
type Seller struct {
	Seller    string
	Confirmed int // hits that stand, those about which something was done included
	Rejected  int
}

// counts is a seller's tally in one collection.
type counts struct {
	Confirmed int `json:"confirmed"`
	Rejected  int `json:"rejected"`
}

func countOf(s State) counts {
	return counts{Confirmed: one(s.stands()), Rejected: one(s == Rejected)}
}

func one(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

func sellerKey(seller string, c hashindex.CollectionID) string {
	return textKey(seller) + shortKey(uint32(c))
}

// tally moves the seller's counters as the hit moved (C4).
func tally(w hashindex.Writer, before, h *Hit) error {
	was, is := countOf(before.State), countOf(h.State)
	if h.Subject.Seller == "" || was == is {
		return nil
	}
	key := sellerKey(h.Subject.Seller, h.Collection)
	c, err := hashindex.LoadRow[counts](w, sellerRows, key)
	if err != nil && !errors.Is(err, hashindex.ErrNotFound) {
		return err
	}
	c.Confirmed += is.Confirmed - was.Confirmed
	c.Rejected += is.Rejected - was.Rejected
	if c == (counts{}) {
		return w.RemoveRow(sellerRows, key)
	}
	return hashindex.SaveRow(w, sellerRows, key, c)
}

// Sellers lists at most limit sellers after that one by name, of whom anything in sight was decided.
func (d *Desk) Sellers(ctx context.Context, v Visible, after string, limit int) (list []Seller, err error) {
	err = d.index.View(ctx, func(r hashindex.Reader) error {
		list, err = sellersFrom(r, v, after+"\x01", limit)
		return err
	})
	return list, err
}

// Seller is the tally of one.
func (d *Desk) Seller(ctx context.Context, v Visible, seller string) (s Seller, err error) {
	err = d.index.View(ctx, func(r hashindex.Reader) error {
		list, err := sellersFrom(r, v, textKey(seller), 1)
		s = Seller{Seller: seller}
		if len(list) == 1 && list[0].Seller == seller {
			s = list[0]
		}
		return err
	})
	return s, err
}

func sellersFrom(r hashindex.Reader, v Visible, from string, limit int) (list []Seller, err error) {
	s, err := v.resolve(r)
	if err != nil {
		return nil, err
	}
	for row, err := range r.Rows(sellerRows, from) {
		if err != nil {
			return nil, err
		}
		seller, collection, _ := strings.Cut(row.Key, "\x00")
		n, err := strconv.ParseUint(collection, 16, 32)
		if err != nil || !s.sees(hashindex.CollectionID(n)) {
			continue // what is no number is in nobody's sight; Check reports it
		}
		c, err := hashindex.DecodeRow[counts](sellerRows, row)
		if err != nil {
			return nil, err
		}
		if last := len(list) - 1; last < 0 || list[last].Seller != seller {
			if len(list) == limit {
				break
			}
			list = append(list, Seller{Seller: seller})
		}
		list[len(list)-1].Confirmed += c.Confirmed
		list[len(list)-1].Rejected += c.Rejected
	}
	return list, nil
}
