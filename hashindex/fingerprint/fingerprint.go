// Package fingerprint makes fingerprints of encoded pictures: JPEG, PNG, GIF, WebP, BMP, AVIF, HEIC and,
// where it is asked for, TIFF, told apart by their content.
//
// AVIF, HEIC, TIFF and pictures that move are risky: see Options.Contained and package worker.
//
// A picture goes through three stages. Its headers are walked first, so that a truncated file, an
// unknown format or one over a limit is refused before a decoder runs. Then it is decoded, frame
// by frame if it moves. Each frame is normalised and hashed as Recipe says.
//
// Refusals are a *hashindex.DecodeError with a reason or a *hashindex.LimitError with the limit.
package fingerprint

import (
	"context"
	"image"
	"sync"
	"time"

	"touchstone/hashindex"
)

// Maker makes fingerprints within limits. It may be used by many goroutines at once; each call
// takes at most Limits.DecodeBytes and some megabytes, so the caller bounds how many run. Up to 32
// MiB a call are kept for the next one, until the garbage collector asks for them.
type Maker struct {
	options   Options
	limits    Limits
	samplers  sync.Pool
	detailers sync.Pool
}

// Options say which pictures a Maker takes. The zero value takes those that it can decode without risk.
type Options struct {
	Limits Limits

	// TIFF has TIFF pictures taken. Few are sent to markets, and the format has many corners.
	TIFF bool

	// Contained says that this process may die: risky pictures are decoded here, instead of being
	// answered by a *RiskyError.
	Contained bool
}

// RiskyError is a picture that only a contained Maker decodes, with what its headers say. It is a refusal
// where there is no such Maker.
type RiskyError struct {
	Format        string
	Width, Height int // as shown
	Frames        int // that will be fingerprinted
}

func (e *RiskyError) Error() string {
	return "pictures that move, AVIF, HEIC and TIFF are decoded by workers, and there are none here"
}

func (e *RiskyError) Unwrap() error {
	return &hashindex.DecodeError{Reason: hashindex.UnsupportedFormat, Detail: e.Error()}
}

// New is a Maker with these limits; the zero Limits are the defaults.
func New(limits Limits) *Maker { return NewWith(Options{Limits: limits}) }

// NewWith is a Maker with these options.
func NewWith(options Options) *Maker {
	options.Limits = options.Limits.withDefaults()
	return &Maker{
		options:   options,
		limits:    options.Limits,
		samplers:  sync.Pool{New: func() any { return new(sampler) }},
		detailers: sync.Pool{New: func() any { return new(detailer) }},
	}
}

// Limits are the limits in force, defaults filled in.
func (m *Maker) Limits() Limits { return m.limits }

// Options are the options in force, defaults filled in.
func (m *Maker) Options() Options { return m.options }

// Picture makes the fingerprints of an encoded picture: one frame of a still, up to
// Limits.AnimationFrames of one that moves, spread evenly and with their times.
//
// A decoder cannot be interrupted: ctx is heeded between stages and between frames.
func (m *Maker) Picture(ctx context.Context, encoded []byte) (hashindex.Picture, error) {
	return m.picture(ctx, encoded, nil)
}

// Detailed is Picture with features, which additions and queries of full effort need: of every frame, or
// of hashindex.MaxPartialFrames spread evenly, for they cost some milliseconds a frame and up to a
// megabyte, and what moves shows much the same in most.
func (m *Maker) Detailed(ctx context.Context, encoded []byte) (hashindex.Picture, error) {
	return m.detailed(ctx, encoded, func(d *detailer, img image.Image, h header) hashindex.Features {
		return m.WithCloser(d.features(img, h, hashindex.MaxKeypoints))
	})
}

// Stored is Detailed with features in their stored form, which is all that an addition needs.
func (m *Maker) Stored(ctx context.Context, encoded []byte) (hashindex.Picture, error) {
	return m.detailed(ctx, encoded, func(d *detailer, img image.Image, h header) hashindex.Features {
		return d.features(img, h, hashindex.MaxStoredKeypoints).Stored()
	})
}

func (m *Maker) detailed(ctx context.Context, encoded []byte, features func(*detailer, image.Image, header) hashindex.Features) (hashindex.Picture, error) {
	d := m.detailers.Get().(*detailer)
	defer m.detailers.Put(d)
	return m.picture(ctx, encoded, func(img image.Image, h header) hashindex.Features { return features(d, img, h) })
}

// picture makes features too where it is told how.
func (m *Maker) picture(ctx context.Context, encoded []byte, features func(image.Image, header) hashindex.Features) (hashindex.Picture, error) {
	if err := ctx.Err(); err != nil {
		return hashindex.Picture{}, err
	}
	begun := time.Now()
	h, err := m.inspect(encoded)
	if err != nil {
		return hashindex.Picture{}, err
	}
	s := m.samplers.Get().(*sampler)
	defer m.samplers.Put(s)
	picture := hashindex.Picture{Format: h.format.String()}
	timed(&picture.Took.Hash, func() { picture.Content = hashindex.DigestOf(encoded) })
	picture.Width, picture.Height = h.orientation.size(h.width, h.height)
	err = h.eachFrame(ctx, encoded, func(img image.Image, at time.Duration) error {
		var fp hashindex.Fingerprint
		timed(&picture.Took.Hash, func() { fp = s.fingerprint(img, h) })
		if features != nil && evenly(len(picture.Frames), h.frames(), hashindex.MaxPartialFrames) {
			timed(&picture.Took.Features, func() { fp.Features = features(img, h) })
		}
		picture.Frames = append(picture.Frames, hashindex.Frame{At: at, Fingerprint: fp})
		return ctx.Err()
	})
	if err != nil {
		return hashindex.Picture{}, err
	}
	picture.Took.Decode = time.Since(begun) - picture.Took.Hash - picture.Took.Features
	return picture, nil
}

// WithCloser gives the features of a query their closer look, which does not travel between processes.
func (m *Maker) WithCloser(f hashindex.Features) hashindex.Features {
	f.Closer = func() hashindex.Features {
		d := m.detailers.Get().(*detailer)
		defer m.detailers.Put(d)
		return d.closer(f)
	}
	return f
}

// Warm gets the decoders of AVIF and HEIC ready, which are compiled when they are first used: seconds of
// work. They say so of a picture that is none.
func (m *Maker) Warm() {
	for _, f := range []format{formatAVIF, formatHEIC} {
		h := header{format: f}
		h.decode(nil)
	}
}

// timed adds the time that a part of the work takes.
func timed(to *time.Duration, part func()) {
	begun := time.Now()
	part()
	*to += time.Since(begun)
}

// evenly reports whether item n of total is one of at most so many, spread evenly from the first.
func evenly(n, total, most int) bool {
	if total <= most {
		return true
	}
	i := (n*most + total - 1) / total // the first whose place is n or later
	return i*total/most == n
}

// frames is how many frames are fingerprinted.
func (h header) frames() int {
	if h.animation == nil {
		return 1
	}
	return h.animation.sampled
}

// inspect walks the headers: the format's own limits and its completeness are checked there.
func (m *Maker) inspect(encoded []byte) (header, error) {
	if err := check("image_bytes", int64(len(encoded)), m.limits.ImageBytes); err != nil {
		return header{}, err
	}
	f, err := sniff(encoded)
	if err != nil {
		return header{}, err
	}
	h := header{format: f, orientation: upright}
	if f == formatTIFF && !m.options.TIFF {
		return header{}, refuse(hashindex.UnsupportedFormat, "TIFF is not taken here: send JPEG or PNG")
	}
	if err := h.read(encoded, m.limits); err != nil {
		return header{}, err
	}
	if h.risky() && !m.options.Contained {
		width, height := h.orientation.size(h.width, h.height)
		return header{}, &RiskyError{Format: string(f), Width: width, Height: height, Frames: h.frames()}
	}
	return h, nil
}
