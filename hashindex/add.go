package hashindex

import (
	"context"
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

// AddReferences adds all of them in one step or none, and with them what also writes. They are searchable
// when it returns. ErrExists when an external id is taken.
func (ix *Index) AddReferences(ctx context.Context, actor, collection string, news []NewReference, also ...Also) ([]Reference, Seq, error) {
	additions, err := additionsOf(news)
	if err != nil {
		return nil, 0, err
	}
	ix.pictures.RLock()
	defer ix.pictures.RUnlock()
	if err := ix.store.PutBlobs(ctx, encodedOf(news)); err != nil {
		return nil, 0, err
	}
	changes, seq, err := ix.commitChanges(ctx, actor, func(r Reader) ([]Change, error) {
		if additions == nil { // appended before, in a commit that failed
			if additions, err = additionsOf(news); err != nil {
				return nil, err
			}
		}
		planned := additions
		additions = nil
		return planned, place(r, planned, collection, ix.now().UTC())
	}, also)
	if err != nil {
		return nil, 0, err
	}
	added := make([]Reference, len(changes))
	for i, c := range changes {
		added[i] = c.Reference
	}
	return added, seq, nil
}

// place says what only the store knows before the additions are appended: their collection and the time.
func place(r Reader, additions []Change, collection string, at time.Time) error {
	c, err := r.CollectionNamed(collection)
	if err != nil {
		return err
	}
	for i := range additions {
		additions[i].Reference.Collection, additions[i].Reference.Added = c.ID, at
	}
	return nil
}

// additionsOf are the changes that add them, all but their place. A list adds ten thousand at a time: all is
// made where it stays.
func additionsOf(news []NewReference) ([]Change, error) {
	frames := 0
	for i := range news {
		frames += len(news[i].Picture.Frames)
	}
	room := make([]StoredFrame, frames)
	all := make([]Change, len(news))
	for i := range news {
		c, n := &all[i], len(news[i].Picture.Frames)
		c.Kind = ReferenceAdded
		c.Reference.Frames, room = room[:n:n], room[n:]
		err := c.describe(&news[i])
		if err == nil {
			err = c.Reference.validate()
		}
		if err != nil {
			return nil, fmt.Errorf("reference %d: %w", i, err)
		}
	}
	return all, nil
}

func (c *Change) describe(n *NewReference) (err error) {
	r := &c.Reference
	r.ExternalID, r.Note, r.Meta = n.ExternalID, n.Note, n.Meta
	r.Format, r.Width, r.Height = n.Picture.Format, n.Picture.Width, n.Picture.Height
	if n.Encoded != nil {
		r.Content = n.Picture.Content
	}
	for i := range n.Picture.Frames {
		f, stored := &n.Picture.Frames[i], &r.Frames[i]
		stored.At, stored.Recipe, stored.Quality, stored.Hashes = f.At, f.Recipe, f.Quality, f.Hashes
	}
	c.Features, err = featuresOf(n.Picture.Frames)
	return err
}

// featuresOf are the bytes to be stored of the frames' features; nil where no frame has any.
func featuresOf(frames []Frame) (all [][]byte, _ error) {
	for i := range frames {
		f := &frames[i].Features
		if f.IsZero() {
			continue
		}
		if all == nil {
			all = make([][]byte, len(frames))
		}
		all[i] = f.AppendStored(nil)
		if _, err := ParseFeatures(all[i]); err != nil {
			return nil, fmt.Errorf("frame %d: %w", i, err)
		}
	}
	return all, nil
}

func encodedOf(news []NewReference) (contents [][]byte) {
	for _, n := range news {
		if n.Encoded != nil {
			contents = append(contents, n.Encoded)
		}
	}
	return contents
}

// Resembling says what an added reference looks like that came before it: asked after the addition,
// so that two that arrive together see each other. Collections outside within are left out.
func (ix *Index) Resembling(ctx context.Context, added Reference, picture Picture, within Within) (Added, error) {
	result := Added{Reference: added, Poor: poor(picture)}
	answer, err := ix.match(ctx, Query{Picture: picture, Within: within, Radius: PolicyRadius, Effort: FastEffort, Limit: MaxLimit},
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
