package fingerprint

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math/rand/v2"
	"testing"
)

// scenery is a photo-like picture: overlapping blots of colour of many sizes on a gradient, with
// grain. Equal sizes and seeds make equal pictures, on every processor: there are only integers.
func scenery(width, height int, seed uint64) *image.NRGBA {
	random := rand.New(rand.NewPCG(seed, 0))
	img := image.NewNRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			grain := random.IntN(12)
			img.SetNRGBA(x, y, color.NRGBA{
				uint8(40 + 120*x/width + grain), uint8(60 + 90*y/height + grain), uint8(90 + grain), 255})
		}
	}
	for range 60 {
		blot(img, random)
	}
	return img
}

// blot paints an ellipse, dense in the middle and thin at the rim.
func blot(img *image.NRGBA, random *rand.Rand) {
	const full = 1 << 10
	size := img.Rect.Size()
	cx, cy := random.IntN(size.X), random.IntN(size.Y)
	rx, ry := 1+random.IntN(size.X/4+1), 1+random.IntN(size.Y/4+1)
	ink := [3]int{random.IntN(256), random.IntN(256), random.IntN(256)}
	for y := max(cy-ry, 0); y < min(cy+ry, size.Y); y++ {
		for x := max(cx-rx, 0); x < min(cx+rx, size.X); x++ {
			dx, dy := (x-cx)*full/rx, (y-cy)*full/ry
			cover := min(full, 4*(full-(dx*dx+dy*dy)/full))
			if cover <= 0 {
				continue
			}
			p := img.Pix[img.PixOffset(x, y):]
			for c := range ink {
				p[c] = uint8(int(p[c]) + (ink[c]-int(p[c]))*cover/full*4/5)
			}
		}
	}
}

func encodeJPEG(tb testing.TB, img image.Image) []byte {
	tb.Helper()
	var encoded bytes.Buffer
	if err := jpeg.Encode(&encoded, img, &jpeg.Options{Quality: 88}); err != nil {
		tb.Fatal(err)
	}
	return encoded.Bytes()
}

func encodePNG(tb testing.TB, img image.Image) []byte {
	tb.Helper()
	var encoded bytes.Buffer
	if err := png.Encode(&encoded, img); err != nil {
		tb.Fatal(err)
	}
	return encoded.Bytes()
}

// logo is a shape on a transparent ground, with a half-transparent rim.
func logo(side int) *image.NRGBA {
	img := image.NewNRGBA(image.Rect(0, 0, side, side))
	for y := range side {
		for x := range side {
			dx, dy := x-side/2, y-side/3
			switch d := dx*dx + 2*dy*dy; {
			case d < side*side/16, x > side/8 && x < side/4 && y > side/2:
				img.SetNRGBA(x, y, color.NRGBA{20, 40, 160, 255})
			case d < side*side/12:
				img.SetNRGBA(x, y, color.NRGBA{200, 20, 20, 128})
			}
		}
	}
	return img
}
