package fingerprint

import (
	"context"
	"testing"

	"touchstone/fixtures"
)

// FuzzPicture looks for bytes that panic, that take memory without bound, or that are refused
// without a reason. The limits are small so that every input is quick.
func FuzzPicture(f *testing.F) {
	img := scenery(24, 20, 1)
	f.Add(encodeJPEG(f, img))
	f.Add(exifJPEG(encodeJPEG(f, img), 6))
	f.Add(encodePNG(f, logo(16)))
	f.Add(encodeGIF(f, 3, 12))
	f.Add([]byte(tinyWebP))
	f.Add(pngOfSize(30000, 30000))
	f.Add([]byte("RIFF\x12\x00\x00\x00WEBPANIM\x06\x00\x00\x00......"))
	f.Add([]byte("II*\x00\x08\x00\x00\x00\x01\x00\x00\x01\x03\x00\x01\x00\x00\x00\x10\x00\x00\x00"))
	f.Add([]byte("\x00\x00\x00\x14ftypmif1\x00\x00\x00\x00miaf\x00\x00\x00\x10meta\x00\x00\x00\x00pitm"))
	limits := Limits{ImagePixels: 1 << 18, AnimationPixels: 1 << 20, JPEGScans: 8, AnimationFrames: 4}
	m := NewWith(Options{Limits: limits, TIFF: true, Contained: true})
	f.Fuzz(func(t *testing.T, encoded []byte) {
		picture, err := m.Picture(context.Background(), encoded)
		switch {
		case err != nil && refusalOf(err) == refusalOf(nil):
			t.Errorf("%v is no refusal", err)
		case err == nil && (len(picture.Frames) == 0 || picture.Width <= 0 || picture.Height <= 0):
			t.Errorf("accepted without a frame or a size: %+v", picture)
		}
	})
}

// FuzzHeaders looks at headers alone, of every format: what is let through to a decoder is within the limits.
func FuzzHeaders(f *testing.F) {
	const seed = 64 << 10 // longer ones keep the fuzzer from trying many
	for _, b := range fixtures.Bombs() {
		f.Add(b.Content[:min(len(b.Content), seed)])
	}
	for _, h := range fixtures.Hostile() {
		f.Add(h.Content[:min(len(h.Content), seed)])
	}
	limits := Limits{ImagePixels: 1 << 18, AnimationPixels: 1 << 20, JPEGScans: 8, AnimationFrames: 4, DecodeBytes: 1 << 24}
	m := NewWith(Options{Limits: limits, TIFF: true, Contained: true})
	f.Fuzz(func(t *testing.T, encoded []byte) {
		h, err := m.inspect(encoded)
		switch {
		case err != nil && refusalOf(err) == refusalOf(nil):
			t.Errorf("%v is no refusal", err)
		case err == nil && (h.width <= 0 || h.height <= 0 || h.width*h.height > 1<<18 || h.frames() < 1 || h.frames() > 4):
			t.Errorf("let through: %d×%d in %d frames", h.width, h.height, h.frames())
		}
	})
}
