package pdq

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"touchstone/hashindex"
)

// plane is a random picture with structure at every scale.
func plane(width, height int, seed uint64) Luma {
	random := rand.New(rand.NewPCG(seed, 1))
	luma := Luma{Pix: make([]float32, width*height), Width: width, Height: height}
	for range 40 {
		left, top := random.IntN(width), random.IntN(height)
		right, bottom := left+random.IntN(width/2+1), top+random.IntN(height/2+1)
		ink := float32(random.IntN(120) - 40)
		for y := top; y < min(bottom, height); y++ {
			for x := left; x < min(right, width); x++ {
				luma.Pix[y*width+x] = max(0, min(luma.Pix[y*width+x]+ink, 255))
			}
		}
	}
	return luma
}

// transformed applies t to a picture, pixel by pixel: mirrored left to right first, then turned
// clockwise by quarters.
func transformed(luma Luma, t hashindex.Transform) Luma {
	if t.IsMirrored() {
		luma = moved(luma, luma.Width, luma.Height, func(x, y int) (int, int) { return luma.Width - 1 - x, y })
	}
	for range t.Degrees() / 90 {
		from := luma // a clockwise quarter turn: the left column, bottom to top, is the new first row
		luma = moved(from, from.Height, from.Width, func(x, y int) (int, int) { return y, from.Height - 1 - x })
	}
	return luma
}

func moved(from Luma, width, height int, source func(x, y int) (int, int)) Luma {
	to := Luma{Pix: make([]float32, width*height), Width: width, Height: height}
	for y := range height {
		for x := range width {
			sx, sy := source(x, y)
			to.Pix[y*width+x] = from.Pix[sy*from.Width+sx]
		}
	}
	return to
}

func TestDihedralFindsTheReference(t *testing.T) {
	for seed := range uint64(5) {
		reference := plane(320, 240, seed)
		want := Hash(reference).Dihedral[hashindex.Upright]
		for shown := hashindex.Upright; shown < hashindex.TransformCount; shown++ {
			query := Hash(transformed(reference, shown))
			for t2, h := range query.Dihedral {
				d := h.Distance(want)
				if near := d <= 31; near != (hashindex.Transform(t2) == shown) {
					t.Errorf("seed %d shown with transform %d: Dihedral[%d] is %d bits from the reference", seed, shown, t2, d)
				}
			}
		}
	}
}

// filteredPlainly is the reference's way: box filter the whole plane four times, then sample.
func filteredPlainly(luma Luma) (small [side][side]float64) {
	pix := make([]float64, len(luma.Pix))
	for i, v := range luma.Pix {
		pix[i] = float64(v)
	}
	across, down := (luma.Width+127)/128, (luma.Height+127)/128
	for range 2 {
		pix = boxed(pix, luma.Width, luma.Height, across, 1, luma.Width)
		pix = boxed(pix, luma.Height, luma.Width, down, luma.Width, 1)
	}
	for y := range side {
		for x := range side {
			row, column := int((float64(y)+0.5)*float64(luma.Height)/side), int((float64(x)+0.5)*float64(luma.Width)/side)
			small[y][x] = pix[row*luma.Width+column]
		}
	}
	return small
}

// boxed averages along lines: window elements, of which window/2 come after the middle one.
func boxed(pix []float64, length, lines, window, step, stride int) []float64 {
	out := make([]float64, len(pix))
	for line := range lines {
		for i := range length {
			var sum, n float64
			for k := i + window/2 - window + 1; k <= i+window/2; k++ {
				if k >= 0 && k < length {
					sum, n = sum+pix[line*stride+k*step], n+1
				}
			}
			out[line*stride+i*step] = sum / n
		}
	}
	return out
}

func TestOnePassEqualsFourPasses(t *testing.T) {
	for _, size := range [][2]int{{5, 5}, {64, 64}, {63, 200}, {128, 129}, {400, 512}, {512, 512}, {511, 300}, {1000, 70}} {
		luma := plane(size[0], size[1], 9)
		want := filteredPlainly(luma)
		w := new(workspace)
		w.reduce(luma)
		for y := range side {
			for x := range side {
				if d := math.Abs(float64(w.small[y][x]) - want[y][x]); d > 1e-3 {
					t.Fatalf("%v: sample %d,%d is %v, want %v", size, x, y, w.small[y][x], want[y][x])
				}
			}
		}
	}
}

func TestHalfOfTheBitsAreSet(t *testing.T) {
	h := Hash(plane(300, 300, 2)).Dihedral[hashindex.Upright]
	if n := h.Distance(hashindex.Hash256([4]uint64{})); n != 128 {
		t.Errorf("%d bits set, want 128", n)
	}
}

func TestLowerMedianEqualsSorting(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 3))
	for range 200 {
		var values [256]float32
		for i := range values {
			values[i] = float32(random.IntN(100)) // few values: ties matter
		}
		sorted := slices.Clone(values[:])
		slices.Sort(sorted)
		if got := lowerMedian(&values); got != sorted[127] {
			t.Fatalf("got %v, want %v of %v", got, sorted[127], sorted)
		}
	}
}

func TestTinyPictureIsNotHashed(t *testing.T) {
	r := Hash(Luma{Pix: make([]float32, 4*100), Width: 4, Height: 100})
	if want := hashindex.Hash256([4]uint64{}); r.Quality != 0 || r.Dihedral[hashindex.Turned90] != want {
		t.Errorf("got %+v, want quality 0 and no bits", r)
	}
}

func TestHashAllocatesNothing(t *testing.T) {
	luma := plane(512, 512, 4)
	if n := testing.AllocsPerRun(20, func() { Hash(luma) }); n > 0.5 {
		t.Errorf("%v allocations a call, want none", n)
	}
}

func BenchmarkHash(b *testing.B) {
	luma := plane(512, 512, 4)
	b.ReportAllocs()
	for b.Loop() {
		Hash(luma)
	}
}
