package corner

import (
	"cmp"
	"flag"
	"fmt"
	"go/format"
	"image"
	"math"
	"math/bits"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"touchstone/fixtures"
	"touchstone/hashindex"
)

var update = flag.Bool("update", false, "write the comparisons that are learned to pairs.go")

// TestComparisonsAreThoseLearned chooses the comparisons anew, from generated pictures alone, as the
// authors of ORB did from photographs: those that split corners evenly and stay the same when a corner is
// found a little beside, turned or scaled, and that say what the ones before do not.
func TestComparisonsAreThoseLearned(t *testing.T) {
	pairs := learn()
	if *update {
		if err := os.WriteFile("pairs.go", source(pairs), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if pairs != learned {
		t.Error("pairs.go is not what is learned: run go test -run ComparisonsAreThoseLearned -update")
	}
}

// column holds one comparison's outcomes on all training corners, and on the same disturbed.
type column struct {
	pair            [2]uint8
	plain           []uint64
	mean, unchanged float64
}

// worth is high for a comparison that splits evenly and lasts.
func (c *column) worth() float64 {
	return math.Sqrt(4*c.mean*(1-c.mean)) * max(0, 2*c.unchanged-1)
}

func learn() [128][2]uint8 {
	samples, disturbed := trainingCorners()
	p := newPattern()
	var classes [][2]*column // a comparison and its reflection
	for a := range uint8(pointCount) {
		for b := range a {
			ra, rb := p.reflected[a], p.reflected[b]
			if [2]uint8{a, b} == [2]uint8{rb, ra} || [2]uint8{a, b} == [2]uint8{ra, rb} || int(ra)*pointCount+int(rb) < int(a)*pointCount+int(b) {
				continue
			}
			classes = append(classes, [2]*column{newColumn(a, b, samples, disturbed), newColumn(ra, rb, samples, disturbed)})
		}
	}
	slices.SortStableFunc(classes, func(x, y [2]*column) int { return cmp.Compare(y[0].worth(), x[0].worth()) })
	n := len(samples)
	for limit := 0.2; ; limit += 0.02 {
		if chosen := choose(classes, limit, n); len(chosen) == 128 {
			return leadWithTheLeastAlike(chosen, n)
		}
	}
}

// choose takes the worthiest classes whose correlation with all before stays below the limit.
func choose(classes [][2]*column, limit float64, n int) (chosen [][2]*column) {
	for _, c := range classes {
		apart := math.Abs(correlation(c[0], c[1], n)) < limit
		for _, o := range chosen {
			apart = apart && math.Abs(correlation(c[0], o[0], n)) < limit && math.Abs(correlation(c[0], o[1], n)) < limit
		}
		if apart {
			chosen = append(chosen, c)
		}
		if len(chosen) == 128 {
			break
		}
	}
	return chosen
}

// leadWithTheLeastAlike orders the comparisons so that any beginning of the descriptor makes a good key.
func leadWithTheLeastAlike(chosen [][2]*column, n int) (pairs [128][2]uint8) {
	cost := make([]float64, len(chosen))
	for i := range pairs {
		best := -1
		for j, c := range chosen {
			if c[0] != nil && (best < 0 || c[0].worth()/(1+cost[j]) > chosen[best][0].worth()/(1+cost[best])) {
				best = j
			}
		}
		taken := chosen[best][0]
		pairs[i] = taken.pair
		chosen[best] = [2]*column{}
		for j, c := range chosen {
			if c[0] != nil {
				r := correlation(c[0], taken, n)
				cost[j] += 4 * r * r
			}
		}
	}
	return pairs
}

func newColumn(a, b uint8, samples, disturbed [][pointCount]int32) *column {
	c := &column{pair: [2]uint8{a, b}, plain: make([]uint64, len(samples)/64+1)}
	ones, same := 0, 0
	for i := range samples {
		x, y := samples[i][a] < samples[i][b], disturbed[i][a] < disturbed[i][b]
		if x {
			ones++
			c.plain[i/64] |= 1 << (i % 64)
		}
		if x == y {
			same++
		}
	}
	c.mean, c.unchanged = float64(ones)/float64(len(samples)), float64(same)/float64(len(samples))
	return c
}

func correlation(a, b *column, n int) float64 {
	both := 0
	for i := range a.plain {
		both += bits.OnesCount64(a.plain[i] & b.plain[i])
	}
	spread := math.Sqrt(a.mean * (1 - a.mean) * b.mean * (1 - b.mean))
	return (float64(both)/float64(n) - a.mean*b.mean) / max(spread, 1e-9)
}

// trainingCorners samples the corners of generated pictures twice: as found, and as they may be found
// in a copy.
func trainingCorners() (samples, disturbed [][pointCount]int32) {
	rng := rand.New(rand.NewPCG(11, 12))
	f := new(Finder)
	for seed := range 16 {
		for _, img := range []*image.NRGBA{fixtures.Photo(seed), fixtures.Product(seed)} {
			f.search(sampled(img, 480), 0, maxLevels)
			for range 400 {
				l, c := f.next()
				if l == nil {
					break
				}
				x, y := int(c.x), int(c.y)
				angle := l.angle((y+pad)*l.stride + x + pad)
				samples = append(samples, l.samples(x, y, angle))
				other := l
				if i := int(l.octaves) / octaveParts; i+1 < len(f.levels) && rng.IntN(2) == 0 {
					other = &f.levels[i+1]
				}
				ox := int((float64(x)+0.5)*l.scale/other.scale) + rng.IntN(3) - 1
				oy := int((float64(y)+0.5)*l.scale/other.scale) + rng.IntN(3) - 1
				ox, oy = max(0, min(ox, other.width-1)), max(0, min(oy, other.height-1))
				disturbed = append(disturbed, other.samples(ox, oy, angle+uint8(rng.IntN(13)-6)))
			}
		}
	}
	return samples, disturbed
}

// sampled picks pixels: aliasing is as good a texture as any.
func sampled(img *image.NRGBA, width int) hashindex.Luma {
	w, h := img.Rect.Dx(), img.Rect.Dy()
	l := hashindex.Luma{Width: width, Height: width * h / w}
	for y := range l.Height {
		for x := range l.Width {
			c := img.NRGBAAt(x*w/width, y*w/width)
			l.Pix = append(l.Pix, uint8((299*int(c.R)+587*int(c.G)+114*int(c.B))/1000))
		}
	}
	return l
}

func source(pairs [128][2]uint8) []byte {
	text := "// Written by TestComparisonsAreThoseLearned with -update.\n\npackage corner\n\n// learned are the comparisons of the first half of a descriptor: the numbers of two points of the pattern.\nvar learned = [128][2]uint8{\n"
	for i, p := range pairs {
		text += fmt.Sprintf("{%d, %d},", p[0], p[1])
		if i%10 == 9 {
			text += "\n"
		}
	}
	out, err := format.Source([]byte(text + "\n}\n"))
	if err != nil {
		panic(err)
	}
	return out
}
