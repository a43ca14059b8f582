package fingerprint

import (
	"bytes"
	"image"
	"image/color"
	"image/draw"
	"image/gif"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
)

// averageOf is the working picture by the definition: each pixel the mean of the area it covers.
func averageOf(img *image.NRGBA, width, height int) []float64 {
	out := make([]float64, width*height)
	size := img.Rect.Size()
	for j := range height {
		for i := range width {
			var sum, area float64
			left, right := float64(i*size.X)/float64(width), float64((i+1)*size.X)/float64(width)
			top, bottom := float64(j*size.Y)/float64(height), float64((j+1)*size.Y)/float64(height)
			for y := int(top); y < size.Y && float64(y) < bottom; y++ {
				for x := int(left); x < size.X && float64(x) < right; x++ {
					share := (min(right, float64(x+1)) - max(left, float64(x))) * (min(bottom, float64(y+1)) - max(top, float64(y)))
					c := img.NRGBAAt(x, y)
					v := 0.299*float64(c.R) + 0.587*float64(c.G) + 0.114*float64(c.B)
					sum += share * (v*float64(c.A) + 255*float64(255-c.A)) / 255
					area += share
				}
			}
			out[j*width+i] = sum / area
		}
	}
	return out
}

func TestWorkingPictureAveragesTheArea(t *testing.T) {
	for _, size := range []image.Point{{640, 300}, {1000, 700}, {641, 3}, {1, 1500}, {1281, 640}, {90, 70}} {
		img := scenery(size.X, size.Y, 5)
		got := new(detailer).working(img, header{format: formatPNG, orientation: upright})
		if w, h := workingSize(size.X, size.Y); got.Width != w || got.Height != h {
			t.Fatalf("%v: %d×%d, want %d×%d", size, got.Width, got.Height, w, h)
		}
		for i, want := range averageOf(img, got.Width, got.Height) {
			if math.Abs(float64(got.Pix[i])-want) > 1.6 {
				t.Fatalf("%v: pixel %d is %d, want %.1f", size, i, got.Pix[i], want)
			}
		}
	}
}

func TestWorkingPictureIsTheSameOfEveryImageType(t *testing.T) {
	src := scenery(700, 500, 6)
	want := new(detailer).working(src, header{format: formatPNG, orientation: upright})
	rgba, deep := image.NewRGBA(src.Rect), image.NewNRGBA64(src.Rect)
	ycc := image.NewYCbCr(src.Rect, image.YCbCrSubsampleRatio444)
	grey := image.NewGray(src.Rect)
	draw.Draw(rgba, src.Rect, src, image.Point{}, draw.Src)
	draw.Draw(deep, src.Rect, src, image.Point{}, draw.Src)
	draw.Draw(grey, src.Rect, src, image.Point{}, draw.Src)
	for y := range 500 {
		for x := range 700 {
			c := src.NRGBAAt(x, y)
			o := ycc.YOffset(x, y)
			ycc.Y[o], ycc.Cb[o], ycc.Cr[o] = color.RGBToYCbCr(c.R, c.G, c.B)
		}
	}
	for _, img := range []image.Image{rgba, deep, ycc, grey} {
		got := new(detailer).working(img, header{format: formatPNG, orientation: upright})
		for i, v := range got.Pix {
			if d := int(v) - int(want.Pix[i]); d > 2 || d < -2 {
				t.Fatalf("%T: pixel %d is %d, want %d", img, i, v, want.Pix[i])
			}
		}
	}
}

func TestOrientationLaysTheWorkingPictureOut(t *testing.T) {
	stored := scenery(40, 30, 7)
	for o := orientation(1); o <= 8; o++ {
		got := new(detailer).working(stored, header{format: formatJPEG, orientation: o})
		want := new(detailer).working(o.show(stored), header{format: formatJPEG, orientation: upright})
		if got.Width != want.Width || got.Height != want.Height || !bytes.Equal(got.Pix, want.Pix) {
			t.Errorf("orientation %d differs", o)
		}
	}
}

func TestDetailedIsPictureWithFeatures(t *testing.T) {
	frames := &gif.GIF{}
	for i := range 3 {
		p := image.NewPaletted(image.Rect(0, 0, 120, 90), color.Palette{color.White, color.Black, color.Transparent})
		draw.Draw(p, image.Rect(10+20*i, 10, 60+20*i, 60), image.NewUniform(color.Black), image.Point{}, draw.Src)
		frames.Image, frames.Delay = append(frames.Image, p), append(frames.Delay, 10)
	}
	var encoded bytes.Buffer
	if err := gif.EncodeAll(&encoded, frames); err != nil {
		t.Fatal(err)
	}
	maker := contained(Limits{})
	plain, err := maker.Picture(t.Context(), encoded.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	detailed, err := maker.Detailed(t.Context(), encoded.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	stored, err := maker.Stored(t.Context(), encoded.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range detailed.Frames {
		if !reflect.DeepEqual(stored.Frames[i].Features, f.Features.Stored()) || stored.Frames[i].Hashes != f.Hashes {
			t.Errorf("frame %d: what Stored made is not the stored form", i)
		}
		if !plain.Frames[i].Features.IsZero() {
			t.Error("Picture made features")
		}
		if f.Features.Width != 480 || f.Features.Height != 360 || len(f.Features.Keypoints) == 0 {
			t.Errorf("frame %d: %d×%d with %d corners", i, f.Features.Width, f.Features.Height, len(f.Features.Keypoints))
		}
		if f.Hashes != plain.Frames[i].Hashes {
			t.Errorf("frame %d: hashes differ", i)
		}
	}
	if len(detailed.Frames) == 3 && detailed.Frames[0].Features.Sum() == detailed.Frames[2].Features.Sum() {
		t.Error("two frames share their features")
	}
}

// squeezePlainly divides part by part, with the processor's division.
func squeezePlainly(out []uint8, sums []uint32) {
	for i := range out {
		var sum uint64
		for at := i * len(sums); at < (i+1)*len(sums); {
			x := at / len(out)
			end := min((i+1)*len(sums), (x+1)*len(out))
			sum += uint64(sums[x]) * uint64(end-at)
			at = end
		}
		out[i] = uint8((sum/uint64(len(sums)) + 1<<15) >> 16)
	}
}

func TestSqueezeDividesExactly(t *testing.T) {
	const seed = 37
	random := rand.New(rand.NewPCG(seed, 8))
	for round := range 300 {
		sums := make([]uint32, 2+random.IntN(1<<(2+round%14)))
		for x := range sums {
			sums[x] = random.Uint32N(255<<16 + 1)
			if round%3 == 0 {
				sums[x] = 255 << 16
			}
		}
		got, want := make([]uint8, 1+random.IntN(min(len(sums), 640))), []uint8(nil)
		want = append(want, got...)
		squeeze(got, sums)
		squeezePlainly(want, sums)
		if !bytes.Equal(got, want) {
			t.Fatalf("seed %d, round %d, %d to %d: got %v, want %v", seed, round, len(sums), len(got), got, want)
		}
	}
}

func TestWeighEqualsItsPortableTwin(t *testing.T) {
	const seed = 41
	random := rand.New(rand.NewPCG(seed, 9))
	for round := range 200 {
		n, weight := random.IntN(200), random.Uint32N(1<<16+1)
		got, row := make([]uint32, n), make([]uint8, n)
		for x := range got {
			got[x], row[x] = random.Uint32N(255<<16), uint8(random.Uint32())
		}
		want := slices.Clone(got)
		weigh(got, row, weight)
		weighPortable(want, row, weight)
		if !slices.Equal(got, want) {
			t.Fatalf("seed %d, round %d, %d by %d: got %v, want %v", seed, round, n, weight, got, want)
		}
	}
}

func TestThumbnailsAreEnlarged(t *testing.T) {
	for _, size := range []image.Point{{1, 1}, {1, 90}, {82, 61}, {255, 3}, {256, 100}} {
		small := new(detailer).working(scenery(size.X, size.Y, 5), header{format: formatPNG, orientation: upright})
		got := enlarged(small)
		times := got.Width / small.Width
		if longer := max(got.Width, got.Height); longer < minWorkingSide || times > 1 && longer >= 2*minWorkingSide ||
			got.Width != small.Width*times || got.Height != small.Height*times || len(got.Pix) != got.Width*got.Height {
			t.Fatalf("%v: %d×%d", size, got.Width, got.Height)
		}
		for i, want := range small.Pix { // each pixel is still what its enlargement averages, its neighbours' share apart
			x, y := i%small.Width, i/small.Width
			sum, low, high := 0, 255, 0
			for dy := range times {
				for dx := range times {
					sum += int(got.Pix[(y*times+dy)*got.Width+x*times+dx])
				}
			}
			for j := max(0, y-1); j <= min(y+1, small.Height-1); j++ {
				for k := max(0, x-1); k <= min(x+1, small.Width-1); k++ {
					v := int(small.Pix[j*small.Width+k])
					low, high = min(low, v), max(high, v)
				}
			}
			if mean := sum / (times * times); mean < low-1 || mean > high+1 || low == high && mean != int(want) {
				t.Fatalf("%v: pixel %d,%d is %d and its enlargement %d, beyond its neighbours' %d to %d", size, x, y, want, mean, low, high)
			}
		}
	}
}
