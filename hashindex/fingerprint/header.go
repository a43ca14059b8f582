package fingerprint

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
	"time"

	"github.com/gen2brain/avif"
	"github.com/gen2brain/heic"
	"github.com/gen2brain/jpegn"
	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"
	"golang.org/x/image/webp"

	"touchstone/hashindex"
	"touchstone/hashindex/fingerprint/jpegplanes"
)

// header is what is known of a picture before it is decoded.
type header struct {
	format        format
	width, height int // as stored, before orientation
	orientation   orientation
	animation     *animation // of a GIF, and of any picture that moves; nil otherwise
}

// read walks the encoded picture and fills the header in. It refuses what is truncated, and what
// is over a limit.
func (h *header) read(encoded []byte, limits Limits) (err error) {
	defer refusePanic(h.format, &err)
	switch h.format {
	case formatJPEG:
		return h.readJPEG(encoded, limits)
	case formatPNG:
		return h.readPNG(encoded, limits)
	case formatGIF:
		return h.readGIF(encoded, limits)
	case formatWebP:
		return h.readWebP(encoded, limits)
	case formatBMP:
		return h.readBMP(encoded, limits)
	case formatTIFF:
		return h.readTIFF(encoded, limits)
	default:
		return h.readBoxes(encoded, limits)
	}
}

// risky reports whether the picture is decoded only where a failure is contained: its decoder is large
// and young, or its work is much.
func (h *header) risky() bool {
	switch h.format {
	case formatTIFF, formatAVIF, formatHEIC:
		return true
	}
	return h.frames() > 1
}

// eachFrame decodes the picture and calls use with each frame, which it may keep only until it
// returns.
func (h *header) eachFrame(ctx context.Context, encoded []byte, use func(image.Image, time.Duration) error) error {
	show := func(img image.Image) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		return use(img, 0)
	}
	switch {
	case h.animation != nil:
		return h.animation.eachFrame(ctx, use)
	case h.format == formatJPEG:
		// What this decoder gives up, damaged pictures above all, the general one makes the most of; where
		// both decode a picture, they agree in every sample.
		if err := jpegplanes.Decode(encoded, show); err != jpegplanes.ErrUnsupported {
			return err
		}
	}
	img, err := h.decode(encoded)
	if err != nil {
		return err
	}
	return show(img)
}

// decode decodes a still and holds it to what its header promised.
func (h *header) decode(encoded []byte) (img image.Image, err error) {
	defer refusePanic(h.format, &err)
	r := bytes.NewReader(encoded)
	switch h.format {
	case formatJPEG:
		img, err = jpegn.Decode(r)
	case formatPNG:
		img, err = png.Decode(r)
	case formatWebP:
		img, err = webp.Decode(r)
	case formatBMP:
		img, err = bmp.Decode(r)
	case formatTIFF:
		img, err = tiff.Decode(r)
	case formatAVIF:
		img, err = avif.Decode(asStill(encoded))
	default:
		img, err = heic.Decode(r)
	}
	if err != nil {
		return nil, h.explain(err)
	}
	if size := img.Bounds().Size(); size != image.Pt(h.width, h.height) {
		return nil, corrupt(h.format, fmt.Sprintf("its header says %d×%d, its data %d×%d", h.width, h.height, size.X, size.Y))
	}
	return img, nil
}

// refusePanic is deferred around every call of a decoder: one that panics has met a damaged
// picture and a bug of its own, and neither is worth the process.
func refusePanic(f format, err *error) {
	if p := recover(); p != nil {
		*err = corrupt(f, fmt.Sprint("decoder: ", p))
	}
}

// explain turns a decoder's error into a refusal.
func (h *header) explain(err error) error {
	var unsupportedPNG png.UnsupportedError
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return truncated(h.format)
	case errors.Is(err, jpegn.ErrUnsupported), errors.Is(err, bmp.ErrUnsupported), errors.As(err, &unsupportedPNG):
		return refuse(hashindex.UnsupportedFormat, "this kind of %s picture is not supported: %v", h.format, err)
	}
	return corrupt(h.format, err.Error())
}
