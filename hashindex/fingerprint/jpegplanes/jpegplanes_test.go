package jpegplanes

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gen2brain/jpegn"

	"touchstone/fixtures"
)

// agree holds a picture to what jpegn makes of it, sample by sample. It reports whether it was decoded.
func agree(t *testing.T, encoded []byte, what string) bool {
	t.Helper()
	err := Decode(encoded, func(got image.Image) error {
		want, err := jpegn.Decode(bytes.NewReader(encoded))
		if err != nil {
			t.Errorf("%s: decoded here, but jpegn: %v", what, err)
			return nil
		}
		if problem := difference(got, want); problem != "" {
			t.Errorf("%s: %s", what, problem)
		}
		return nil
	})
	if err != nil && !errors.Is(err, ErrUnsupported) {
		t.Errorf("%s: %v", what, err)
	}
	return err == nil
}

func difference(got, want image.Image) string {
	if got.Bounds() != want.Bounds() || fmt.Sprintf("%T", got) != fmt.Sprintf("%T", want) {
		return fmt.Sprintf("a %T of %v, want a %T of %v", got, got.Bounds(), want, want.Bounds())
	}
	size := got.Bounds().Size()
	if a, ok := got.(*image.Gray); ok {
		return planeDifference("grey", a.Pix, want.(*image.Gray).Pix, a.Stride, want.(*image.Gray).Stride, size)
	}
	a, b := got.(*image.YCbCr), want.(*image.YCbCr)
	if a.SubsampleRatio != b.SubsampleRatio {
		return fmt.Sprintf("ratio %v, want %v", a.SubsampleRatio, b.SubsampleRatio)
	}
	chroma := image.Pt(ceil(size.X, coarseness[a.SubsampleRatio][0]), ceil(size.Y, coarseness[a.SubsampleRatio][1]))
	return planeDifference("brightness", a.Y, b.Y, a.YStride, b.YStride, size) +
		planeDifference("blue", a.Cb, b.Cb, a.CStride, b.CStride, chroma) +
		planeDifference("red", a.Cr, b.Cr, a.CStride, b.CStride, chroma)
}

var coarseness = map[image.YCbCrSubsampleRatio][2]int{
	image.YCbCrSubsampleRatio444: {1, 1}, image.YCbCrSubsampleRatio422: {2, 1}, image.YCbCrSubsampleRatio420: {2, 2},
	image.YCbCrSubsampleRatio440: {1, 2}, image.YCbCrSubsampleRatio411: {4, 1}, image.YCbCrSubsampleRatio410: {4, 2},
}

func planeDifference(name string, got, want []uint8, gotStride, wantStride int, size image.Point) string {
	for y := range size.Y {
		a, b := got[y*gotStride:][:size.X], want[y*wantStride:][:size.X]
		for x := range a {
			if a[x] != b[x] {
				return fmt.Sprintf("%s at %d,%d is %d, want %d; ", name, x, y, a[x], b[x])
			}
		}
	}
	return ""
}

// scripts are ways to send a picture of so many components in scans.
func scripts(components int) map[string][]pass {
	all := []int{0, 1, 2}[:components]
	plain := []pass{{components: all}}
	refined := []pass{{components: all, low: 2}, {components: all, high: 2, low: 1}, {components: all, high: 1}}
	var apart []pass
	for c := range components {
		apart = append(apart, pass{components: []int{c}, low: 1})
		plain = append(plain, pass{components: []int{c}, first: 1, last: 63})
		refined = append(refined,
			pass{components: []int{c}, first: 1, last: 5, low: 3}, pass{components: []int{c}, first: 6, last: 63, low: 3},
			pass{components: []int{c}, first: 1, last: 63, high: 3, low: 2},
			pass{components: []int{c}, first: 1, last: 30, high: 2, low: 1}, pass{components: []int{c}, first: 31, last: 63, high: 2, low: 1},
			pass{components: []int{c}, first: 1, last: 63, high: 1})
	}
	for c := range components {
		apart = append(apart, pass{components: []int{c}, high: 1},
			pass{components: []int{c}, first: 1, last: 63, low: 2}, pass{components: []int{c}, first: 1, last: 63, high: 2, low: 1})
	}
	return map[string][]pass{"plain": plain, "refined": refined, "apart and unfinished": apart}
}

var samplings = map[string][][2]int{
	"grey": {{1, 1}}, "grey 2x2": {{2, 2}},
	"4:4:4": {{1, 1}, {1, 1}, {1, 1}}, "4:2:2": {{2, 1}, {1, 1}, {1, 1}}, "4:2:0": {{2, 2}, {1, 1}, {1, 1}},
	"4:4:0": {{1, 2}, {1, 1}, {1, 1}}, "4:1:1": {{4, 1}, {1, 1}, {1, 1}}, "4:1:0": {{4, 2}, {1, 1}, {1, 1}},
}

// TestRandomStreamsDecodeAsJpegn goes through every sampling factor, sizes that are no multiple of
// anything, restart intervals and orders of scans.
func TestRandomStreamsDecodeAsJpegn(t *testing.T) {
	const seed = 17
	random := rand.New(rand.NewPCG(seed, 3))
	for name, factors := range samplings {
		for round := range 25 {
			s := stream{random: random, width: 1 + random.IntN(90), height: 1 + random.IntN(70), factors: factors}
			if len(factors) == 1 {
				s.factors = [][2]int{{1, 1}} // what it is read as
			}
			if round%3 > 0 {
				s.interval = 1 + random.IntN(9)
			}
			what := fmt.Sprintf("seed %d, %s, round %d, %d×%d, interval %d", seed, name, round, s.width, s.height, s.interval)
			all := []int{0, 1, 2}[:len(factors)]
			encoded := s.encode(false, []pass{{components: all, last: 63}})
			if name == "grey 2x2" {
				encoded[bytes.Index(encoded, []byte{0xff, markerSOF0})+11] = 0x22
			}
			if !agree(t, encoded, what+", sequential") {
				t.Errorf("%s, sequential: not decoded", what)
			}
			for script, passes := range scripts(len(factors)) {
				if !agree(t, s.encode(true, passes), what+", "+script) {
					t.Errorf("%s, %s: not decoded", what, script)
				}
			}
		}
	}
}

// TestDamagedStreamsDecodeAsJpegnOrNot flips bits: what is still decoded must be what jpegn makes of it.
func TestDamagedStreamsDecodeAsJpegnOrNot(t *testing.T) {
	const seed = 23
	random := rand.New(rand.NewPCG(seed, 4))
	decoded := 0
	for round := range 1500 {
		s := stream{random: random, width: 1 + random.IntN(40), height: 1 + random.IntN(40), factors: samplings["4:2:0"], interval: round % 4}
		encoded := s.encode(false, []pass{{components: []int{0, 1, 2}, last: 63}})
		if round%2 > 0 {
			encoded = s.encode(true, scripts(3)["refined"])
		}
		for range 1 + random.IntN(3) {
			encoded[2+random.IntN(len(encoded)-2)] ^= 1 << random.IntN(8)
		}
		if agree(t, encoded, fmt.Sprintf("seed %d, round %d", seed, round)) {
			decoded++
		}
	}
	t.Logf("%d of 1500 damaged pictures were decoded", decoded)
}

// TestRealPicturesDecodeAsJpegn goes through what there is: photos, paintings, hostile files; of the
// photos, which are many and alike, through every eighth unless TOUCHSTONE_LONG is set.
func TestRealPicturesDecodeAsJpegn(t *testing.T) {
	root := os.Getenv("TOUCHSTONE_DATA")
	if root == "" {
		root = filepath.Join("..", "..", "..", "..", "shared", "data")
	}
	if _, err := os.Stat(root); err != nil {
		t.Skipf("no real pictures: %v (set TOUCHSTONE_DATA)", err)
	}
	photos, seen, decoded := 0, 0, 0
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		encoded, err := os.ReadFile(path)
		if err != nil || !bytes.HasPrefix(encoded, []byte{0xff, markerSOI}) {
			return err
		}
		photo := strings.Contains(filepath.ToSlash(path), "/products/")
		if photos++; photo && photos%8 > 0 && os.Getenv("TOUCHSTONE_LONG") == "" {
			return nil
		}
		seen++
		if agree(t, encoded, path) {
			decoded++
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d of %d were decoded", decoded, seen)
}

// TestHostileFilesAreDecodedAsByJpegnOrNot goes through the generated ones.
func TestHostileFilesAreDecodedAsByJpegnOrNot(t *testing.T) {
	for _, file := range fixtures.Hostile() {
		if size, err := jpegn.DecodeConfig(bytes.NewReader(file.Content)); err == nil && size.Width*size.Height > 1<<23 {
			continue // jpegn would take its time
		}
		agree(t, file.Content, file.Name)
	}
}

// TestHugeProgressivePictureIsLeftToOthers holds the bound on what is held twice: a header alone, of a
// picture that would take 600 MB of coefficients.
func TestHugeProgressivePictureIsLeftToOthers(t *testing.T) {
	d := new(decoder)
	header := []byte{8, 17320 >> 8, 17320 & 255, 17320 >> 8, 17320 & 255, 1, 1, 0x11, 0}
	if d.readFrame(true, header, 1<<30) {
		t.Error("300 million samples were accepted")
	}
	header[1], header[2] = 0, 16
	if d.forget(); !d.readFrame(true, header, 1<<30) {
		t.Error("17,320×16 samples were refused")
	}
}

func TestInverseEqualsItsPortableTwin(t *testing.T) {
	const seed = 29
	random := rand.New(rand.NewPCG(seed, 5))
	for round := range 30000 {
		var block [64]int16
		var steps [64]int32
		for k := range block {
			switch round % 3 {
			case 0: // as a hostile file has it
				block[k], steps[k] = int16(random.Uint32()), int32(random.Uint32N(1<<16))
			case 1: // as pictures have it
				steps[k] = 1 + random.Int32N(30)
				if random.IntN(8) == 0 {
					block[k] = int16(random.IntN(200) - 100)
				}
			case 2:
				block[k], steps[k] = int16(random.IntN(2000)-1000), 1+random.Int32N(255)
			}
		}
		var got, want [64]uint8
		inverse(&block, &steps, got[:], 8)
		inversePortable(&block, &steps, want[:], 8)
		if got != want {
			t.Fatalf("seed %d, round %d: block %v, steps %v: got %v, want %v", seed, round, block, steps, got, want)
		}
		block = [64]int16{block[0]}
		inversePortable(&block, &steps, want[:], 8)
		if flat(block[0], steps[0], got[:], 8); got != want {
			t.Fatalf("seed %d, round %d: flat %d by %d: got %v, want %v", seed, round, block[0], steps[0], got, want)
		}
	}
}

func TestWhatIsShownIsReturned(t *testing.T) {
	s := stream{random: rand.New(rand.NewPCG(1, 1)), width: 20, height: 20, factors: samplings["grey"]}
	encoded := s.encode(false, []pass{{components: []int{0}, last: 63}})
	if err := Decode(encoded, func(image.Image) error { return os.ErrClosed }); err != os.ErrClosed {
		t.Errorf("got %v, want what show returned", err)
	}
	if err := Decode(encoded[:len(encoded)/2], nil); err != ErrUnsupported {
		t.Errorf("half a picture: got %v, want ErrUnsupported", err)
	}
}

// FuzzDecode looks for bytes that panic or that are decoded otherwise than by jpegn.
func FuzzDecode(f *testing.F) {
	for i, factors := range [][][2]int{samplings["grey"], samplings["4:2:0"], samplings["4:2:2"]} {
		s := stream{random: rand.New(rand.NewPCG(uint64(i), 6)), width: 21, height: 19, factors: factors, interval: i}
		all := []int{0, 1, 2}[:len(factors)]
		f.Add(s.encode(false, []pass{{components: all, last: 63}}))
		for _, passes := range scripts(len(factors)) {
			f.Add(s.encode(true, passes))
		}
	}
	f.Fuzz(func(t *testing.T, encoded []byte) {
		if len(encoded) < 1<<13 {
			agree(t, encoded, "fuzz")
		}
	})
}
