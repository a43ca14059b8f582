package corner_test

import (
	"fmt"
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"
	"testing"

	"touchstone/fixtures"
	"touchstone/hashindex"
	"touchstone/hashindex/fingerprint/corner"
)

func lumaOf(seed, side int) hashindex.Luma {
	img := fixtures.Photo(seed)
	w, h := img.Rect.Dx(), img.Rect.Dy()
	l := hashindex.Luma{Width: side, Height: side * h / w}
	for y := range l.Height {
		for x := range l.Width {
			c := img.NRGBAAt(x*w/side, y*w/side)
			l.Pix = append(l.Pix, uint8((299*int(c.R)+587*int(c.G)+114*int(c.B))/1000))
		}
	}
	return l
}

func mirrored(l hashindex.Luma) hashindex.Luma {
	out := hashindex.Luma{Width: l.Width, Height: l.Height, Pix: slices.Clone(l.Pix)}
	for y := range l.Height {
		slices.Reverse(out.Pix[y*l.Width:][:l.Width])
	}
	return out
}

func find(l hashindex.Luma, limit int) []hashindex.Keypoint {
	return new(corner.Finder).Find(l, limit, nil)
}

func TestMirrorImageHasTheMirroredCorners(t *testing.T) {
	l := lumaOf(2, 400)
	plain, mirror := find(l, 1500), find(mirrored(l), 1500)
	at := map[[3]int]hashindex.Keypoint{}
	for _, k := range mirror {
		at[[3]int{400*64 - int(k.X), int(k.Y), int(k.Scale)}] = k
	}
	same := 0
	for _, k := range plain {
		m, ok := at[[3]int{int(k.X), int(k.Y), int(k.Scale)}]
		if ok && m.Angle == 128-k.Angle && m.Descriptor == k.Descriptor.Mirrored() {
			same++
		}
	}
	// Levels are resampled from the left, so that coarse ones are not mirrored to the last bit.
	if fine := len(plain) / 5; same < fine {
		t.Errorf("%d of %d corners have their mirror image, want %d", same, len(plain), fine)
	}
}

func TestCloserCornersAreTheFinestOfTheDoubledPicture(t *testing.T) {
	doubled := lumaOf(2, 700)
	var want []hashindex.Keypoint
	for _, k := range find(doubled, 1<<20) {
		if k.Scale < 8 {
			k.X, k.Y, k.Scale = k.X/2, k.Y/2, k.Scale-8
			want = append(want, k)
		}
	}
	got := new(corner.Finder).FindCloser(doubled, 1<<20, nil)
	if len(got) < 1000 || !slices.Equal(got, want) {
		t.Errorf("%d corners, and %d of the finest levels of the doubled picture", len(got), len(want))
	}
}

func TestSameFinderFindsTheSameAgain(t *testing.T) {
	f := new(corner.Finder)
	l := lumaOf(3, 300)
	first := f.Find(l, 400, nil)
	f.Find(lumaOf(4, 640), 1500, nil)
	f.Find(hashindex.Luma{Width: 3, Height: 3, Pix: make([]uint8, 9)}, 1500, nil)
	if again := f.Find(l, 400, nil); !slices.Equal(first, again) {
		t.Error("other corners after other pictures")
	}
}

func TestOrderIsThatOfAShorterList(t *testing.T) {
	l := lumaOf(5, 500)
	long, short := find(l, 1500), find(l, 300)
	if !slices.Equal(long[:300], short) {
		t.Error("the 300 strongest are not the first of 1,500")
	}
}

func TestAnyBeginningCoversThePicture(t *testing.T) {
	l := lumaOf(6, 600)
	var quarters [4]int
	for _, k := range find(l, 200) {
		quarters[2*(int(k.Y)/64*2/l.Height)+int(k.X)/64*2/l.Width]++
	}
	for i, n := range quarters {
		if n < 10 {
			t.Errorf("quarter %d has %d of 200 corners", i, n)
		}
	}
}

func TestOddPicturesAreBounded(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	noise, checks := make([]uint8, 640*640), make([]uint8, 640*640)
	for i := range noise {
		noise[i] = uint8(rng.Uint32())
		checks[i] = uint8((i%640/4 + i/640/4) % 2 * 255)
	}
	for _, l := range []hashindex.Luma{
		{Width: 1, Height: 1, Pix: make([]uint8, 1)}, {Width: 1, Height: 640, Pix: make([]uint8, 640)},
		{Width: 640, Height: 15, Pix: noise[:640*15]}, {Width: 640, Height: 16, Pix: noise[:640*16]},
		{Width: 640, Height: 640, Pix: make([]uint8, 640*640)},
		{Width: 640, Height: 640, Pix: noise}, {Width: 640, Height: 640, Pix: checks},
	} {
		found := find(l, hashindex.MaxKeypoints)
		if len(found) > hashindex.MaxKeypoints {
			t.Errorf("%d corners", len(found))
		}
		for _, k := range found {
			if int(k.X) >= 64*l.Width || int(k.Y) >= 64*l.Height {
				t.Errorf("%d×%d: a corner at %.1f, %.1f", l.Width, l.Height, float64(k.X)/64, float64(k.Y)/64)
			}
		}
	}
}

func TestDescriptorsOfOneCornerAreNear(t *testing.T) {
	l := lumaOf(7, 500)
	noisy := hashindex.Luma{Width: l.Width, Height: l.Height, Pix: slices.Clone(l.Pix)}
	rng := rand.New(rand.NewPCG(2, 2))
	for i, v := range noisy.Pix {
		noisy.Pix[i] = uint8(max(0, min(255, math.Round(float64(v)+6*rng.NormFloat64()))))
	}
	at := map[[3]int]hashindex.Keypoint{}
	for _, k := range find(noisy, 1500) {
		at[[3]int{int(k.X), int(k.Y), int(k.Scale)}] = k
	}
	var distances []int
	for _, k := range find(l, 500) {
		if n, ok := at[[3]int{int(k.X), int(k.Y), int(k.Scale)}]; ok {
			d := 0
			for i := range k.Descriptor {
				d += bits.OnesCount64(k.Descriptor[i] ^ n.Descriptor[i])
			}
			distances = append(distances, d)
		}
	}
	slices.Sort(distances)
	if len(distances) < 100 || distances[len(distances)/2] > 20 {
		t.Errorf("%d corners found again, median distance %d bits; want 100 and at most 20", len(distances), distances[len(distances)/2])
	}
}

func BenchmarkFind(b *testing.B) {
	for _, side := range []int{320, 640} {
		b.Run(fmt.Sprintf("%dpx", side), func(b *testing.B) { benchmarkFind(b, side, hashindex.MaxKeypoints) })
	}
}

// BenchmarkStored finds as many as a reference keeps.
func BenchmarkStored(b *testing.B) { benchmarkFind(b, 640, hashindex.MaxStoredKeypoints) }

func benchmarkFind(b *testing.B, side, limit int) {
	l := lumaOf(8, side)
	f := new(corner.Finder)
	var found []hashindex.Keypoint
	b.ReportAllocs()
	for b.Loop() {
		found = f.Find(l, limit, found[:0])
	}
}
