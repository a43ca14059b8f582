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
	references := referencesOf(news)
	for i := range references {
		if err := references[i].validate(); err != nil {
			return nil, 0, fmt.Errorf("reference %d: %w", i, err)
		}
	}
	features, err := featuresOf(news)
	if err != nil {
		return nil, 0, err
	}
	ix.pictures.RLock()
	defer ix.pictures.RUnlock()
	if err := ix.store.PutBlobs(ctx, encodedOf(news)); err != nil {
		return nil, 0, err
	}
	changes, seq, err := ix.commitChanges(ctx, actor, func(r Reader) ([]Change, error) {
		return planAdditions(r, collection, references, features, ix.now().UTC())
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

func planAdditions(r Reader, collection string, references []Reference, features [][][]byte, at time.Time) ([]Change, error) {
	c, err := r.CollectionNamed(collection)
	if err != nil {
		return nil, err
	}
	changes := make([]Change, len(references))
	for i := range references {
		changes[i] = Change{Kind: ReferenceAdded, Reference: references[i], Features: features[i]}
		changes[i].Reference.Collection, changes[i].Reference.Added = c.ID, at
	}
	return changes, nil
}

// featuresOf are the bytes to be stored of the frames' features, by reference; nil for one without.
func featuresOf(news []NewReference) ([][][]byte, error) {
	all := make([][][]byte, len(news))
	for i := range news {
		n := &news[i]
		for f := range n.Picture.Frames {
			frame := &n.Picture.Frames[f]
			if frame.Features.IsZero() {
				continue
			}
			if all[i] == nil {
				all[i] = make([][]byte, len(n.Picture.Frames))
			}
			encoded := frame.Features.AppendStored(nil)
			if _, err := ParseFeatures(encoded); err != nil {
				return nil, fmt.Errorf("reference %d: frame %d: %w", i, f, err)
			}
			all[i][f] = encoded
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

// referencesOf are the references without what only the store knows: collection, id and time.
func referencesOf(news []NewReference) []Reference {
	frames := 0
	for i := range news {
		frames += len(news[i].Picture.Frames)
	}
	room := make([]StoredFrame, 0, frames) // one for all: a list adds ten thousand references of a frame
	all := make([]Reference, len(news))
	for i := range news {
		n, first := &news[i], len(room)
		for j := range n.Picture.Frames {
			f := &n.Picture.Frames[j]
			room = append(room, StoredFrame{At: f.At, Recipe: f.Recipe, Quality: f.Quality, Hashes: f.Hashes})
		}
		all[i] = Reference{
			ExternalID: n.ExternalID, Note: n.Note, Meta: n.Meta,
			Format: n.Picture.Format, Width: n.Picture.Width, Height: n.Picture.Height,
			Frames: room[first:len(room):len(room)],
		}
		if n.Encoded != nil {
			all[i].Content = n.Picture.Content
		}
	}
	return all
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
