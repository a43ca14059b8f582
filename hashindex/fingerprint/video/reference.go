package video

import (
	"context"
	"io"
	"time"

	"touchstone/hashindex"
)

const (
	// mergeRadius is how close, in bits of PDQ, a frame is to the one kept last to be merged into it: what is
	// as close to it as a re-encoded copy is still found within 31.
	mergeRadius = 12

	// featureBeat is how far apart frames get features, some 30 KiB each, until there are maxFeatured.
	featureBeat = 450 * time.Millisecond
	maxFeatured = 2000
)

// Picture is the video as a reference: its frames, neighbours that look the same merged into the first of
// them, and features of two a second or fewer. A frame stands until the next; the last one sampled
// is always there. The encoded video is not kept, so its digest is not given.
func (d *Decoder) Picture(ctx context.Context, source *io.SectionReader) (hashindex.Picture, error) {
	var p hashindex.Picture
	begun := time.Now()
	k := keeper{every: featureBeat}
	info, err := d.each(ctx, source, referenceBeat, func(s hashindex.Look) error {
		k.add(s, &p.Took)
		return nil
	})
	if err != nil {
		return hashindex.Picture{}, err
	}
	p.Frames = k.finish()
	p.Format, p.Width, p.Height = info.Format, info.Width, info.Height
	p.Took.Decode = time.Since(begun) - p.Took.Features
	return p, nil
}

// keeper merges frames.
type keeper struct {
	frames   []hashindex.Frame
	merged   *hashindex.Frame // the last one, if it was merged
	every    time.Duration    // features are made of frames so far apart
	featured int
	last     time.Duration // that has features
}

func (k *keeper) add(s hashindex.Look, took *hashindex.Took) {
	k.merged = nil
	if n := len(k.frames); n > 0 && alike(k.frames[n-1], s.Frame) {
		k.merged = &s.Frame
		return
	}
	if k.featured == 0 || s.At-k.last >= k.every {
		if s.Mark != hashindex.Black && s.Mark != hashindex.Flat {
			begun := time.Now()
			s.Frame.Features = s.Features().Stored()
			took.Features += time.Since(begun)
			k.featured, k.last = k.featured+1, s.At
			if k.featured == maxFeatured {
				k.thin()
			}
		}
	}
	k.frames = append(k.frames, s.Frame)
}

// thin drops every other frame's features, and makes them half as often from now on: so that they stay
// spread over a video of any length.
func (k *keeper) thin() {
	n := 0
	for i := range k.frames {
		if f := &k.frames[i]; !f.Features.IsZero() {
			if n++; n%2 == 0 {
				f.Features = hashindex.Features{}
				k.featured--
			}
		}
	}
	k.every *= 2
}

func (k *keeper) finish() []hashindex.Frame {
	if k.merged != nil {
		k.frames = append(k.frames, *k.merged)
	}
	return k.frames
}

// alike reports whether the frames look the same: both are too dark or flat to tell, or their hashes are
// next to equal.
func alike(a, b hashindex.Frame) bool {
	poorA, poorB := a.Quality < hashindex.PoorQuality, b.Quality < hashindex.PoorQuality
	if poorA || poorB {
		return poorA && poorB && a.Mark == b.Mark
	}
	return a.Hashes[hashindex.PDQ].Distance(b.Hashes[hashindex.PDQ]) <= mergeRadius
}
