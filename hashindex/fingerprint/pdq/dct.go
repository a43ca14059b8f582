package pdq

import "math"

// kept is the number of frequencies kept along each axis: 1 to 16, without the constant 0.
const kept = 16

// cosines holds the rows 1 to 16 of the 64-point DCT-II matrix, scaled by sqrt(2/64).
var cosines = func() (m [kept][side]float32) {
	for i := range kept {
		for j := range side {
			angle := math.Pi / (2 * side) * float64(i+1) * float64(2*j+1)
			m[i][j] = float32(math.Sqrt(2.0/side)) * float32(math.Cos(angle))
		}
	}
	return m
}()

// transform computes cosines × small × cosinesᵀ: frequencies[i][j] is the part of the picture that
// swings i+1 half waves from top to bottom and j+1 from left to right.
func (w *workspace) transform() {
	for i := range kept {
		out := &w.half[i]
		*out = [side]float32{}
		for k, c := range &cosines[i] {
			for j, v := range &w.small[k] {
				out[j] += float32(c * v)
			}
		}
	}
	for i := range kept {
		for j := range kept {
			w.frequencies[i][j] = dot(&w.half[i], &cosines[j])
		}
	}
}

func dot(a, b *[side]float32) (sum float32) {
	for k := range a {
		sum += float32(a[k] * b[k])
	}
	return sum
}
