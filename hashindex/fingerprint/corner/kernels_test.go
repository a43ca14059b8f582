package corner

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"touchstone/fixtures"
	"touchstone/hashindex"
)

// checkKernels compares what this machine runs with the portable code, over whole pyramids: every
// row's scores and peaks, every pixel of coarser levels, and gradients and moments of some places.
func checkKernels(t *testing.T, name string, luma hashindex.Luma) {
	t.Helper()
	f := new(Finder)
	f.build(luma, 0, maxLevels)
	for i := range f.levels {
		l := &f.levels[i]
		title := fmt.Sprintf("%s, level %d, %d×%d", name, i, l.width, l.height)
		checkRows(t, title, l)
		checkPlaces(t, title, l)
		checkSums(t, title, l)
		if i > 0 {
			checkBlend(t, title, l, &f.levels[i-1])
		}
	}
}

func checkRows(t *testing.T, title string, l *level) {
	t.Helper()
	blocks := (l.width - 2*margin + blockWidth - 1) / blockWidth
	var got, want [3][]uint16
	for k := range got {
		got[k], want[k] = make([]uint16, margin+(blocks+1)*blockWidth), make([]uint16, margin+(blocks+1)*blockWidth)
	}
	gotMasks, wantMasks := make([]uint32, blocks), make([]uint32, blocks)
	for y := margin; y < l.height-margin; y++ {
		k := y % 3
		l.segments(y, got[k][margin:][:blocks*blockWidth])
		l.segmentsPortable(y, want[k][margin:][:blocks*blockWidth])
		if !slices.Equal(got[k], want[k]) {
			t.Fatalf("%s: scores of row %d are %d, want %d", title, y, got[k], want[k])
		}
		marks(gotMasks, got[(k+1)%3], got[(k+2)%3], got[k])
		marksPortable(wantMasks, got[(k+1)%3], got[(k+2)%3], got[k])
		if !slices.Equal(gotMasks, wantMasks) {
			t.Fatalf("%s: peaks above row %d are %b, want %b", title, y, gotMasks, wantMasks)
		}
	}
}

func checkPlaces(t *testing.T, title string, l *level) {
	t.Helper()
	for y := margin; y < l.height-margin; y += 3 {
		for x := margin; x < l.width-margin; x += 5 {
			at := (y+pad)*l.stride + x + pad
			if got, want := l.gradients(at), l.gradientsPortable(at); got != want {
				t.Fatalf("%s: gradients at %d, %d are %d, want %d", title, x, y, got, want)
			}
			mx, my := l.moments(at)
			if x, y := l.momentsPortable(at); mx != x || my != y {
				t.Fatalf("%s: moments at %d are %d, %d, want %d, %d", title, at, mx, my, x, y)
			}
			angle := uint8(97*x + 31*y)
			if got, want := l.samples(x, y, angle), l.samplesPortable(x, y, angle); got != want {
				t.Fatalf("%s: samples at %d, %d turned by %d are %d, want %d", title, x, y, angle, got, want)
			}
		}
	}
}

func checkSums(t *testing.T, title string, l *level) {
	t.Helper()
	width := l.stride + 1
	want := make([]uint32, width)
	for y := range l.height + 2*pad {
		integrateRowPortable(want, l.sums[y*width:][:width], l.pix[y*l.stride:][:l.stride])
		if got := l.sums[(y+1)*width:][:width]; !slices.Equal(got, want) {
			t.Fatalf("%s: sums of padded row %d are %d, want %d", title, y, got, want)
		}
	}
}

// checkBlend makes the level again without kernels.
func checkBlend(t *testing.T, title string, l, from *level) {
	t.Helper()
	var again level
	again.resize(l.width, l.height)
	var c columns
	c.fill(l.width, from.width)
	for y := range l.height {
		top, part := between(y, l.height, from.height)
		again.blendPortable(y, from, top, &c, part)
		if !slices.Equal(l.row(y), again.row(y)) {
			t.Fatalf("%s: row %d is %d, want %d", title, y, l.row(y), again.row(y))
		}
	}
}

func TestKernelsEqualPortableForEveryWidth(t *testing.T) {
	rng := rand.New(rand.NewPCG(21, 22))
	for width := minSide; width <= 150; width++ {
		checkKernels(t, "noise", drawn(width, minSide+rng.IntN(12), func(int, int) uint8 { return uint8(rng.Uint32()) }))
	}
	for _, width := range []int{hashindex.MaxWorkingSide - 1, hashindex.MaxWorkingSide} {
		checkKernels(t, "noise", drawn(width, minSide, func(int, int) uint8 { return uint8(rng.Uint32()) }))
	}
}

func TestKernelsEqualPortableAtExtremes(t *testing.T) {
	rng := rand.New(rand.NewPCG(23, 24))
	for name, pixel := range map[string]func(x, y int) uint8{
		"black":     func(int, int) uint8 { return 0 },
		"white":     func(int, int) uint8 { return 255 },
		"grey":      func(int, int) uint8 { return 128 },
		"two":       func(int, int) uint8 { return uint8(255 * rng.IntN(2)) },
		"dots":      func(x, y int) uint8 { return uint8(255 * (1 - min(1, x%7+y%7))) },
		"holes":     func(x, y int) uint8 { return uint8(255 * min(1, x%7+y%7)) },
		"squares":   func(x, y int) uint8 { return uint8((x/9 + y/9) % 2 * 255) },
		"threshold": func(int, int) uint8 { return uint8(100 + threshold*rng.IntN(3) + rng.IntN(2)) },
		"dark":      func(x, y int) uint8 { return uint8((x/8 + y/8) % 2 * (threshold + rng.IntN(2))) },
		"bright":    func(x, y int) uint8 { return uint8(255 - (x/8+y/8)%2*(threshold+rng.IntN(2))) },
	} {
		checkKernels(t, name, drawn(107, 90, pixel))
	}
}

func TestKernelsEqualPortableOnPictures(t *testing.T) {
	for seed := range 4 {
		checkKernels(t, "photo", sampled(fixtures.Photo(seed), 400))
		checkKernels(t, "product", sampled(fixtures.Product(seed), 333))
	}
}

// TestEveryRunOfTheCircleCounts draws circles of which any places are brighter or darker.
func TestEveryRunOfTheCircleCounts(t *testing.T) {
	const side = 16
	luma := drawn(side, side, func(int, int) uint8 { return 100 })
	scores, want := make([]uint16, blockWidth), make([]uint16, blockWidth)
	for bits := range 1 << 16 {
		for k, c := range circle {
			luma.Pix[(8+c[1])*side+8+c[0]] = uint8(100 + (bits>>k&1)*(threshold+1+k) - (^bits>>k&1)*(threshold+k%2))
		}
		var l level
		l.resize(side, side)
		l.copyFrom(luma)
		l.fillPad()
		l.segments(8, scores)
		l.segmentsPortable(8, want)
		if !slices.Equal(scores, want) {
			t.Fatalf("circle %016b: scores %d, want %d", bits, scores, want)
		}
		if passes := nineInARow(uint32(bits)); passes && scores[8-margin] == 0 {
			t.Fatalf("circle %016b has nine brighter ones in a row and does not pass", bits)
		}
	}
}

func TestProjectionsEqualPortable(t *testing.T) {
	rng := rand.New(rand.NewPCG(25, 26))
	for range 1000 {
		var values [pointCount]float32
		for i := range values {
			values[i] = float32(rng.IntN(255 * 11025))
		}
		var got, want lanes
		for i := range hashindex.KeyBits {
			got[i] = rng.Float32() - 0.5
		}
		want = got
		project(&got, &values)
		projectPortable(&want, &values)
		if got != want {
			t.Fatalf("%v: got %v, want %v", values, got, want)
		}
	}
}

// TestComparisonsEqualPortable has samples of which many are equal.
func TestComparisonsEqualPortable(t *testing.T) {
	rng := rand.New(rand.NewPCG(27, 28))
	for range 1000 {
		var samples [pointCount]int32
		for i := range samples {
			samples[i] = int32(rng.IntN(4)) * (255 * 11025 / 3)
		}
		var got, want hashindex.Descriptor
		compare(&samples, &got)
		comparePortable(&samples, &want)
		if got != want {
			t.Fatalf("%v: got %x, want %x", samples, got, want)
		}
	}
}

func drawn(width, height int, pixel func(x, y int) uint8) hashindex.Luma {
	l := hashindex.Luma{Width: width, Height: height}
	for y := range height {
		for x := range width {
			l.Pix = append(l.Pix, pixel(x, y))
		}
	}
	return l
}
