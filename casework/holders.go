package casework

import (
	"context"
	"errors"
	"regexp"
	"time"

	"touchstone/hashindex"
)

// Holder owns rights.
type Holder struct {
	ID      string    `json:"id"` // chosen by whoever records it, such as "acme"
	Name    string    `json:"name"`
	Contact string    `json:"contact,omitempty"`
	Added   time.Time `json:"added"`
}

var holderID = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)

func (h Holder) validate() error {
	if !holderID.MatchString(h.ID) {
		return invalid("id", "%.80q: want 1 to 64 of a-z, 0-9, '.', '_' and '-', the first a letter or digit", h.ID)
	}
	if h.Name == "" {
		return invalid("name", "missing")
	}
	return firstOf(checkText("name", h.Name, maxName), checkText("contact", h.Contact, maxName))
}

// PutHolder adds the holder or changes its name and contact.
func (d *Desk) PutHolder(ctx context.Context, actor string, h Holder) (Holder, hashindex.Seq, error) {
	if err := h.validate(); err != nil {
		return h, 0, err
	}
	seq, err := d.index.Transact(ctx, actor, func(w hashindex.Writer) error {
		before, err := hashindex.LoadRow[Holder](w, holderRows, h.ID)
		from := "recorded"
		h.Added = before.Added
		if errors.Is(err, hashindex.ErrNotFound) {
			from, h.Added, err = "", d.now(), nil
		}
		if err != nil {
			return err
		}
		return firstOf(hashindex.SaveRow(w, holderRows, h.ID, h), tell(w, HolderTopic, h.ID, Moved{From: from, To: "recorded", Detail: detail(h)}))
	})
	return h, seq, err
}

// Holder is the holder of that id. A caller that sees a part only sees those that own a right in it.
func (d *Desk) Holder(ctx context.Context, v Visible, id string) (h Holder, err error) {
	err = d.index.View(ctx, func(r hashindex.Reader) error {
		h, err = holderOf(r, v, id)
		return err
	})
	return h, err
}

func holderOf(r hashindex.Reader, v Visible, id string) (Holder, error) {
	h, err := hashindex.LoadRow[Holder](r, holderRows, id)
	if err == nil && !v.all() {
		var theirs []Right
		theirs, err = rightsWhere(r, v, func(r Right) bool { return r.Holder == id }, 0, 1)
		if err == nil && len(theirs) == 0 {
			err = hashindex.ErrNotFound
		}
	}
	if err != nil {
		return Holder{}, about(err, "holder %q", id)
	}
	return h, nil
}

// Holders lists at most limit holders after that id.
func (d *Desk) Holders(ctx context.Context, v Visible, after string, limit int) (list []Holder, err error) {
	err = d.index.View(ctx, func(r hashindex.Reader) error {
		owners := map[string]bool{}
		if !v.all() {
			theirs, err := rightsWhere(r, v, func(Right) bool { return true }, 0, 0)
			if err != nil {
				return err
			}
			for _, right := range theirs {
				owners[right.Holder] = true
			}
		}
		for row, err := range r.Rows(holderRows, textKey(after)) {
			if err != nil || len(list) == limit {
				return err
			}
			h, err := hashindex.DecodeRow[Holder](holderRows, row)
			if err != nil {
				return err
			}
			if v.all() || owners[h.ID] {
				list = append(list, h)
			}
		}
		return nil
	})
	return list, err
}
