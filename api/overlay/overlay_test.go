package overlay_test

import (
	"image"
	"image/color"
	"math"
	"testing"

	"touchstone/api/overlay"
	"touchstone/hashindex"
)

func filled(w, h int, c color.NRGBA) *image.NRGBA {
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	for i := range w * h {
		img.SetNRGBA(i%w, i/w, c)
	}
	return img
}

var (
	red  = color.NRGBA{200, 0, 0, 255}
	blue = color.NRGBA{0, 0, 200, 255}
)

func TestReferenceIsBlendedWhereItLies(t *testing.T) {
	laid := hashindex.Upright.Alignment()
	laid.Matrix = [9]float64{0.5, 0, 0.5, 0, 0.5, 0.5, 0, 0, 1} // its lower right quarter
	for i, corner := range [4][2]float64{{0, 0}, {1, 0}, {1, 1}, {0, 1}} {
		laid.QueryQuad[i] = laid.Place(corner)
	}
	drawn := overlay.Draw(overlay.Fit(filled(100, 80, red), hashindex.Features{}), overlay.Fit(filled(200, 160, blue), hashindex.Features{}), laid)
	const third = 8 + 100 + 8 + 200 + 8
	for name, each := range map[string]struct {
		x, y int
		want color.NRGBA
	}{
		"the reference":         {8 + 50, 8 + 40, red},
		"the query":             {8 + 100 + 8 + 50, 8 + 40, blue},
		"beside the reference":  {third + 50, 8 + 40, blue},
		"under the reference":   {third + 150, 8 + 120, color.NRGBA{100, 0, 100, 255}},
		"the outline's corner":  {8 + 100 + 8 + 100, 8 + 80, color.NRGBA{0xff, 0x2d, 0x55, 0xff}},
		"the paper between two": {8 + 100 + 4, 8 + 40, color.NRGBA{0xf2, 0xf2, 0xf2, 0xff}},
	} {
		if got := drawn.NRGBAAt(each.x, each.y); got != each.want {
			t.Errorf("%s: %v, want %v", name, got, each.want)
		}
	}
}

func TestLargePicturesAreAveragedDown(t *testing.T) {
	checked := image.NewNRGBA(image.Rect(0, 0, 2*overlay.Side, 10))
	for x := range 2 * overlay.Side {
		for y := range 10 {
			checked.SetNRGBA(x, y, color.NRGBA{uint8(x % 2 * 200), 0, 0, 255})
		}
	}
	small := overlay.Fit(checked, hashindex.Features{})
	drawn := overlay.Draw(small, small, hashindex.Alignment{})
	if w := drawn.Rect.Dx(); w != 3*overlay.Side+4*8 {
		t.Errorf("%d pixels wide", w)
	}
	if got := drawn.NRGBAAt(100, 10); got.R != 100 {
		t.Errorf("a checked picture became %v", got)
	}
}

// TestAnyAlignmentIsDrawn: an outline may lie anywhere, and a matrix may have no inverse.
func TestAnyAlignmentIsDrawn(t *testing.T) {
	a, b := overlay.Fit(filled(30, 20, red), hashindex.Features{}), overlay.Fit(filled(20, 30, blue), hashindex.Features{})
	for _, v := range []float64{0, 1e-300, 1e300, -1e9, math.Inf(1), math.NaN()} {
		laid := hashindex.Alignment{}
		for i := range laid.Matrix {
			laid.Matrix[i] = v
		}
		laid.Matrix[8] = 1
		laid.QueryQuad = [4][2]float64{{v, 0}, {1, v}, {v, v}, {-v, 1}}
		overlay.Draw(a, b, laid)
	}
}
