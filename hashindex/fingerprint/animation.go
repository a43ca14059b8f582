package fingerprint

import (
	"context"
	"image"
	"image/color"
	"image/draw"
	"time"
)

// animation is what a moving picture draws. It is found without decoding any pixels, so that the work is
// known before it is done: 189 KB of GIF can ask for 192 MB of frames.
type animation struct {
	width, height int
	drawings      []drawing
	work          int64 // pixels to draw
	sampled       int   // how many drawings are fingerprinted
}

// drawing is a rectangle painted over what is there.
type drawing struct {
	at       time.Duration
	rect     image.Rectangle
	disposal disposal
	replaces bool // its transparent pixels too; otherwise what is below shows through them
	decode   func() (image.Image, error)
}

// disposal is what becomes of a drawing's rectangle before the next one.
type disposal byte

const (
	disposeNothing disposal = iota
	disposeBackground
	disposePrevious
)

// drawingOverhead is the pixels that take as long as starting a decoder, rounded up, so that
// thousands of tiny drawings count as work too: 15 µs against 7 ns a pixel, BenchmarkGIF.
const drawingOverhead = 4096

// canvasBytes is the memory of an animation, a pixel: the canvas, a copy of what a drawing covers, and the
// drawing.
const canvasBytes = 9

// add takes a drawing.
func (a *animation) add(d drawing) {
	size := d.rect.Size()
	a.work += int64(size.X)*int64(size.Y) + drawingOverhead
	a.drawings = append(a.drawings, d)
}

// within is asked after each drawing, so that there is never more of a list than is to be drawn.
func (a *animation) within(limits Limits) error {
	return check("animation_pixels", a.work, limits.AnimationPixels)
}

// moves makes the header that of a moving picture, if it is one, within the limits.
func (h *header) moves(a *animation, limits Limits, encoded int) error {
	if len(a.drawings) == 0 {
		return corrupt(h.format, "it has no frame")
	}
	for i := range a.drawings {
		if !a.drawings[i].rect.In(image.Rect(0, 0, a.width, a.height)) {
			return corrupt(h.format, "a frame lies outside of it")
		}
	}
	if err := limits.backed(a.work, encoded); err != nil {
		return err
	}
	a.sampled = int(min(int64(len(a.drawings)), limits.AnimationFrames))
	h.width, h.height, h.animation = a.width, a.height, a
	return nil
}

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
		img, err := d.decode()
		if err != nil {
			return err
		}
		c.save(d)
		c.paint(d, img)
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

func (c *canvas) save(d *drawing) {
	if d.disposal != disposePrevious {
		return
	}
	c.saved = image.NewRGBA(d.rect.Intersect(c.Rect))
	draw.Draw(c.saved, c.saved.Rect, c.RGBA, c.saved.Rect.Min, draw.Src)
}

func (c *canvas) dispose(d *drawing) {
	switch d.disposal {
	case disposeBackground:
		fill(c.RGBA, d.rect.Intersect(c.Rect))
	case disposePrevious:
		draw.Draw(c.RGBA, c.saved.Rect, c.saved, c.saved.Rect.Min, draw.Src)
	}
}

func (c *canvas) paint(d *drawing, img image.Image) {
	if d.replaces {
		fill(c.RGBA, d.rect.Intersect(c.Rect))
	}
	switch img := img.(type) {
	case *image.Paletted:
		c.paintPaletted(d, img)
	case *image.YCbCr:
		c.paintYCbCr(d, img, nil)
	case *image.NYCbCrA:
		c.paintYCbCr(d, &img.YCbCr, img)
	default:
		draw.Draw(c.RGBA, d.rect, img, img.Bounds().Min, draw.Over)
	}
}

// paintPaletted draws the opaque pixels, and blends the others: draw.Draw knows no short way from a palette
// with a transparent colour, and would ask it for a colour at each pixel.
func (c *canvas) paintPaletted(d *drawing, img *image.Paletted) {
	var palette [256]color.RGBA
	for i, entry := range img.Palette {
		palette[i] = color.RGBAModel.Convert(entry).(color.RGBA)
	}
	c.eachRow(d, func(out []byte, x, y int) {
		row := img.Pix[img.PixOffset(img.Rect.Min.X+x, img.Rect.Min.Y+y):][:len(out)/4]
		for i, index := range row {
			if p := palette[index]; p.A == 0xff {
				out[4*i], out[4*i+1], out[4*i+2] = p.R, p.G, p.B
			} else if p.A != 0 {
				layOver(out[4*i:], p.R, p.G, p.B, p.A)
			}
		}
	})
}

// paintYCbCr draws a lossy picture of a WebP, with its alpha channel if it has one.
func (c *canvas) paintYCbCr(d *drawing, img *image.YCbCr, cover *image.NYCbCrA) {
	c.eachRow(d, func(out []byte, x, y int) {
		for i := range len(out) / 4 {
			x, y, alpha := img.Rect.Min.X+x+i, img.Rect.Min.Y+y, uint8(0xff)
			if cover != nil {
				alpha = cover.A[cover.AOffset(x, y)]
			}
			luma, chroma := img.YOffset(x, y), img.COffset(x, y)
			r, g, b := studioRGB(img.Y[luma], img.Cb[chroma], img.Cr[chroma])
			weighed := func(v uint8) uint8 { return uint8((uint32(v)*uint32(alpha) + 127) / 255) }
			layOver(out[4*i:], weighed(r), weighed(g), weighed(b), alpha)
		}
	})
}

// eachRow gives the canvas's part of each row that the drawing covers, and where in the drawing it begins.
func (c *canvas) eachRow(d *drawing, use func(out []byte, x, y int)) {
	r := d.rect.Intersect(c.Rect)
	for y := r.Min.Y; y < r.Max.Y; y++ {
		use(c.Pix[c.PixOffset(r.Min.X, y):][:4*r.Dx()], r.Min.X-d.rect.Min.X, y-d.rect.Min.Y)
	}
}

// layOver lays a premultiplied colour over an opaque one.
func layOver(under []byte, r, g, b, alpha uint8) {
	through := 255 - uint32(alpha)
	for i, v := range [3]uint8{r, g, b} {
		under[i] = uint8(uint32(v) + (uint32(under[i])*through+127)/255)
	}
}

// fill paints white.
func fill(img *image.RGBA, r image.Rectangle) {
	draw.Draw(img, r, image.White, image.Point{}, draw.Src)
}
