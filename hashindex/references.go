package hashindex

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// NewReference is a reference to be added.
type NewReference struct {
	ExternalID string
	Note       string
	Meta       map[string]string
	Picture    Picture // with its frames; for bare hashes only those
	Encoded    []byte  // the picture as it came, to be kept; nil: not kept
}

// Added is a reference that was added, with what it resembles.
type Added struct {
	Reference      Reference
	Poor           bool    // kept, but too flat to be matched
	NearDuplicates []Match // earlier references of its own collection
	Conflicts      []Match // references of other collections
}

// maxResembling bounds how many near-duplicates and conflicts one answer lists.
const maxResembling = 10

// AddReferences adds all of them in one step or none. They are searchable when it returns.
// ErrExists when an external id is taken.
func (ix *Index) AddReferences(ctx context.Context, actor, collection string, news []NewReference) ([]Reference, Seq, error) {
	for i, n := range news {
		if err := n.reference(0).validate(); err != nil {
			return nil, 0, fmt.Errorf("reference %d: %w", i, err)
		}
	}
	ix.pictures.RLock()
	defer ix.pictures.RUnlock()
	if err := ix.store.PutBlobs(ctx, encodedOf(news)); err != nil {
		return nil, 0, err
	}
	changes, err := ix.commit(ctx, actor, func(r Reader) ([]Change, error) {
		return planAdditions(r, collection, news, ix.now().UTC())
	})
	if err != nil || len(changes) == 0 {
		return nil, ix.Seq(), err
	}
	added := make([]Reference, len(changes))
	for i, c := range changes {
		added[i] = c.Reference
	}
	return added, changes[len(changes)-1].Seq, nil
}

func planAdditions(r Reader, collection string, news []NewReference, at time.Time) ([]Change, error) {
	c, err := r.CollectionNamed(collection)
	if err != nil {
		return nil, err
	}
	changes := make([]Change, len(news))
	for i, n := range news {
		reference := n.reference(c.ID)
		reference.Added = at
		changes[i] = Change{Kind: ReferenceAdded, Reference: reference}
	}
	return changes, nil
}

func encodedOf(news []NewReference) (contents [][]byte) {
	for _, n := range news {
		if n.Encoded != nil {
			contents = append(contents, n.Encoded)
		}
	}
	return contents
}

func (n NewReference) reference(c CollectionID) Reference {
	r := Reference{
		Collection: c, ExternalID: n.ExternalID, Note: n.Note, Meta: n.Meta,
		Format: n.Picture.Format, Width: n.Picture.Width, Height: n.Picture.Height,
	}
	if n.Encoded != nil {
		r.Content = n.Picture.Content
	}
	for _, f := range n.Picture.Frames {
		r.Frames = append(r.Frames, StoredFrame{At: f.At, Recipe: f.Recipe, Quality: f.Quality, Hashes: f.Hashes})
	}
	return r
}

// Resembling says what an added reference looks like that came before it: asked after the addition,
// so that two that arrive together see each other.
func (ix *Index) Resembling(ctx context.Context, added Reference, picture Picture) (Added, error) {
	result := Added{Reference: added, Poor: poor(picture)}
	answer, err := ix.match(ctx, Query{Picture: picture, Radius: PolicyRadius, Effort: FastEffort, Limit: MaxLimit},
		func(r Reference) bool { return r.ID >= added.ID })
	for _, m := range answer.Matches {
		if m.Reference.Collection == added.Collection {
			result.NearDuplicates = appendUpTo(result.NearDuplicates, m)
		} else {
			result.Conflicts = appendUpTo(result.Conflicts, m)
		}
	}
	return result, err
}

func poor(p Picture) bool {
	q := p.quality()
	return q != QualityUnknown && q < PoorQuality
}

func appendUpTo(matches []Match, m Match) []Match {
	if len(matches) == maxResembling {
		return matches
	}
	return append(matches, m)
}

// ReferencePatch changes what is not nil.
type ReferencePatch struct {
	Note          *string
	Meta          map[string]string
	DisabledUntil *time.Time
}

// ChangeReference changes what the owner may: what it shows stays.
func (ix *Index) ChangeReference(ctx context.Context, actor string, id ReferenceID, patch ReferencePatch) (Reference, Seq, error) {
	return ix.commitReference(ctx, actor, ReferenceChanged, id, func(r *Reference) error {
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
	})
}

// RemoveReference removes the reference: no search answers it once this returns. Its picture goes
// with it, unless another reference shows the same.
func (ix *Index) RemoveReference(ctx context.Context, actor string, id ReferenceID) (Seq, error) {
	removed, seq, err := ix.commitReference(ctx, actor, ReferenceRemoved, id, func(*Reference) error { return nil })
	if err != nil || removed.Content.IsZero() {
		return seq, err
	}
	if err := ix.removePicture(removed.Content); err != nil {
		// The removal stands; Check lists the file as an orphan.
		ix.log.Warn("picture not removed", "reference", id, "err", err)
	}
	return seq, nil
}

func (ix *Index) commitReference(ctx context.Context, actor string, kind ChangeKind, id ReferenceID, edit func(*Reference) error) (Reference, Seq, error) {
	changes, err := ix.commit(ctx, actor, func(r Reader) ([]Change, error) {
		reference, err := r.Reference(id)
		if err != nil {
			return nil, err
		}
		if err := edit(&reference); err != nil {
			return nil, err
		}
		return []Change{{Kind: kind, Reference: reference}}, nil
	})
	if err != nil {
		return Reference{}, 0, err
	}
	return changes[0].Reference, changes[0].Seq, nil
}

func (ix *Index) removePicture(content Digest) error {
	ix.pictures.Lock()
	defer ix.pictures.Unlock()
	held := false
	err := ix.store.View(func(r Reader) (err error) {
		held, err = r.Holds(content)
		return err
	})
	if err != nil || held {
		return err
	}
	return ix.store.RemoveBlob(content)
}

// Reference is the reference with its collection.
func (ix *Index) Reference(id ReferenceID) (reference Reference, collection Collection, err error) {
	err = ix.store.View(func(r Reader) error {
		if reference, err = r.Reference(id); err != nil {
			return err
		}
		collection, err = collectionOf(r, reference)
		return err
	})
	return reference, collection, err
}

func collectionOf(r Reader, reference Reference) (Collection, error) {
	collections, err := r.Collections()
	if err != nil {
		return Collection{}, err
	}
	for _, c := range collections {
		if c.ID == reference.Collection {
			return c, nil
		}
	}
	return Collection{}, fmt.Errorf("collection %d of reference %d: %w", reference.Collection, reference.ID, ErrDamaged)
}

// ReferenceNamed is the reference of that external id; ErrNotFound without one.
func (ix *Index) ReferenceNamed(collection, externalID string) (reference Reference, err error) {
	err = ix.store.View(func(r Reader) error {
		c, err := r.CollectionNamed(collection)
		if err != nil {
			return err
		}
		reference, err = r.ReferenceNamed(c.ID, externalID)
		return err
	})
	return reference, err
}

// References lists at most limit references of the collection after that one, ascending.
func (ix *Index) References(ctx context.Context, collection string, after ReferenceID, limit int) (list []Reference, err error) {
	err = ix.store.View(func(r Reader) error {
		c, err := r.CollectionNamed(collection)
		if err != nil {
			return err
		}
		for reference, err := range r.References(c.ID, after) {
			if err = orElse(err, ctx.Err()); err != nil {
				return err
			}
			if list = append(list, reference); len(list) >= limit {
				return nil
			}
		}
		return nil
	})
	return list, err
}

// Image is the encoded picture of the reference; ErrNotFound for one known by its hashes only.
func (ix *Index) Image(id ReferenceID) ([]byte, Reference, error) {
	reference, _, err := ix.Reference(id)
	if err != nil {
		return nil, Reference{}, err
	}
	if reference.Content.IsZero() {
		return nil, Reference{}, fmt.Errorf("image of reference %d: %w", id, ErrNotFound)
	}
	encoded, err := ix.store.Blob(reference.Content)
	if errors.Is(err, ErrNotFound) {
		err = fmt.Errorf("image of reference %d is gone: %w", id, ErrDamaged)
	}
	return encoded, reference, err
}

// Changes lists at most limit changes after that one, in order.
func (ix *Index) Changes(ctx context.Context, after Seq, limit int) (list []Change, err error) {
	err = ix.store.View(func(r Reader) error {
		for change, err := range r.Changes(after) {
			if err = orElse(err, ctx.Err()); err != nil {
				return err
			}
			if list = append(list, change); len(list) >= limit {
				return nil
			}
		}
		return nil
	})
	return list, err
}
