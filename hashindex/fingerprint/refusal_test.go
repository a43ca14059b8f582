package fingerprint

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"reflect"
	"strings"
	"testing"
	"time"

	"golang.org/x/image/bmp"

	"touchstone/hashindex"
)

// contained is a Maker that takes what moves too.
func contained(l Limits) *Maker { return NewWith(Options{Limits: l, Contained: true}) }

// pngOfSize is a PNG whose header promises a size that no data back.
func pngOfSize(width, height uint32) []byte {
	header := binary.BigEndian.AppendUint32(nil, width)
	header = append(binary.BigEndian.AppendUint32(header, height), 8, 2, 0, 0, 0)
	return []byte(pngSignature + pngChunk("IHDR", header) + pngChunk("IDAT", nil) + pngChunk("IEND", nil))
}

func pngChunk(kind string, data []byte) string {
	body := append([]byte(kind), data...)
	chunk := append(binary.BigEndian.AppendUint32(nil, uint32(len(data))), body...)
	return string(binary.BigEndian.AppendUint32(chunk, crc32.ChecksumIEEE(body)))
}

// jpegWithScans repeats the scan of a JPEG.
func jpegWithScans(t *testing.T, scans int) []byte {
	encoded := encodeJPEG(t, scenery(64, 64, 7))
	at := bytes.Index(encoded, []byte{0xff, markerSOS})
	scan := encoded[at : len(encoded)-2]
	return append(append(encoded[:at:at], bytes.Repeat(scan, scans)...), 0xff, markerEOI)
}

// jpegOfSize changes the size in a JPEG's frame header.
func jpegOfSize(t *testing.T, width, height uint16) []byte {
	encoded := encodeJPEG(t, scenery(64, 64, 7))
	at := bytes.Index(encoded, []byte{0xff, markerSOF0})
	binary.BigEndian.PutUint16(encoded[at+5:], height)
	binary.BigEndian.PutUint16(encoded[at+7:], width)
	return encoded
}

// gifBomb is small and asks for many large frames.
func gifBomb(t *testing.T) []byte {
	img := image.NewPaletted(image.Rect(0, 0, 3000, 3000), color.Palette{color.Black, color.White})
	var g gif.GIF
	for range 50 {
		g.Image, g.Delay = append(g.Image, img), append(g.Delay, 1)
	}
	var encoded bytes.Buffer
	if err := gif.EncodeAll(&encoded, &g); err != nil {
		t.Fatal(err)
	}
	return encoded.Bytes()
}

func encodeBMP(t *testing.T, img image.Image) []byte {
	t.Helper()
	var encoded bytes.Buffer
	if err := bmp.Encode(&encoded, img); err != nil {
		t.Fatal(err)
	}
	return encoded.Bytes()
}

// tinyWebP is a lossless WebP of one pixel.
const tinyWebP = "RIFF\x1a\x00\x00\x00WEBPVP8L\x0d\x00\x00\x00\x2f\x00\x00\x00\x10\x07\x10\x11\x11\x88\x88\xfe\x07\x00"

func TestRefusals(t *testing.T) {
	img := scenery(120, 90, 8)
	half := func(encoded []byte) []byte { return encoded[:len(encoded)/2] }
	for name, c := range map[string]struct {
		encoded []byte
		want    string // the reason, or the name of the limit
	}{
		"no bytes":         {nil, string(hashindex.EmptyImage)},
		"text":             {[]byte("not a picture"), string(hashindex.UnsupportedFormat)},
		"TIFF":             {[]byte("II*\x00\x08\x00\x00\x00"), string(hashindex.UnsupportedFormat)},
		"AVIF":             {[]byte("\x00\x00\x00\x20ftypavif"), string(hashindex.UnsupportedFormat)},
		"HEIC":             {[]byte("\x00\x00\x00\x20ftypheic"), string(hashindex.UnsupportedFormat)},
		"BM and no bitmap": {[]byte("BMW is a brand of cars"), string(hashindex.UnsupportedFormat)},
		"animated WebP":    {[]byte("RIFF\x12\x00\x00\x00WEBPANIM\x06\x00\x00\x00......"), string(hashindex.CorruptImage)},
		"half a JPEG":      {half(encodeJPEG(t, img)), string(hashindex.TruncatedImage)},
		"half a PNG":       {half(encodePNG(t, img)), string(hashindex.TruncatedImage)},
		"half a GIF":       {half(encodeGIF(t, 1, 80)), string(hashindex.TruncatedImage)},
		"half a BMP":       {half(encodeBMP(t, img)), string(hashindex.TruncatedImage)},
		"half a WebP":      {half([]byte(tinyWebP)), string(hashindex.TruncatedImage)},
		"hollow JPEG":      {jpegOfSize(t, 6000, 6000), string(hashindex.TruncatedImage)},
		"JPEG of no lines": {jpegOfSize(t, 64, 0), string(hashindex.CorruptImage)},
		"hollow PNG":       {pngOfSize(100, 100), string(hashindex.CorruptImage)},
		"huge PNG":         {pngOfSize(30000, 30000), "image_pixels"},
		"huge JPEG":        {jpegOfSize(t, 30000, 30000), "image_pixels"},
		"65 scans":         {jpegWithScans(t, 65), "jpeg_scans"},
		"GIF bomb":         {gifBomb(t), "animation_pixels"},
		"21 MiB":           {make([]byte, 21<<20), "image_bytes"},
	} {
		_, err := contained(Limits{}).Picture(context.Background(), c.encoded)
		if got := refusalOf(err); got != c.want {
			t.Errorf("%s: got %q (%v), want %q", name, got, err, c.want)
		}
	}
}

// refusalOf is the reason or the limit that an error names.
func refusalOf(err error) string {
	if decode := new(hashindex.DecodeError); errors.As(err, &decode) {
		return string(decode.Reason)
	}
	if limit := new(hashindex.LimitError); errors.As(err, &limit) {
		return limit.Limit
	}
	return "neither a DecodeError nor a LimitError"
}

func TestJunkAfterThePictureIsIgnored(t *testing.T) {
	img := scenery(120, 90, 8)
	for name, encoded := range map[string][]byte{
		"jpeg": encodeJPEG(t, img), "png": encodePNG(t, img), "gif": encodeGIF(t, 3, 80),
		"bmp": encodeBMP(t, img), "webp": []byte(tinyWebP),
	} {
		want := mustPicture(t, encoded).Frames[0].Fingerprint
		junk := append(bytes.Clone(encoded), strings.Repeat("\xff\xda junk", 100)...)
		if got := mustPicture(t, junk).Frames[0].Fingerprint; !reflect.DeepEqual(got, want) {
			t.Errorf("%s: junk after the picture changed its fingerprint", name)
		}
	}
}

func TestEveryCutIsRefused(t *testing.T) {
	img := scenery(40, 30, 9)
	for name, encoded := range map[string][]byte{
		"jpeg": encodeJPEG(t, img), "png": encodePNG(t, img), "bmp": encodeBMP(t, img), "webp": []byte(tinyWebP),
	} {
		for n := range len(encoded) {
			if _, err := contained(Limits{}).Picture(context.Background(), encoded[:n]); err == nil {
				t.Errorf("%s: the first %d of %d bytes were accepted", name, n, len(encoded))
			} else if refusalOf(err) == string(hashindex.CorruptImage) {
				t.Errorf("%s: the first %d of %d bytes: %v, want truncated", name, n, len(encoded), err)
			}
		}
	}
}

func TestGIFFramesAreComposedAndSampled(t *testing.T) {
	picture := mustPicture(t, encodeGIF(t, 100, 60))
	if len(picture.Frames) != 64 {
		t.Fatalf("%d frames of 100, want 64", len(picture.Frames))
	}
	for i := 1; i < len(picture.Frames); i++ {
		if step := picture.Frames[i].At - picture.Frames[i-1].At; step.Milliseconds() != 40 && step.Milliseconds() != 80 {
			t.Errorf("frame %d comes %v after the one before, want 40 or 80 ms", i, step)
		}
	}
}

// TestGIFDisposal paints a corner and lets each way of disposal undo it or not.
func TestGIFDisposal(t *testing.T) {
	palette := color.Palette{color.RGBA{}, color.Black, color.RGBA{200, 0, 0, 255}}
	ground := image.NewPaletted(image.Rect(0, 0, 8, 8), palette)
	for i := range ground.Pix {
		ground.Pix[i] = 1
	}
	corner := image.NewPaletted(image.Rect(0, 0, 4, 4), palette)
	for i := range corner.Pix {
		corner.Pix[i] = 2
	}
	nothing := image.NewPaletted(image.Rect(0, 0, 8, 8), palette)
	for disposal, want := range map[byte]color.RGBA{
		gif.DisposalNone:       {200, 0, 0, 255},
		gif.DisposalBackground: {255, 255, 255, 255},
		gif.DisposalPrevious:   {0, 0, 0, 255},
	} {
		var encoded bytes.Buffer
		g := gif.GIF{Image: []*image.Paletted{ground, corner, nothing}, Delay: []int{5, 5, 5},
			Disposal: []byte{gif.DisposalNone, disposal, gif.DisposalNone}}
		if err := gif.EncodeAll(&encoded, &g); err != nil {
			t.Fatal(err)
		}
		if got := lastFrame(t, encoded.Bytes()).RGBAAt(1, 1); got != want {
			t.Errorf("disposal %d: corner %v, want %v", disposal, got, want)
		}
	}
}

func lastFrame(t *testing.T, encoded []byte) (last *image.RGBA) {
	t.Helper()
	h, err := contained(Limits{}).inspect(encoded)
	if err != nil {
		t.Fatal(err)
	}
	err = h.eachFrame(context.Background(), encoded, func(img image.Image, _ time.Duration) error {
		last = img.(*image.RGBA)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return last
}

func TestRiskyPicturesAreDecodedWhereItIsContainedAlone(t *testing.T) {
	_, err := New(Limits{}).Picture(t.Context(), encodeGIF(t, 3, 12))
	risky, ok := errors.AsType[*RiskyError](err)
	if !ok || risky.Format != "gif" || risky.Frames != 3 || refusalOf(err) != string(hashindex.UnsupportedFormat) {
		t.Errorf("the error is %#v", err)
	}
}
