package fingerprint

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/corona10/goimagehash"
	"github.com/gen2brain/jpegn"

	"touchstone/fixtures"
	"touchstone/hashindex/fingerprint/pdq"
)

// BenchmarkJPEG measures encoded bytes to fingerprint, in processor time, with the usual way in Go in
// turns with it: the standard decoder and one 64-bit hash. times-faster is the ratio of the two. The
// pictures are cut from a painting of the real data, or else from a generated photo, and encoded at
// quality 85 with halved chroma.
func BenchmarkJPEG(b *testing.B) {
	source, kind := benchmarkSource(b)
	for _, size := range []image.Point{{400, 533}, {1200, 1200}, {4000, 3000}} {
		img := mirrored(source, size)
		for _, mode := range []string{"baseline", "progressive"} {
			var encoded bytes.Buffer
			options := jpegn.EncodeOptions{Quality: 85, Subsampling: jpegn.Subsample420, Progressive: mode == "progressive"}
			if err := jpegn.Encode(&encoded, img, &options); err != nil {
				b.Fatal(err)
			}
			b.Run(fmt.Sprintf("%s/%dx%d/%s", kind, size.X, size.Y, mode), func(b *testing.B) {
				benchmarkInTurns(b, fingerprinting(b, encoded.Bytes()), usualWay(b, encoded.Bytes()))
				b.ReportMetric(float64(8*encoded.Len())/float64(size.X*size.Y), "bits/pixel")
			})
		}
	}
}

func benchmarkSource(b *testing.B) (source image.Image, kind string) {
	encoded, err := os.ReadFile(filepath.Join(dataDirOrNone(), "works", "book-covers", "h-g-wells_the-time-machine__painting.jpg"))
	if err != nil {
		return fixtures.Photo(3), "generated"
	}
	if source, err = jpegn.Decode(bytes.NewReader(encoded), &jpegn.Options{ToRGBA: true}); err != nil {
		b.Fatal(err)
	}
	return source, "real"
}

// mirrored cuts a picture of this size out of the middle of another, and repeats that mirrored where it
// is too small: scaled up it would be easier to decode than photos are.
func mirrored(source image.Image, size image.Point) image.Image {
	out := image.NewRGBA(image.Rectangle{Max: size})
	have := source.Bounds().Size()
	fold := func(at, wanted, length int) int {
		at += max(0, (length-wanted)/2)
		if at %= 2 * length; at >= length {
			at = 2*length - 1 - at
		}
		return at
	}
	for y := range size.Y {
		for x := range size.X {
			out.Set(x, y, source.At(fold(x, size.X, have.X), fold(y, size.Y, have.Y)))
		}
	}
	return out
}

func fingerprinting(b *testing.B, encoded []byte) func() {
	m := New(Limits{})
	return func() {
		if _, err := m.Picture(context.Background(), encoded); err != nil {
			b.Fatal(err)
		}
	}
}

func usualWay(b *testing.B, encoded []byte) func() {
	return func() {
		img, err := jpeg.Decode(bytes.NewReader(encoded))
		if err != nil {
			b.Fatal(err)
		}
		if _, err := goimagehash.PerceptionHash(img); err != nil {
			b.Fatal(err)
		}
	}
}

// benchmarkInTurns runs ours and theirs a few times each, one after the other, so that what disturbs one
// disturbs both. A few times, as what theirs leaves to the garbage collector makes it drop the buffers
// that ours keeps: one by one, ours would pay for that at each picture.
func benchmarkInTurns(b *testing.B, ours, theirs func()) {
	const turn = 5
	var spent [2]time.Duration
	for b.Loop() {
		for i, run := range []func(){ours, theirs} {
			begun := processTime()
			for range turn {
				run()
			}
			spent[i] += processTime() - begun
		}
	}
	milliseconds := func(d time.Duration) float64 { return d.Seconds() * 1e3 / float64(turn*b.N) }
	b.ReportMetric(0, "ns/op") // that of both together says nothing
	b.ReportMetric(milliseconds(spent[0]), "cpu-ms/op")
	b.ReportMetric(milliseconds(spent[1]), "usual-cpu-ms/op")
	b.ReportMetric(spent[1].Seconds()/spent[0].Seconds(), "times-faster")
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
