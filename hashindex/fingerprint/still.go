package fingerprint

import (
	"context"
	"image"
	"image/draw"
	"time"

	"github.com/disintegration/imaging"
)

// Still decodes the picture, or the first frame of one that moves, for people and tools to look at:
// oriented, over white, its origin at 0,0. Limits and refusals are those of Picture.
func (m *Maker) Still(ctx context.Context, encoded []byte) (*image.NRGBA, error) {
	h, err := m.inspect(encoded)
	if err != nil {
		return nil, err
	}
	if h.animation != nil {
		h.animation.sampled = 1
	}
	var still *image.NRGBA
	err = h.eachFrame(ctx, encoded, func(img image.Image, _ time.Duration) error {
		still = h.orientation.show(onWhite(img))
		return nil
	})
	return still, err
}

// Fit is the picture scaled down until its longer side is at most so long; a smaller one is itself.
func Fit(img *image.NRGBA, side int) *image.NRGBA {
	if max(img.Rect.Dx(), img.Rect.Dy()) <= side {
		return img
	}
	return imaging.Fit(img, side, side, imaging.Box)
}

func onWhite(img image.Image) *image.NRGBA {
	size := img.Bounds().Size()
	out := image.NewNRGBA(image.Rect(0, 0, size.X, size.Y))
	// Package draw has fast paths to RGBA alone, and opaque pixels are the same in both.
	opaque := &image.RGBA{Pix: out.Pix, Stride: out.Stride, Rect: out.Rect}
	draw.Draw(opaque, out.Rect, image.White, image.Point{}, draw.Src)
	draw.Draw(opaque, out.Rect, img, img.Bounds().Min, draw.Over)
	return out
}

// show lays the stored pixels out as they are to be seen.
func (o orientation) show(stored *image.NRGBA) *image.NRGBA {
	switch o {
	case 2:
		return imaging.FlipH(stored)
	case 3:
		return imaging.Rotate180(stored)
	case 4:
		return imaging.FlipV(stored)
	case 5:
		return imaging.Transpose(stored)
	case 6:
		return imaging.Rotate270(stored) // imaging turns the other way round
	case 7:
		return imaging.Transverse(stored)
	case 8:
		return imaging.Rotate90(stored)
	}
	return stored
}
