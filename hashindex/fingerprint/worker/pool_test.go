package worker_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"os"
	"os/exec"
	"reflect"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/image/tiff"

	"touchstone/fixtures"
	"touchstone/hashindex"
	"touchstone/hashindex/fingerprint"
	"touchstone/hashindex/fingerprint/worker"
	"touchstone/hashindex/sandbox"
)

func TestMain(m *testing.M) {
	sandbox.Enter()
	if len(os.Args) == 3 && os.Args[1] == worker.Verb {
		if err := worker.Serve(os.Args[2], os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

// patient is a pool whose limits of time a slow machine does not reach.
func patient() worker.Options {
	return worker.Options{Maker: fingerprint.Options{TIFF: true}, Size: 1, Time: 2 * time.Minute, Warm: 5 * time.Minute, Wait: 2 * time.Minute}
}

func open(t *testing.T, o worker.Options) *worker.Pool {
	t.Helper()
	if racing {
		t.Skip("compiling the decoders takes too long under the race detector")
	}
	p := worker.New(o)
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// moving is a GIF of so many frames, each its own picture.
func moving(frames int) []byte {
	var g gif.GIF
	for n := range frames {
		img := image.NewPaletted(image.Rect(0, 0, 96, 96), color.Palette{color.Black, color.White, color.Gray{80}, color.Gray{160}})
		for i := range img.Pix {
			img.Pix[i] = uint8((i%96/(5+n) + i/96/(7+n)) % 4)
		}
		g.Image, g.Delay = append(g.Image, img), append(g.Delay, 20)
	}
	var encoded bytes.Buffer
	if err := gif.EncodeAll(&encoded, &g); err != nil {
		panic(err)
	}
	return encoded.Bytes()
}

// asHEIC has ffmpeg code the picture: there is no encoder of HEVC in Go. Without one the test is skipped.
func asHEIC(t *testing.T, img image.Image, quarters int) []byte {
	t.Helper()
	cmd := exec.Command("ffmpeg", "-v", "error", "-i", "pipe:0", "-pix_fmt", "yuv420p", "-c:v", "libx265", "-x265-params", "log-level=none", "-f", "hevc", "pipe:1")
	cmd.Stdin = bytes.NewReader(fixtures.EncodePNG(img))
	stream, err := cmd.Output()
	if err != nil {
		t.Skip("no ffmpeg that encodes HEVC: ", err)
	}
	return fixtures.HEIC(stream, img.Bounds().Dx(), img.Bounds().Dy(), quarters)
}

func asTIFF(img image.Image) []byte {
	var encoded bytes.Buffer
	if err := tiff.Encode(&encoded, img, nil); err != nil {
		panic(err)
	}
	return encoded.Bytes()
}

// TestRiskyPicturesAreDecodedInAChild holds what comes back from a child to what a contained maker makes in
// this process.
func TestRiskyPicturesAreDecodedInAChild(t *testing.T) {
	p := open(t, patient())
	product := fixtures.Product(3)
	negative := &image.NRGBA{Pix: bytes.Clone(product.Pix), Stride: product.Stride, Rect: product.Rect}
	for i := range negative.Pix {
		if i%4 != 3 {
			negative.Pix[i] ^= 0xff
		}
	}
	contained := fingerprint.NewWith(fingerprint.Options{TIFF: true, Contained: true})
	for name, encoded := range map[string][]byte{
		"gif": moving(5), "tiff": asTIFF(product), "avif": fixtures.EncodeAVIF(product), "heic": asHEIC(t, product, 0),
		"png": fixtures.EncodeAPNG(product, negative), "webp": fixtures.EncodeAnimatedWebP(product, negative),
	} {
		got, err := p.Detailed(t.Context(), encoded)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		want, err := contained.Detailed(t.Context(), encoded)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got.Format != name || got.Width != want.Width || got.Height != want.Height || got.Content != want.Content || len(got.Frames) != len(want.Frames) {
			t.Errorf("%s: got %s %d×%d with %d frames, want %d×%d with %d", name, got.Format, got.Width, got.Height, len(got.Frames), want.Width, want.Height, len(want.Frames))
			continue
		}
		for i, frame := range got.Frames {
			same(t, fmt.Sprint(name, " frame ", i), frame, want.Frames[i])
		}
		stored, err := p.Stored(t.Context(), encoded)
		if err != nil || !reflect.DeepEqual(stored.Frames[0].Features, got.Frames[0].Features.Stored()) {
			t.Errorf("%s: what Stored made is not the stored form: %v", name, err)
		}
	}
}

// TestEveryFormatShowsTheSamePicture holds each format to the picture that was encoded, as PDQ sees it.
func TestEveryFormatShowsTheSamePicture(t *testing.T) {
	if racing {
		t.Skip("compiling the decoders takes too long under the race detector")
	}
	contained := fingerprint.NewWith(fingerprint.Options{TIFF: true, Contained: true})
	product := fixtures.Product(3)
	pdq := func(encoded []byte) hashindex.Fingerprint {
		t.Helper()
		picture, err := contained.Picture(t.Context(), encoded)
		if err != nil {
			t.Fatal(err)
		}
		return picture.Frames[0].Fingerprint
	}
	want := pdq(fixtures.EncodePNG(product))
	for name, encoded := range map[string][]byte{
		"tiff": asTIFF(product), "avif": fixtures.EncodeAVIF(product), "heic": asHEIC(t, product, 0),
		"apng": fixtures.EncodeAPNG(product, product), "webp": fixtures.EncodeAnimatedWebP(product, product),
	} {
		if got := pdq(encoded); got.Hashes[hashindex.PDQ].Distance(want.Hashes[hashindex.PDQ]) > 10 {
			t.Errorf("%s: %d bits from the PNG", name, got.Hashes[hashindex.PDQ].Distance(want.Hashes[hashindex.PDQ]))
		}
	}
	turns := []hashindex.Transform{hashindex.Upright, hashindex.Turned90, hashindex.Turned180, hashindex.Turned270} // that undo it
	for quarters, turn := range turns {
		got := pdq(asHEIC(t, product, quarters)).Hashes[hashindex.PDQ]
		if d := got.Distance(want.Dihedral[turn]); d > 40 {
			t.Errorf("HEIC turned by %d quarters: %d bits from the PNG turned so", quarters, d)
		}
	}
}

func same(t *testing.T, name string, got, want hashindex.Frame) {
	t.Helper()
	if got.At != want.At || got.Quality != want.Quality || got.Hashes != want.Hashes || got.Dihedral != want.Dihedral || got.Recipe != want.Recipe {
		t.Errorf("%s: got %v %v, want %v %v", name, got.At, got.Hashes, want.At, want.Hashes)
	}
	if got.Features.Sum() != want.Features.Sum() || !bytes.Equal(got.Features.Luma.Pix, want.Features.Luma.Pix) {
		t.Errorf("%s: other features", name)
	}
	if !got.Features.IsZero() && got.Features.Closer().Sum() != want.Features.Closer().Sum() {
		t.Errorf("%s: another closer look", name)
	}
}

func TestAStillOfARiskyPictureIsShown(t *testing.T) {
	p := open(t, patient())
	still, err := p.Still(t.Context(), asTIFF(image.NewGray(image.Rect(0, 0, 3000, 1000))))
	if err != nil || still.Rect != image.Rect(0, 0, 2048, 682) {
		t.Errorf("the still is %v: %v", still.Rect, err)
	}
	if c := still.NRGBAAt(100, 100); c != (color.NRGBA{0, 0, 0, 255}) {
		t.Errorf("black became %v", c)
	}
}

func TestRefusalsOfAChildComeBackAsTheyAre(t *testing.T) {
	p := open(t, patient())
	broken := moving(3)
	for i := len(broken) - 200; i < len(broken)-100; i++ {
		broken[i] ^= 0x55
	}
	var refused *hashindex.DecodeError
	if _, err := p.Picture(t.Context(), broken); !errors.As(err, &refused) || refused.Reason == hashindex.UndecodableImage {
		t.Errorf("the error is %v", err)
	}
}

// TestAChildThatDiesIsOneRefusal gives a child so little memory that a large picture is more than it has.
func TestAChildThatDiesIsOneRefusal(t *testing.T) {
	o := patient()
	o.Memory = 192 << 20
	o.Maker.Limits.DecodeRatio = 1 << 20 // or it were refused for being all black
	p := open(t, o)
	confinement, err := p.Warm(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !confinement.Has(sandbox.Rlimits) {
		t.Skip("memory is not limited here: ", confinement)
	}
	var refused *hashindex.DecodeError
	if _, err := p.Picture(t.Context(), compressed(4000, 4000)); !errors.As(err, &refused) || refused.Reason != hashindex.UndecodableImage {
		t.Errorf("the error is %v", err)
	}
	if _, err := p.Picture(t.Context(), moving(2)); err != nil {
		t.Errorf("the next picture: %v", err)
	}
	if s := p.Stats(); s.Starts < 2 || s.Deaths[worker.DeadOfDecode] == 0 || s.Deaths[worker.DeadOfTime] != 0 || s.Pictures != 2 || s.InFlight != 0 || s.Took <= 0 {
		t.Errorf("got %+v of a death and a picture after it", s)
	}
}

// compressed is a TIFF of 16 bits a sample, all black, in little.
func compressed(width, height int) []byte {
	var encoded bytes.Buffer
	if err := tiff.Encode(&encoded, image.NewNRGBA64(image.Rect(0, 0, width, height)), &tiff.Options{Compression: tiff.Deflate}); err != nil {
		panic(err)
	}
	return encoded.Bytes()
}

func TestAPictureThatTakesTooLongIsRefused(t *testing.T) {
	o := patient()
	o.Time = time.Nanosecond
	p := open(t, o)
	var refused *hashindex.DecodeError
	if _, err := p.Picture(t.Context(), moving(2)); !errors.As(err, &refused) || refused.Reason != hashindex.UndecodableImage {
		t.Errorf("the error is %v", err)
	}
}

func TestACallerThatGoesAwayLeavesTheChildInPlace(t *testing.T) {
	p := open(t, patient())
	if _, err := p.Warm(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan error, 1)
	go func() {
		_, err := p.Picture(ctx, moving(60))
		gone <- err
	}()
	cancel()
	if err := <-gone; err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v", err)
	}
	if _, err := p.Picture(t.Context(), moving(2)); err != nil {
		t.Errorf("the next picture: %v", err)
	}
}

func TestAPoolThatIsBusySaysSo(t *testing.T) {
	o := patient()
	o.Wait = time.Nanosecond
	p := open(t, o)
	results := make(chan error, 8)
	for range cap(results) {
		go func() {
			_, err := p.Picture(t.Context(), moving(30))
			results <- err
		}()
	}
	busy := 0
	for range cap(results) {
		if err := <-results; errors.Is(err, hashindex.ErrBusy) {
			busy++
		} else if err != nil {
			t.Error(err)
		}
	}
	if busy == 0 {
		t.Error("eight pictures at once for one child, and nobody is told to wait")
	}
}

func TestAClosedPoolTakesNothing(t *testing.T) {
	p := open(t, patient())
	p.Close()
	if _, err := p.Picture(t.Context(), moving(2)); !errors.Is(err, hashindex.ErrClosed) {
		t.Errorf("the error is %v", err)
	}
}
