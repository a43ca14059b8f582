package fingerprint

import (
	"bytes"
	"context"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"testing"

	"github.com/corona10/goimagehash"
	"github.com/gen2brain/jpegn"

	"touchstone/hashindex/fingerprint/pdq"
)

// BenchmarkJPEG measures encoded bytes to fingerprint, with the usual way in Go beside it: the
// standard decoder and one 64-bit hash.
func BenchmarkJPEG(b *testing.B) {
	for _, size := range []image.Point{{400, 533}, {1200, 1200}, {4000, 3000}} {
		encoded := encodeJPEG(b, scenery(size.X, size.Y, 1))
		b.Run(size.String()+"/touchstone", func(b *testing.B) { benchmarkPicture(b, encoded) })
		b.Run(size.String()+"/imagejpeg+phash", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				img, err := jpeg.Decode(bytes.NewReader(encoded))
				if err != nil {
					b.Fatal(err)
				}
				if _, err := goimagehash.PerceptionHash(img); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkPNG(b *testing.B) {
	var encoded bytes.Buffer
	if err := png.Encode(&encoded, scenery(1200, 1200, 1)); err != nil {
		b.Fatal(err)
	}
	benchmarkPicture(b, encoded.Bytes())
}

// BenchmarkGIF measures what drawing a frame costs: large frames, and tiny ones in number.
func BenchmarkGIF(b *testing.B) {
	b.Run("64 frames of 500x500", func(b *testing.B) { benchmarkPicture(b, encodeGIF(b, 64, 500)) })
	b.Run("4096 frames of 1x1", func(b *testing.B) { benchmarkPicture(b, encodeGIF(b, 4096, 1)) })
}

// BenchmarkStages splits a picture's time after decoding.
func BenchmarkStages(b *testing.B) {
	h := header{format: formatJPEG, orientation: upright}
	encoded := encodeJPEG(b, scenery(1200, 1200, 1))
	img, err := jpegn.Decode(bytes.NewReader(encoded))
	if err != nil {
		b.Fatal(err)
	}
	s := new(sampler)
	luma := s.normalise(img, h)
	small := s.shrink(luma)
	for _, stage := range []struct {
		name string
		run  func()
	}{
		{"normalise", func() { s.normalise(img, h) }},
		{"pdq", func() { pdq.Hash(luma) }},
		{"shrink", func() { s.shrink(luma) }},
		{"hash64", func() { s.hasher.hashes(small) }},
		{"hash64 by goimagehash", func() { hashes64(small) }},
	} {
		b.Run(stage.name, func(b *testing.B) { benchmarkCPU(b, stage.run) })
	}
}

// benchmarkCPU reports the processor time of a call beside the clock's.
func benchmarkCPU(b *testing.B, run func()) {
	b.ReportAllocs()
	run() // the buffers that are kept are made by now
	begun := processTime()
	for b.Loop() {
		run()
	}
	b.ReportMetric(float64(processTime()-begun)/float64(b.N), "cpu-ns/op")
}

func benchmarkPicture(b *testing.B, encoded []byte) {
	m := New(Limits{})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := m.Picture(context.Background(), encoded); err != nil {
			b.Fatal(err)
		}
	}
}

func encodeGIF(tb testing.TB, frames, side int) []byte {
	tb.Helper()
	var g gif.GIF
	palette := color.Palette{color.RGBA{}, color.Black, color.White, color.RGBA{200, 30, 30, 255}}
	for i := range frames {
		img := image.NewPaletted(image.Rect(0, 0, side, side), palette)
		for p := range img.Pix {
			img.Pix[p] = uint8((p/7 + p/side*i) % 4)
		}
		g.Image, g.Delay = append(g.Image, img), append(g.Delay, 4)
		g.Disposal = append(g.Disposal, byte(i%4))
	}
	var encoded bytes.Buffer
	if err := gif.EncodeAll(&encoded, &g); err != nil {
		tb.Fatal(err)
	}
	return encoded.Bytes()
}
