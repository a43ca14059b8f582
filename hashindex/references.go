package hashindex

import (
	"context"
	"time"
)

// ReferencePatch changes what is not nil.
type ReferencePatch struct {
	Note          *string
	Meta          map[string]string
	DisabledUntil *time.Time
}

// ChangeReference changes what the owner may, in one step with what also writes: what it shows stays.
func (ix *Index) ChangeReference(ctx context.Context, actor string, id ReferenceID, patch ReferencePatch, also ...Also) (Reference, Seq, error) {
	edit := func(r *Reference) error {
		if patch.Note != nil {
			r.Note = *patch.Note
		}
		if patch.Meta != nil {
			r.Meta = patch.Meta
		}
		if patch.DisabledUntil != nil {
			r.DisabledUntil = patch.DisabledUntil.UTC()
		}
		return r.validate()
	}
	return ix.commitReference(ctx, actor, ReferenceChanged, id, edit, also)
}

// RemoveReference removes the reference, in one step with what also writes: no search answers it once this
// returns. Its picture goes with it, unless another reference shows the same.
func (ix *Index) RemoveReference(ctx context.Context, actor string, id ReferenceID, also ...Also) (Seq, error) {
	removed, seq, err := ix.commitReference(ctx, actor, ReferenceRemoved, id, func(*Reference) error { return nil }, also)
	if err != nil || removed.Content.IsZero() {
		return seq, err
	}
	if err := ix.removePicture(removed.Content); err != nil {
		// The removal stands; Check lists the file as an orphan.
		ix.log.Warn("picture not removed", "reference", id, "err", err)
	}
	return seq, nil
}

func (ix *Index) commitReference(ctx context.Context, actor string, kind ChangeKind, id ReferenceID, edit func(*Reference) error, also []Also) (Reference, Seq, error) {
	changes, seq, err := ix.commitChanges(ctx, actor, func(r Reader) ([]Change, error) {
		reference, err := r.Reference(id)
		if err != nil {
			return nil, err
		}
		if err := edit(&reference); err != nil {
			return nil, err
		}
		return []Change{{Kind: kind, Reference: reference}}, nil
	}, also)
	if err != nil {
		return Reference{}, 0, err
	}
	return changes[0].Reference, seq, nil
}

func (ix *Index) removePicture(content Digest) error {
	ix.pictures.Lock()
	defer ix.pictures.Unlock()
	held := false
	err := ix.store.View(func(r Reader) (err error) {
		held, err = Held(r, content)
		return err
	})
	if err != nil || held {
		return err
	}
	return ix.store.RemoveBlob(content)
}
