package fingerprint

import (
	"image"
	"image/color"
	"image/draw"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestEveryKindOfPixelIsReadAsItsColours compares what is read from bytes with what the picture
// says its colours are, on part of a picture, at every degree of transparency. Grey is left out: its
// levels are taken as they are, not added up from three thousandths of them.
func TestEveryKindOfPixelIsReadAsItsColours(t *testing.T) {
	const seed = 5
	random := rand.New(rand.NewPCG(seed, 2))
	source := image.NewNRGBA(image.Rect(0, 0, 64, 64))
	for i := range source.Pix {
		source.Pix[i] = uint8(random.UintN(256))
		if i%4 == 3 && random.UintN(3) > 0 {
			source.Pix[i] = 0xff
		}
	}
	palette := color.Palette{color.NRGBA{200, 100, 3, 90}, color.Black, color.White, color.NRGBA{}, color.RGBA{9, 200, 40, 255}}
	columns := []int{0, 3, 4, 17, 31, 2}
	part := image.Rect(7, 9, 50, 60)
	for _, m := range []interface {
		draw.Image
		SubImage(image.Rectangle) image.Image
	}{
		image.NewRGBA(source.Rect), image.NewNRGBA(source.Rect), image.NewPaletted(source.Rect, palette),
		image.NewGray16(source.Rect), image.NewNRGBA64(source.Rect), image.NewCMYK(source.Rect),
	} {
		draw.Draw(m, source.Rect, source, image.Point{}, draw.Src)
		for _, img := range []image.Image{m, m.SubImage(part)} {
			got, want := make([]float32, len(columns)), make([]float32, len(columns))
			for y := range img.Bounds().Dy() {
				lumaReader(img)(got, y, columns)
				colourReader(img)(want, y, columns)
				if !slices.Equal(got, want) {
					t.Fatalf("seed %d, %T %v, row %d: got %v, want %v", seed, img, img.Bounds(), y, got, want)
				}
			}
		}
	}
}
