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

// keepPicture keeps one of the hit's.
func keepPicture(w hashindex.Writer, h *Hit, content hashindex.Digest, size int) error {
	return hashindex.SaveRow(w, hashindex.PictureRows, hashindex.PictureKey(content, hitHolder+h.ID.key()), kept{size, h.First})
}

// without is the hit without the picture; false when it has none such.
func (h Hit) without(content hashindex.Digest) (Hit, bool) {
	had := h.Picture == content
	if had {
		h.Picture = hashindex.Digest{}
	}
	if h.Segment == nil {
		return h, had
	}
	segment := *h.Segment
	segment.Pairs = slices.Clone(segment.Pairs)
	for i := range segment.Pairs {
		if p := &segment.Pairs[i]; p.Picture == content {
			p.Picture, had = hashindex.Digest{}, true
		}
	}
	h.Segment = &segment
	return h, had
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
			text, _, _ := strings.Cut(s.key, " ")
			content, err := hashindex.ParseDigest(text)
			if err != nil {
				return fmt.Errorf("row %q of %s: %w", s.key, hashindex.PictureRows, hashindex.ErrDamaged)
			}
			h, had := h.without(content)
			if !had || h.State.undecided() || len(h.Notices) > 0 {
				continue
			}
			gone = append(gone, content)
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
