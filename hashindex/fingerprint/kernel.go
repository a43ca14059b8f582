package fingerprint

import (
	"math"
	"slices"
)

// kernel scales a line by triangular weights of 8 bits, as github.com/nfnt/resize does for its
// Bilinear: output i is the sum of weights[i*taps+k] times element first[i]+k, over total[i].
type kernel struct {
	length, n int // planned for; planning again for the same costs nothing
	taps      int
	first     []int
	weights   []int32
	total     []int32
}

func (k *kernel) plan(length, n int) {
	if k.length == length && k.n == n {
		return
	}
	scale := float64(length) / float64(n)
	reach := 2 * int(math.Max(math.Ceil(scale), 1))
	*k = kernel{
		length: length, n: n, taps: min(reach, length),
		first: resized(k.first, n), weights: resized(k.weights, n*min(reach, length)), total: resized(k.total, n),
	}
	clear(k.weights)
	clear(k.total)
	for i := range n {
		k.planSample(i, scale, reach)
	}
}

// planSample weighs what lies around sample i. What would lie beyond an end of the line counts for
// the last element there.
func (k *kernel) planSample(i int, scale float64, reach int) {
	centre := float64(scale*(float64(i)+0.5)) - 0.5
	start := int(centre) - reach/2 + 1
	k.first[i] = max(0, min(start, k.length-k.taps))
	for j := range reach {
		distance := math.Abs(centre-float64(start)-float64(j)) * math.Min(1/scale, 1)
		weight := int32(math.Max(1-distance, 0) * 256)
		at := max(0, min(start+j, k.length-1))
		if weight != 0 {
			k.weights[i*k.taps+at-k.first[i]] += weight
		}
		k.total[i] += weight
	}
}

// along scales one line.
func (k *kernel) along(out, line []uint8) {
	for i := range out {
		var sum int32
		weights := k.weights[i*k.taps:][:k.taps]
		for j, v := range line[k.first[i]:][:k.taps] {
			sum += weights[j] * int32(v)
		}
		out[i] = uint8(min(sum/k.total[i], 255))
	}
}

// between makes line i of lines scaled across each other. sums is scratch.
func (k *kernel) between(out, lines []uint8, sums []int32, i int) {
	clear(sums)
	for j, weight := range k.weights[i*k.taps:][:k.taps] {
		for x, v := range lines[(k.first[i]+j)*len(out):][:len(out)] {
			sums[x] += weight * int32(v)
		}
	}
	for x, sum := range sums {
		out[x] = uint8(min(sum/k.total[i], 255))
	}
}

// resized is a slice of n elements, contents undefined, in the same memory if it is enough.
func resized[T any](buffer []T, n int) []T { return slices.Grow(buffer[:0], n)[:n] }
