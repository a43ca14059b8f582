package pdq

import "slices"

// side is the side of the small picture that is transformed.
const side = 64

// reduce makes the small picture.
//
// The reference filters the whole plane in four passes, then keeps one sample in each of 64×64
// cells. Filters and sampling are linear and separable, so each kept sample is a weighted sum of a
// few columns, then of a few rows: the same numbers up to float rounding, in one pass.
func (w *workspace) reduce(luma Luma) {
	w.columns.plan(luma.Width)
	w.rows.plan(luma.Height)
	w.narrow = slices.Grow(w.narrow[:0], luma.Height)[:luma.Height]
	for y := range w.narrow {
		w.columns.filter(luma.Pix[y*luma.Width:][:luma.Width], &w.narrow[y])
	}
	for y := range side {
		w.rows.blend(w.narrow, y, &w.small[y])
	}
}

// taps are the weights that make 64 samples of a line of any length: sample i is the sum of
// weights[i][k] times element first[i]+k.
type taps struct {
	length  int // planned for; planning again for the same length costs nothing
	first   [side]int
	weights [side][]float32
}

func (t *taps) plan(length int) {
	if t.length == length {
		return
	}
	t.length = length
	// Two passes need half the cell each, rounded up.
	b := box{length: length, window: (length + 2*side - 1) / (2 * side)}
	for i := range side {
		t.planSample(i, b)
	}
}

// planSample follows sample i back through both passes: it is the average around the centre of
// cell i of what are averages themselves.
func (t *taps) planSample(i int, b box) {
	centre := (2*i + 1) * b.length / (2 * side)
	from, to := b.around(centre)
	start, _ := b.around(from)
	_, end := b.around(to - 1)
	weights := slices.Grow(t.weights[i][:0], end-start)[:end-start]
	clear(weights)
	for mid := from; mid < to; mid++ {
		first, last := b.around(mid)
		for k := first; k < last; k++ {
			weights[k-start] += 1 / float32((to-from)*(last-first))
		}
	}
	t.first[i], t.weights[i] = start, weights
}

// filter makes the 64 samples of a row. Nearly all have seven weights where the line is MaxSide long:
// those are added up without a loop, in its order.
func (t *taps) filter(row []float32, out *[side]float32) {
	for i, weights := range &t.weights {
		line := row[t.first[i]:][:len(weights)]
		if len(weights) == 7 {
			w, v := (*[7]float32)(weights), (*[7]float32)(line)
			sum := float32(w[0]*v[0]) + float32(w[1]*v[1])
			sum += float32(w[2] * v[2])
			sum += float32(w[3] * v[3])
			sum += float32(w[4] * v[4])
			sum += float32(w[5] * v[5])
			out[i] = sum + float32(w[6]*v[6])
			continue
		}
		var sum float32
		for k, weight := range weights {
			sum += float32(weight * line[k])
		}
		out[i] = sum
	}
}

// blend makes sample i of all columns at once.
func (t *taps) blend(rows [][side]float32, i int, out *[side]float32) {
	*out = [side]float32{}
	for k, weight := range t.weights[i] {
		for x, v := range &rows[t.first[i]+k] {
			out[x] += float32(weight * v)
		}
	}
}

// box is a moving average over window elements, of fewer at the ends of the line.
type box struct{ length, window int }

// around is the half-open range averaged for position i. An even window reaches one element
// further after i than before it.
func (b box) around(i int) (from, to int) {
	to = i + (b.window+2)/2
	return max(to-b.window, 0), min(to, b.length)
}
