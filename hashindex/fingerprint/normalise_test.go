package fingerprint

import (
	"context"
	"image"
	"image/color"
	"image/draw"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"

	"golang.org/x/image/webp"

	"touchstone/hashindex"
)

func mustPicture(tb testing.TB, encoded []byte) hashindex.Picture {
	tb.Helper()
	picture, err := contained(Limits{}).Picture(context.Background(), encoded)
	if err != nil {
		tb.Fatal(err)
	}
	return picture
}

func TestTransparencyIsWhite(t *testing.T) {
	clear := logo(300)
	onWhite := image.NewNRGBA(clear.Rect)
	draw.Draw(onWhite, clear.Rect, image.White, image.Point{}, draw.Src)
	draw.Draw(onWhite, clear.Rect, clear, image.Point{}, draw.Over)
	got, want := mustPicture(t, encodePNG(t, clear)), mustPicture(t, encodePNG(t, onWhite))
	for _, a := range hashindex.Algorithms() {
		if d := got.Frames[0].Hashes[a].Distance(want.Frames[0].Hashes[a]); d > 2 {
			t.Errorf("%s: transparent and white ground differ by %d bits", a, d)
		}
	}
}

func TestFormatsOfOnePictureAgree(t *testing.T) {
	img := scenery(640, 480, 3)
	a, b := mustPicture(t, encodePNG(t, img)), mustPicture(t, encodeJPEG(t, img))
	if a.Format != "png" || b.Format != "jpeg" || a.Width != 640 || b.Height != 480 {
		t.Errorf("got %s %d×%d and %s %d×%d", a.Format, a.Width, a.Height, b.Format, b.Width, b.Height)
	}
	if d := a.Frames[0].Hashes[hashindex.PDQ].Distance(b.Frames[0].Hashes[hashindex.PDQ]); d > 10 {
		t.Errorf("PNG and JPEG of one picture differ by %d bits of PDQ", d)
	}
}

func TestOriginDoesNotMatter(t *testing.T) {
	whole := scenery(500, 400, 4)
	part := whole.SubImage(image.Rect(100, 50, 164, 114))
	copied := image.NewNRGBA(image.Rect(0, 0, 64, 64))
	draw.Draw(copied, copied.Rect, part, part.Bounds().Min, draw.Src)
	h := header{format: formatPNG, orientation: upright}
	got, want := new(sampler).fingerprint(part, h), new(sampler).fingerprint(copied, h)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestFlatPictureHasNoQuality(t *testing.T) {
	for _, c := range []color.Color{color.White, color.Black, color.NRGBA{}, color.NRGBA{200, 100, 3, 255}} {
		img := image.NewNRGBA(image.Rect(0, 0, 100, 80))
		draw.Draw(img, img.Rect, image.NewUniform(c), image.Point{}, draw.Src)
		if q := mustPicture(t, encodePNG(t, img)).Frames[0].Quality; q != 0 {
			t.Errorf("%v: quality %d, want 0", c, q)
		}
	}
}

// exifJPEG puts an orientation into a JPEG.
func exifJPEG(encoded []byte, o orientation) []byte {
	exif := "\xff\xe1\x00\x22Exif\x00\x00II*\x00\x08\x00\x00\x00\x01\x00" +
		"\x12\x01\x03\x00\x01\x00\x00\x00" + string(rune(o)) + "\x00\x00\x00\x00\x00\x00\x00"
	return append([]byte("\xff\xd8"+exif), encoded[2:]...)
}

// stored is how a camera with this orientation stores a picture: undone, by looking each pixel up.
func stored(img *image.NRGBA, o orientation) *image.NRGBA {
	w, h := img.Rect.Dx(), img.Rect.Dy()
	shownAt := map[orientation]func(x, y int) (int, int){ // from EXIF 2.3, figure "orientation"
		1: func(x, y int) (int, int) { return x, y },
		2: func(x, y int) (int, int) { return w - 1 - x, y },
		3: func(x, y int) (int, int) { return w - 1 - x, h - 1 - y },
		4: func(x, y int) (int, int) { return x, h - 1 - y },
		5: func(x, y int) (int, int) { return y, x },
		6: func(x, y int) (int, int) { return w - 1 - y, x },
		7: func(x, y int) (int, int) { return w - 1 - y, h - 1 - x },
		8: func(x, y int) (int, int) { return y, h - 1 - x },
	}[o]
	storedWidth, storedHeight := o.size(w, h)
	out := image.NewNRGBA(image.Rect(0, 0, storedWidth, storedHeight))
	for y := range storedHeight {
		for x := range storedWidth {
			out.Set(x, y, img.At(shownAt(x, y)))
		}
	}
	return out
}

func TestOrientationIsApplied(t *testing.T) {
	img := scenery(700, 480, 5)
	want := mustPicture(t, encodeJPEG(t, img)).Frames[0].Hashes[hashindex.PDQ]
	for o := upright; o <= 8; o++ {
		got := mustPicture(t, exifJPEG(encodeJPEG(t, stored(img, o)), o))
		if got.Width != 700 || got.Height != 480 {
			t.Errorf("orientation %d: %d×%d, want 700×480", o, got.Width, got.Height)
		}
		if d := got.Frames[0].Hashes[hashindex.PDQ].Distance(want); d > 6 {
			t.Errorf("orientation %d: %d bits from the upright picture", o, d)
		}
	}
}

func TestRealOrientationsAgree(t *testing.T) {
	dir := filepath.Join(dataDir(t), "malformed", "exif-orientation")
	m := contained(Limits{})
	for _, shape := range []string{"Landscape", "Portrait"} {
		want := fingerprintOf(t, m, filepath.Join(dir, shape+"_1.jpg"))
		for o := 2; o <= 8; o++ {
			path := filepath.Join(dir, shape+"_"+string(rune('0'+o))+".jpg")
			got := fingerprintOf(t, m, path)
			if d := got.Hashes[hashindex.PDQ].Distance(want.Hashes[hashindex.PDQ]); d > hashindexNear {
				t.Errorf("%s: %d bits from orientation 1", path, d)
			}
		}
	}
}

// hashindexNear is the radius at which pictures count as the same by default.
const hashindexNear = 31

// TestLossyWebPIsBright guards the brightness range: read as JPEG, white would be 235 and black 16.
func TestLossyWebPIsBright(t *testing.T) {
	dir := filepath.Join(dataDir(t), "malformed", "go-image-testdata")
	for lossy, exact := range map[string]string{
		"testdata_blue-purple-pink-large.normal-filter.lossy.webp": "testdata_blue-purple-pink-large.lossless.webp",
		"testdata_yellow_rose.lossy-with-alpha.webp":               "testdata_yellow_rose.lossless.webp",
	} {
		s, other := new(sampler), new(sampler)
		got := s.normalise(decodeWebP(t, filepath.Join(dir, lossy)), header{format: formatWebP, orientation: upright})
		want := other.normalise(decodeWebP(t, filepath.Join(dir, exact)), header{format: formatWebP, orientation: upright})
		var off float64
		for i := range got.Pix {
			off += float64(got.Pix[i] - want.Pix[i])
		}
		if mean := off / float64(len(got.Pix)); mean < -1 || mean > 1 {
			t.Errorf("%s: %.2f levels brighter on average than %s", lossy, mean, exact)
		}
	}
}

func decodeWebP(t *testing.T, path string) image.Image {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	img, err := webp.Decode(f)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return img
}

func TestManyGoroutinesGetOneAnswer(t *testing.T) {
	m := contained(Limits{})
	pictures := [][]byte{encodeJPEG(t, scenery(600, 400, 6)), encodePNG(t, logo(90)), encodeGIF(t, 5, 40)}
	var want []hashindex.Picture
	for _, encoded := range pictures {
		want = append(want, mustPicture(t, encoded))
	}
	var group sync.WaitGroup
	for i := range 24 {
		group.Go(func() {
			got, err := m.Picture(context.Background(), pictures[i%3])
			if err != nil {
				t.Error(err)
			} else if !reflect.DeepEqual(got.Frames[0], want[i%3].Frames[0]) {
				t.Errorf("goroutine %d: got %+v, want %+v", i, got.Frames[0], want[i%3].Frames[0])
			}
		})
	}
	group.Wait()
}

func TestEndedContextStopsTheWork(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := contained(Limits{}).Picture(ctx, encodePNG(t, logo(50)))
	if err == nil || !strings.Contains(err.Error(), "canceled") {
		t.Errorf("got %v, want the context's error", err)
	}
}
