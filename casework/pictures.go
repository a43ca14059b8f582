package casework

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"touchstone/hashindex"
)

// kept is the row that keeps a hit's picture.
type kept struct {
	Bytes int       `json:"bytes"`
	At    time.Time `json:"at"`
}

const hitHolder = "hit "

func pictureKey(h *Hit) string { return hashindex.PictureKey(h.Picture, hitHolder+h.ID.key()) }

func keepPicture(w hashindex.Writer, h *Hit, size int) error {
	return hashindex.SaveRow(w, hashindex.PictureRows, pictureKey(h), kept{size, h.First})
}

// PictureOf is the picture that the hit was recorded for, as it came; ErrNotFound where it is not kept.
func (d *Desk) PictureOf(ctx context.Context, v Visible, id HitID) ([]byte, error) {
	h, err := d.Hit(ctx, v, id)
	if err == nil && h.Picture.IsZero() {
		err = fmt.Errorf("picture of hit %d: %w", id, hashindex.ErrNotFound)
	}
	if err != nil {
		return nil, err
	}
	return d.index.Picture(h.Picture)
}

// spare is a picture that the policy may let go.
type spare struct {
	hit HitID
	key string
	kept
}

// sweepPictures lets pictures go that are older than the policy keeps them, and of the rest the oldest for
// as long as they take too much. What an undecided hit or a notice names stays.
func (d *Desk) sweepPictures(ctx context.Context) error {
	due, err := d.duePictures(ctx)
	for batch := range slices.Chunk(due, 1000) {
		if err == nil {
			err = d.letGo(ctx, batch)
		}
	}
	return err
}

func (d *Desk) duePictures(ctx context.Context) (due []spare, err error) {
	policy, at := d.Policy(), d.now()
	var spares []spare
	total := int64(0)
	err = d.index.View(ctx, func(r hashindex.Reader) error {
		last := ""
		for row, err := range r.Rows(hashindex.PictureRows, "") {
			if err = errors.Join(err, ctx.Err()); err != nil {
				return err
			}
			content, holder, _ := strings.Cut(row.Key, " ")
			rest, isHit := strings.CutPrefix(holder, hitHolder)
			if !isHit {
				continue // a verdict's photo: it stays as long as the verdict
			}
			k, err := hashindex.DecodeRow[kept](hashindex.PictureRows, row)
			if err != nil {
				return err
			}
			if content != last {
				total, last = total+int64(k.Bytes), content
			}
			n, _ := numberOf(rest)
			h, err := loadHit(r, HitID(n))
			if err != nil {
				return err
			}
			if !h.State.undecided() && len(h.Notices) == 0 {
				spares = append(spares, spare{h.ID, row.Key, k})
			}
		}
		return nil
	})
	slices.SortStableFunc(spares, func(a, b spare) int { return a.At.Compare(b.At) })
	for _, s := range spares {
		if total > policy.PictureBytes || at.Sub(s.At) > policy.PictureAge.d() {
			due, total = append(due, s), total-int64(s.Bytes)
		}
	}
	return due, err
}

func (d *Desk) letGo(ctx context.Context, batch []spare) error {
	var gone []hashindex.Digest
	_, err := d.index.Transact(ctx, "", func(w hashindex.Writer) error {
		gone = nil
		for _, s := range batch {
			h, err := loadHit(w, s.hit)
			if err != nil {
				return err
			}
			if h.Picture.IsZero() || h.State.undecided() || len(h.Notices) > 0 {
				continue
			}
			gone = append(gone, h.Picture)
			h.Picture = hashindex.Digest{}
			if err := firstOf(w.RemoveRow(hashindex.PictureRows, s.key), hashindex.SaveRow(w, hitRows, h.ID.key(), h)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return d.dropPictures(gone)
}

// dropPictures removes those that nothing names any more.
func (d *Desk) dropPictures(contents []hashindex.Digest) error {
	for _, c := range contents {
		if err := d.index.DropPicture(c); err != nil {
			return err
		}
	}
	return nil
}
