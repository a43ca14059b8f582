package fingerprint

import "math"

const (
	dctSide = 64 // side of the picture that is transformed
	dctKept = 8  // frequencies kept along each axis
)

// dct64 is the perceptual hash of 64×64 pixels: the 8×8 lowest frequencies of their DCT, compared
// with their median.
//
// The transform is Lee's ("A new algorithm to compute the discrete cosine transform", 1984), with
// only those sums carried out that the kept frequencies need. Each is made of the same operations
// in the same order as in goimagehash, so not a bit differs.
type dct64 struct {
	rows    [dctSide][dctKept]float64
	line    [dctSide]float64
	scratch [2 * dctSide]float64
	values  [dctKept * dctKept]float64
}

func (d *dct64) hash(pix []uint8) (hash uint64) {
	for y := range dctSide {
		for x, v := range pix[y*dctSide:][:dctSide] {
			d.line[x] = greys[v]
		}
		lee(d.line[:], d.scratch[:], dctKept)
		copy(d.rows[y][:], d.line[:])
	}
	for x := range dctKept {
		for y := range dctSide {
			d.line[y] = d.rows[y][x]
		}
		lee(d.line[:], d.scratch[:], dctKept)
		for y := range dctKept {
			d.values[y*dctKept+x] = d.line[y]
		}
	}
	median := oddMedian(d.values)
	for _, v := range &d.values {
		hash <<= 1
		if v > median {
			hash |= 1
		}
	}
	return hash
}

// leeDivisors holds 2 cos((i+½)π/n) at n/2+i, for the powers of two n up to 64.
var leeDivisors = func() (table [dctSide]float64) {
	for n := 2; n <= dctSide; n *= 2 {
		for i := range n / 2 {
			table[n/2+i] = math.Cos((float64(i)+0.5)*math.Pi/float64(n)) * 2
		}
	}
	return table
}()

// lee replaces x, of a length that is a power of two and at least 4, by its first DCT-II
// coefficients, unscaled: as many as are wanted, of the rest the contents are undefined.
// scratch is twice as long as x.
func lee(x, scratch []float64, wanted int) {
	if len(x) == 4 {
		leeOfFour((*[4]float64)(x), wanted)
		return
	}
	half := len(x) / 2
	even, odd, rest := scratch[:half], scratch[half:2*half], scratch[2*half:]
	divisors := leeDivisors[half:][:half]
	for i := range half {
		a, b := x[i], x[len(x)-1-i]
		even[i] = a + b
		odd[i] = (a - b) / divisors[i]
	}
	lee(even, rest, (wanted+1)/2)
	if wanted > 1 {
		lee(odd, rest, wanted/2+1)
	}
	for i := range (wanted + 1) / 2 {
		x[2*i] = even[i]
		x[2*i+1] = odd[i] + odd[i+1]
	}
}

func leeOfFour(x *[4]float64, wanted int) {
	a, b := x[0]+x[3], x[1]+x[2]
	if wanted == 1 {
		x[0] = a + b
		return
	}
	c, d := (x[0]-x[3])/leeDivisors[2], (x[1]-x[2])/leeDivisors[3]
	last := (c - d) / leeDivisors[1]
	x[0], x[1], x[2], x[3] = a+b, c+d+last, (a-b)/leeDivisors[1], last
}

// oddMedian is what goimagehash takes for the median of 64 values: the mean of the 33rd smallest
// and of a smaller one, which is mostly but not always the 32nd, as it depends on the way that the
// search took. So this search takes the same way: quickselect with the middle for its pivot.
func oddMedian(values [dctKept * dctKept]float64) float64 {
	const k = len(values) / 2
	for low, high := 0, len(values)-1; low < high; {
		middle := low/2 + high/2
		pivot, store := values[middle], low
		values[middle], values[high] = values[high], values[middle]
		for i := low; i < high; i++ {
			if values[i] < pivot {
				values[store], values[i] = values[i], values[store]
				store++
			}
		}
		values[high], values[store] = values[store], values[high]
		if k <= store {
			high = store
		} else {
			low = store + 1
		}
	}
	return values[k-1]/2 + values[k]/2
}
