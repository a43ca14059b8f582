package hashindex

import (
	"math"
	"math/rand/v2"
	"reflect"
	"testing"
)

func randomFeatures(rng *rand.Rand, width, height, keypoints int) Features {
	f := Features{Width: width, Height: height, Luma: Luma{width, height, make([]uint8, width*height)}}
	for i := range f.Luma.Pix {
		f.Luma.Pix[i] = uint8(rng.Uint32())
	}
	for range keypoints {
		f.Keypoints = append(f.Keypoints, Keypoint{
			X: uint16(rng.IntN(width * 64)), Y: uint16(rng.IntN(height * 64)),
			Scale: int8(rng.IntN(24)), Angle: uint8(rng.IntN(256)),
			Descriptor: Descriptor{rng.Uint64(), rng.Uint64(), rng.Uint64(), rng.Uint64()},
			Doubts:     [2][8]uint8{{1, 2, 3}, {uint8(rng.IntN(KeyBits))}},
		})
	}
	return f
}

func TestStoredFormIsValidAndItsOwnStoredForm(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, size := range [][2]int{{640, 480}, {1, 640}, {97, 96}, {96, 96}, {3, 2}} {
		f := randomFeatures(rng, size[0], size[1], rng.IntN(2*MaxStoredKeypoints))
		stored := f.Stored()
		if err := stored.validateStored(); err != nil {
			t.Errorf("%v: %v", size, err)
		}
		if again := stored.Stored(); !reflect.DeepEqual(again, stored) {
			t.Errorf("%v: the stored form of the stored form differs", size)
		}
		if f.Sum() != stored.Sum() {
			t.Errorf("%v: sums differ", size)
		}
	}
}

func TestReducedLumaKeepsTheMean(t *testing.T) {
	l := Luma{Width: 500, Height: 200, Pix: make([]uint8, 500*200)}
	for i := range l.Pix {
		l.Pix[i] = uint8(i % 500 / 2)
	}
	small := l.reduced(100)
	if small.Width != 100 || small.Height != 40 {
		t.Fatalf("got %d×%d", small.Width, small.Height)
	}
	for i, v := range small.Pix {
		if want := float64(i%100)*2.5 + 1; float64(v) < want-1 || float64(v) > want+1 {
			t.Fatalf("pixel %d is %d, want about %v", i, v, want)
		}
	}
}

// TestReducedLumaIsTheMeanToTheBit holds the reduction to a plain one: stored bytes are what digests name.
func TestReducedLumaIsTheMeanToTheBit(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for _, size := range [][2]int{{640, 480}, {640, 1}, {97, 96}, {321, 640}, {639, 427}, {256, 255}, {1, 640}} {
		l := Luma{Width: size[0], Height: size[1], Pix: make([]uint8, size[0]*size[1])}
		for i := range l.Pix {
			l.Pix[i] = uint8(rng.Uint32())
		}
		got := l.reduced(MaxStoredLuma)
		rows := make([][]uint8, l.Height)
		for y := range rows {
			rows[y] = plainMeans(l.Pix[y*l.Width:][:l.Width], got.Width)
		}
		for x := range got.Width {
			column := make([]uint8, l.Height)
			for y := range column {
				column[y] = rows[y][x]
			}
			for y, want := range plainMeans(column, got.Height) {
				if v := got.Pix[y*got.Width+x]; v != want {
					t.Fatalf("%v: pixel %d,%d is %d, want %d", size, x, y, v, want)
				}
			}
		}
	}
}

// plainMeans makes n values each the mean of its share of in.
func plainMeans(in []uint8, n int) []uint8 {
	out := make([]uint8, n)
	step := float64(len(in)) / float64(n)
	for i := range out {
		from, to := float64(float64(i)*step), math.Min(float64(float64(i+1)*step), float64(len(in)))
		sum := 0.0
		for j := int(from); j < len(in) && float64(j) < to; j++ {
			share := math.Min(to, float64(j+1)) - math.Max(from, float64(j))
			sum += float64(float64(in[j]) * share)
		}
		out[i] = uint8(float32(sum/(to-from)) + 0.5)
	}
	return out
}

func TestFeaturesThatNoPictureHasAreRefused(t *testing.T) {
	good := randomFeatures(rand.New(rand.NewPCG(3, 4)), 90, 60, 20).Stored()
	for name, spoil := range map[string]func(*Features){
		"no size":        func(f *Features) { f.Width = 0 },
		"large":          func(f *Features) { f.Height = MaxWorkingSide + 1 },
		"outside":        func(f *Features) { f.Keypoints[3].X = 90 * 64 },
		"doubts":         func(f *Features) { f.Keypoints[3].Doubts[1][0] = 1 },
		"many":           func(f *Features) { f.Keypoints = make([]Keypoint, MaxStoredKeypoints+1) },
		"pixels missing": func(f *Features) { f.Luma.Pix = f.Luma.Pix[1:] },
		"no luma":        func(f *Features) { f.Luma = Luma{} },
	} {
		bad := good.Stored()
		spoil(&bad)
		if bad.validateStored() == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestMirroringTwiceChangesNothing(t *testing.T) {
	d := Descriptor{1, 2, 3, 4}
	if d.Mirrored() == d || d.Mirrored().Mirrored() != d {
		t.Errorf("%v mirrored is %v", d, d.Mirrored())
	}
}
