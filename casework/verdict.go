package casework

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"touchstone/hashindex"
)

// Finding is what a lab found a reference to show.
type Finding string

const (
	Genuine Finding = "genuine"
	Fake    Finding = "fake"
)

// Verdict is a lab's on what a reference shows.
type Verdict struct {
	Finding Finding            `json:"finding"`
	Defects []string           `json:"defects,omitempty"` // tags, such as "stitching"
	Note    string             `json:"note,omitempty"`
	Photos  []hashindex.Digest `json:"photos,omitempty"` // kept with the references' pictures
	By      string             `json:"by,omitempty"`
	At      time.Time          `json:"at"`
}

const (
	maxDefects = 50
	maxTag     = 64

	// MaxPhotos is how many photos a verdict can have.
	MaxPhotos = 20
)

func (v Verdict) validate() error {
	if v.Finding != Genuine && v.Finding != Fake {
		return invalid("finding", "%.40q is neither genuine nor fake", v.Finding)
	}
	if len(v.Defects) > maxDefects {
		return &hashindex.LimitError{Limit: "defects", Max: maxDefects, Got: int64(len(v.Defects))}
	}
	if len(v.Photos) > MaxPhotos {
		return &hashindex.LimitError{Limit: "verdict_photos", Max: MaxPhotos, Got: int64(len(v.Photos))}
	}
	for _, d := range v.Defects {
		if d == "" {
			return invalid("defects", "an empty tag")
		}
		if err := checkText("defects", d, maxTag); err != nil {
			return err
		}
	}
	return checkLines("note", v.Note, maxNote)
}

func verdictKey(id hashindex.ReferenceID) string { return numberKey(uint64(id)) }

// PutVerdict gives the reference a verdict in place of the one before. Every hit of it that nobody has
// decided shows it at once, and what is decided keeps the one that it was decided by. The photos are
// encoded pictures.
func (d *Desk) PutVerdict(ctx context.Context, actor string, v Visible, id hashindex.ReferenceID, verdict Verdict, photos [][]byte) (Verdict, hashindex.Seq, error) {
	verdict.Photos = nil
	for _, p := range photos {
		verdict.Photos = append(verdict.Photos, hashindex.DigestOf(p))
	}
	if err := verdict.validate(); err != nil {
		return verdict, 0, err
	}
	verdict.By, verdict.At = actor, d.now()
	var dropped []hashindex.Digest
	seq, err := d.index.TransactPictures(ctx, actor, photos, func(w hashindex.Writer) error {
		collection, err := visibleReference(w, v, id)
		if err != nil {
			return err
		}
		before, err := verdictOf(w, id)
		if err != nil {
			return err
		}
		from := ""
		dropped = nil
		if before != nil {
			from = string(before.Finding)
			for _, p := range before.Photos {
				if slices.Contains(verdict.Photos, p) {
					continue
				}
				dropped = append(dropped, p)
				if err := w.RemoveRow(hashindex.PictureRows, hashindex.PictureKey(p, verdictHolder(id))); err != nil {
					return err
				}
			}
		}
		for _, p := range verdict.Photos {
			if err := w.PutRow(hashindex.PictureRows, hashindex.PictureKey(p, verdictHolder(id)), []byte{}); err != nil {
				return err
			}
		}
		return firstOf(
			hashindex.SaveRow(w, verdictRows, verdictKey(id), verdict),
			tell(w, VerdictTopic, fmt.Sprint(id), Moved{From: from, To: string(verdict.Finding), Note: verdict.Note, Collection: collection.Name, Detail: detail(verdict)}))
	})
	if err != nil {
		return verdict, 0, err
	}
	return verdict, seq, d.dropPictures(dropped)
}

func verdictHolder(id hashindex.ReferenceID) string { return "verdict " + fmt.Sprint(id) }

// VerdictOf is the reference's verdict; ErrNotFound without one.
func (d *Desk) VerdictOf(ctx context.Context, v Visible, id hashindex.ReferenceID) (verdict Verdict, err error) {
	err = d.index.View(ctx, func(r hashindex.Reader) error {
		if _, err := visibleReference(r, v, id); err != nil {
			return err
		}
		found, err := verdictOf(r, id)
		if err == nil && found == nil {
			err = fmt.Errorf("verdict on reference %d: %w", id, hashindex.ErrNotFound)
		}
		if err == nil {
			verdict = *found
		}
		return err
	})
	return verdict, err
}

func visibleReference(r hashindex.Reader, v Visible, id hashindex.ReferenceID) (hashindex.Collection, error) {
	reference, err := r.Reference(id)
	if err != nil {
		return hashindex.Collection{}, err
	}
	collections, err := r.Collections()
	if err != nil {
		return hashindex.Collection{}, err
	}
	for _, c := range collections {
		if c.ID == reference.Collection && v.Sees(c.Name) {
			return c, nil
		}
	}
	return hashindex.Collection{}, fmt.Errorf("reference %d: %w", id, hashindex.ErrNotFound)
}

func verdictOf(r hashindex.Reader, id hashindex.ReferenceID) (*Verdict, error) {
	verdict, err := hashindex.LoadRow[Verdict](r, verdictRows, verdictKey(id))
	if errors.Is(err, hashindex.ErrNotFound) {
		return nil, nil
	}
	return &verdict, err
}

// withVerdict shows an undecided hit the verdict as it is now.
func withVerdict(r hashindex.Reader, h *Hit) (err error) {
	if h.State.undecided() {
		h.Verdict, err = verdictOf(r, h.Reference)
	}
	return err
}

// verdictAt keeps the verdict that a hit is decided by, and lets it go when the decision goes.
func verdictAt(r hashindex.Reader, before, h *Hit) (err error) {
	switch {
	case h.State.undecided():
		h.Verdict = nil
	case before.State.undecided():
		h.Verdict, err = verdictOf(r, h.Reference)
	}
	return err
}
