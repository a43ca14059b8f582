package pdq

import "image"

const (
	side    = 64  // of the picture that is transformed
	maxSide = 512 // of the picture that is filtered
)

// reduce makes the 64×64 picture; false if the picture is too small to.
//
// The reference filters the whole plane in four passes, then keeps one sample in each of 64×64
// cells. Filters and sampling are linear and separable, so each kept sample is a weighted sum of
// its own few columns, then rows: the same numbers up to float rounding, in one pass.
func (w *workspace) reduce(grey *image.Gray) bool {
	width, height := grey.Rect.Dx(), grey.Rect.Dy()
	if min(width, height) < minSide {
		return false
	}
	columns, rows := width, height
	if max(width, height) > maxSide {
		columns, rows = maxSide, maxSide // the reference stretches to a square
	}
	w.columns.plan(columns, width)
	w.rows.plan(rows, height)
	w.filterRows(grey, rows)
	w.filterColumns()
	return true
}

// filterRows reads the picture once, a row at a time.
func (w *workspace) filterRows(grey *image.Gray, rows int) {
	height := grey.Rect.Dy()
	for y := range rows {
		start := sampled(y, rows, height) * grey.Stride
		row := grey.Pix[start : start+grey.Rect.Dx()]
		for x := range side {
			w.narrow[y][x] = w.columns.sum(x, row)
		}
	}
}

func (w *workspace) filterColumns() {
	for y := range side {
		out := &w.small[y]
		*out = [side]float32{}
		first := w.rows.first[y]
		for i, weight := range w.rows.weights[y][:w.rows.count[y]] {
			for x, v := range &w.narrow[first+i] {
				out[x] += float32(weight * v)
			}
		}
	}
}

// sampled is the position that sample i of n takes from a line of the given length: the nearest
// neighbour rule of the reference's reduction to 512.
func sampled(i, n, length int) int {
	if n == length {
		return i
	}
	return i * length / n
}

// taps are the weights that make 64 samples of a line: sample i is the sum over k < count[i] of
// weights[i][k] times element position[first[i]+k].
type taps struct {
	length, source int // what was planned; planning is skipped for the same lengths again
	first, count   [side]int
	weights        [side][maxTaps]float32
	position       [maxSide]int32
}

// maxTaps is how far two boxes of the largest window reach: 2·4-1.
const maxTaps = 2*(maxSide/(2*side)) - 1

// plan fills the taps for a line of length samples taken from source elements.
func (t *taps) plan(length, source int) {
	if t.length == length && t.source == source {
		return
	}
	t.length, t.source = length, source
	for i := range length {
		t.position[i] = int32(sampled(i, length, source))
	}
	for i := range side {
		t.planSample(i, box{length: length, window: (length + 2*side - 1) / (2 * side)})
	}
}

// planSample applies the box filter twice to an impulse, backwards from the centre of cell i.
func (t *taps) planSample(i int, b box) {
	centre := (2*i + 1) * b.length / (2 * side)
	from, to := b.around(centre)
	t.first[i], _ = b.around(from)
	_, end := b.around(to - 1)
	t.count[i] = end - t.first[i]
	t.weights[i] = [maxTaps]float32{}
	for mid := from; mid < to; mid++ {
		inner, outer := b.around(mid)
		weight := 1 / float32((to-from)*(outer-inner))
		for k := inner; k < outer; k++ {
			t.weights[i][k-t.first[i]] += weight
		}
	}
}

// sum is sample i of the row.
func (t *taps) sum(i int, row []uint8) float32 {
	var sum float32
	n := t.count[i]
	position := t.position[t.first[i]:][:n]
	for k, weight := range t.weights[i][:n] {
		sum += float32(weight * float32(row[position[k]]))
	}
	return sum
}

// box is a moving average over window elements, of fewer at the ends of the line.
type box struct{ length, window int }

// around is the half-open range averaged for position i: with an even window, one element more
// after i than before it.
func (b box) around(i int) (from, to int) {
	to = i + (b.window+2)/2
	return max(to-b.window, 0), min(to, b.length)
}
