package hashindex

import (
	"context"
	"errors"
	"fmt"
)

// PictureRows is the table that keeps pictures in the blob folder that no reference has: each row of the
// key PictureKey keeps one for a holder, such as a hit. What the row says is the holder's.
const PictureRows = "pictures"

// PictureKey is the key of the row by which the holder keeps the picture.
func PictureKey(content Digest, holder string) string { return content.String() + " " + holder }

// Held reports whether anything needs the picture to be kept.
func Held(r Reader, content Digest) (bool, error) {
	held, err := r.Holds(content)
	if err != nil || held {
		return held, err
	}
	prefix := PictureKey(content, "")
	for row, err := range r.Rows(PictureRows, prefix) {
		return err == nil && len(row.Key) >= len(prefix) && row.Key[:len(prefix)] == prefix, err
	}
	return false, nil
}

// TransactPictures is Transact with encoded pictures that plan's rows of PictureRows keep: they are
// durable before plan runs, and nobody takes them for orphans meanwhile.
func (ix *Index) TransactPictures(ctx context.Context, actor string, pictures [][]byte, plan func(Writer) error) (Seq, error) {
	if len(pictures) == 0 {
		return ix.Transact(ctx, actor, plan)
	}
	ix.pictures.RLock()
	defer ix.pictures.RUnlock()
	if err := ix.store.PutBlobs(ctx, pictures); err != nil {
		return 0, err
	}
	return ix.Transact(ctx, actor, plan)
}

// Picture is the picture of that digest; ErrNotFound for one that nothing keeps.
func (ix *Index) Picture(content Digest) ([]byte, error) {
	held := false
	err := ix.store.View(func(r Reader) (err error) {
		held, err = Held(r, content)
		return err
	})
	if err == nil && !held {
		err = fmt.Errorf("picture %v: %w", content, ErrNotFound)
	}
	if err != nil {
		return nil, err
	}
	encoded, err := ix.store.Blob(content)
	if errors.Is(err, ErrNotFound) {
		err = fmt.Errorf("picture %v is gone: %w", content, ErrDamaged)
	}
	return encoded, err
}

// DropPicture removes the picture unless something needs it.
func (ix *Index) DropPicture(content Digest) error { return ix.removePicture(content) }
