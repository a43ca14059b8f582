package fingerprint

import (
	"context"
	"image"
	"image/color"
	"image/draw"
	"time"
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
		still = h.orientation.show(overWhite(img))
		return nil
	})
	return still, err
}

func overWhite(img image.Image) *image.NRGBA {
	size := img.Bounds().Size()
	out := image.NewNRGBA(image.Rect(0, 0, size.X, size.Y))
	draw.Draw(out, out.Rect, image.NewUniform(color.White), image.Point{}, draw.Src)
	draw.Draw(out, out.Rect, img, img.Bounds().Min, draw.Over)
	return out
}

// show lays the stored pixels out as they are to be seen.
func (o orientation) show(stored *image.NRGBA) *image.NRGBA {
	if o == upright {
		return stored
	}
	size := stored.Rect.Size()
	width, height := o.size(size.X, size.Y)
	out := image.NewNRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			from := stored.PixOffset(o.stored(x, y, size))
			copy(out.Pix[out.PixOffset(x, y):][:4], stored.Pix[from:][:4])
		}
	}
	return out
}

// stored is where the pixel shown at x, y is kept in a picture of that stored size.
func (o orientation) stored(x, y int, size image.Point) (int, int) {
	if o.transposed() {
		x, y = y, x
	}
	if o.reversesColumns() {
		x = size.X - 1 - x
	}
	if o.reversesRows() {
		y = size.Y - 1 - y
	}
	return x, y
}
