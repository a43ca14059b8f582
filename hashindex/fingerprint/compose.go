package fingerprint

import (
	"bytes"
	"context"
	"image"
	"image/color"
	"image/draw"
	"image/gif"
	"io"
	"time"
)

// What becomes of a drawing's rectangle before the next one: GIF89a, section 23.
const (
	disposeBackground = 2
	disposePrevious   = 3
)

// canvas is what the viewer sees. It begins white and opaque, which is what the normaliser makes
// of transparency, so "restore to background" is to paint white.
type canvas struct {
	*image.RGBA
	saved *image.RGBA // what the last drawing covered, if that is to come back
}

// eachFrame draws the frames in turn, each alone in memory, and shows the sampled ones.
func (a *animation) eachFrame(ctx context.Context, use func(image.Image, time.Duration) error) error {
	c := canvas{RGBA: image.NewRGBA(image.Rect(0, 0, a.width, a.height))}
	fill(c.RGBA, c.Rect)
	for shown, i := 0, 0; shown < a.sampled; i++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		d := &a.drawings[i]
		img, err := a.decode(d)
		if err != nil {
			return err
		}
		c.save(d)
		c.paint(img)
		if i == shown*len(a.drawings)/a.sampled {
			shown++
			if err := use(c.RGBA, d.at); err != nil {
				return err
			}
		}
		c.dispose(d)
	}
	return nil
}

// decode decodes one drawing, as a GIF of its own.
func (a *animation) decode(d *drawing) (_ *image.Paletted, err error) {
	defer refusePanic(formatGIF, &err)
	one := io.MultiReader(bytes.NewReader(a.head), bytes.NewReader(d.control), bytes.NewReader(d.block))
	img, err := gif.Decode(one)
	if err != nil {
		return nil, corrupt(formatGIF, err.Error())
	}
	return img.(*image.Paletted), nil
}

func (d *drawing) rect() image.Rectangle {
	return image.Rect(d.x, d.y, d.x+d.width, d.y+d.height)
}

func (c *canvas) save(d *drawing) {
	if d.disposal != disposePrevious {
		return
	}
	c.saved = image.NewRGBA(d.rect().Intersect(c.Rect))
	draw.Draw(c.saved, c.saved.Rect, c.RGBA, c.saved.Rect.Min, draw.Src)
}

func (c *canvas) dispose(d *drawing) {
	switch d.disposal {
	case disposeBackground:
		fill(c.RGBA, d.rect().Intersect(c.Rect))
	case disposePrevious:
		draw.Draw(c.RGBA, c.saved.Rect, c.saved, c.saved.Rect.Min, draw.Src)
	}
}

// paint draws the opaque pixels: draw.Draw knows no short way from a palette with a transparent
// colour, and would ask it for a colour at each pixel.
func (c *canvas) paint(img *image.Paletted) {
	var palette [256]color.RGBA
	for i, entry := range img.Palette {
		palette[i] = color.RGBAModel.Convert(entry).(color.RGBA)
	}
	r := img.Rect.Intersect(c.Rect)
	for y := r.Min.Y; y < r.Max.Y; y++ {
		out := c.Pix[c.PixOffset(r.Min.X, y):]
		for i, index := range img.Pix[img.PixOffset(r.Min.X, y):][:r.Dx()] {
			if p := palette[index]; p.A == 0xff {
				out[4*i], out[4*i+1], out[4*i+2] = p.R, p.G, p.B
			}
		}
	}
}

// fill paints white.
func fill(img *image.RGBA, r image.Rectangle) {
	draw.Draw(img, r, image.White, image.Point{}, draw.Src)
}
