package align

import (
	"math"
	"slices"

	"touchstone/hashindex"
)

// overlay is the query as the reference's reduced luma would show it, pixel by pixel.
type overlay struct {
	luma  []float32
	valid []bool // inside the query
	cells []cell
}

// cell is a square of the overlay.
type cell struct{ weight, correlation, contrast float64 }

// judge compares the pixels under the motion, moves it by fractions of a pixel to where they fit
// best, and says how certain the match is.
func (a *aligner) judge(reference hashindex.Features, m motion, result hashindex.Alignment) (hashindex.Alignment, bool) {
	best, m := a.fit(reference, m)
	if best.correlation < 0.9 && best.correlation > 0.2 && len(a.inliers) >= 10 {
		if bent, ok := a.bend(reference, m); ok {
			if c, moved := a.fit(reference, bent); c.correlation > best.correlation {
				best, m = c, moved
			}
		}
	}
	a.guided(reference, &m, tight, strict)
	result.Matrix = a.fractions(reference, m, result.Mirrored)
	for i, c := range [4][2]float64{{0, 0}, {1, 0}, {1, 1}, {0, 1}} {
		at := motion(result.Matrix)
		p := at.apply(point{c[0], c[1]})
		result.QueryQuad[i] = [2]float64{p.x, p.y}
	}
	result.Inliers, result.Expected = len(a.inliers), a.expected(reference, &m)
	result.Correlation, result.Contrast = best.correlation, best.contrast
	result.Cells, result.AlikeCells = best.textured, best.alike
	result.ReferenceCoverage = best.coverage
	result.QueryCoverage = clippedArea(result.QueryQuad)
	for _, k := range a.inliers {
		result.Bits += float64(k.distance) / float64(len(a.inliers))
	}
	result.Places = a.places(reference, best.coverage)
	result.Score = score(result)
	return result, result.Score >= accept
}

// fit settles the motion and compares, and keeps it as it was where that did not help.
func (a *aligner) fit(reference hashindex.Features, m motion) (comparison, motion) {
	moved := a.settle(reference, m)
	if !moved.sane(reference) {
		return a.compare(reference, &m), m
	}
	best := a.compare(reference, &moved)
	if best.correlation >= 0.8 || moved == m {
		return best, moved
	}
	if c := a.compare(reference, &m); c.correlation > best.correlation {
		return c, m
	}
	return best, moved
}

// comparison is what the pixels say.
type comparison struct {
	correlation     float64
	contrast        float64 // of the query where the two look alike, in octaves
	textured, alike float64
	coverage        float64
}

// warp samples the query where the motion takes every step-th pixel of the reference's luma.
func (a *aligner) warp(reference hashindex.Features, m *motion, step int) {
	l := reference.Luma
	o := &a.overlay
	o.luma = slices.Grow(o.luma[:0], len(l.Pix))[:len(l.Pix)]
	o.valid = slices.Grow(o.valid[:0], len(l.Pix))[:len(l.Pix)]
	sx, sy := float64(reference.Width)/float64(l.Width), float64(reference.Height)/float64(l.Height)
	scale, _ := m.local(point{float64(reference.Width) / 2, float64(reference.Height) / 2})
	octave := max(0, int(math.Floor(math.Log2(scale*sx)+0.4)))
	from := a.octaves.at(octave)
	// One motion from pixels of the luma to pixels of the octave.
	toLuma := motion{sx, 0, sx / 2, 0, sy, sy / 2, 0, 0, 1}
	toQuery := motion{float64(from.Width) / float64(a.query.Width), 0, 0, 0, float64(from.Height) / float64(a.query.Height), 0, 0, 0, 1}
	h := toQuery.after(m.after(toLuma))
	for y := 0; y < l.Height; y += step {
		for x := 0; x < l.Width; x += step {
			p := h.apply(point{float64(x), float64(y)})
			i := y*l.Width + x
			o.luma[i], o.valid[i] = sample(from, float32(p.x), float32(p.y))
		}
	}
}

const cellPixels = 8 // a side

// compare correlates reference and query cell by cell. Cells where the reference is flat say little
// and count little. The worst third of the rest is left out: something may lie over it.
func (a *aligner) compare(reference hashindex.Features, m *motion) (c comparison) {
	a.warp(reference, m, 1)
	l, o := reference.Luma, &a.overlay
	inside := 0
	for _, v := range o.valid {
		if v {
			inside++
		}
	}
	c.coverage = float64(inside) / float64(len(o.valid))
	o.cells = o.cells[:0]
	for top := 0; top+cellPixels <= l.Height; top += cellPixels {
		for left := 0; left+cellPixels <= l.Width; left += cellPixels {
			if cell, ok := o.correlate(l, left, top); ok {
				o.cells = append(o.cells, cell)
				c.textured += cell.weight
				if cell.correlation > 0.6 {
					c.alike += cell.weight
					c.contrast += cell.weight * cell.contrast
				}
			}
		}
	}
	c.correlation = trimmedMean(o.cells)
	if c.alike > 0 {
		c.contrast /= c.alike
	}
	return c
}

// correlate is false where less than half of the cell is inside the query or the reference is flat.
func (o *overlay) correlate(l hashindex.Luma, left, top int) (cell, bool) {
	var n, r, q, rr, qq, rq float32
	for y := top; y < top+cellPixels; y++ {
		pix, luma, valid := l.Pix[y*l.Width+left:][:cellPixels], o.luma[y*l.Width+left:][:cellPixels], o.valid[y*l.Width+left:][:cellPixels]
		for x, ok := range valid {
			if !ok {
				continue
			}
			u, v := float32(pix[x])-128, luma[x]-128
			n++
			r, q = r+u, q+v
			rr, qq, rq = rr+u*u, qq+v*v, rq+u*v
		}
	}
	if n < cellPixels*cellPixels/2 {
		return cell{}, false
	}
	vr, vq, cov := float64(rr/n-r/n*r/n), float64(qq/n-q/n*q/n), float64(rq/n-r/n*q/n)
	if vr < 9 {
		return cell{}, false
	}
	vq = max(vq, 0) + 4
	return cell{min(1, math.Sqrt(vr)/12), cov / math.Sqrt((vr+4)*vq), math.Log2(vq/(vr+4)) / 2}, true
}

// trimmedMean is the mean of the best cells that make two thirds of the weight.
func trimmedMean(cells []cell) float64 {
	weight := 0.0
	for _, c := range cells {
		weight += c.weight * 2 / 3
	}
	slices.SortFunc(cells, func(a, b cell) int {
		if a.correlation > b.correlation {
			return -1
		} else if a.correlation < b.correlation {
			return 1
		}
		return 0
	})
	sum, left := 0.0, weight
	for _, c := range cells {
		if left <= 0 {
			break
		}
		w := min(c.weight, left)
		sum += w * c.correlation
		left -= w
	}
	if weight <= 0 {
		return 0
	}
	return sum / weight
}

// fractions is the motion between fractions of the pictures' sides.
func (a *aligner) fractions(reference hashindex.Features, m motion, mirrored bool) [9]float64 {
	w, h := float64(reference.Width), float64(reference.Height)
	from := motion{w, 0, 0, 0, h, 0, 0, 0, 1}
	if mirrored {
		from = motion{-w, 0, w, 0, h, 0, 0, 0, 1}
	}
	to := motion{1 / float64(a.query.Width), 0, 0, 0, 1 / float64(a.query.Height), 0, 0, 0, 1}
	out := to.after(m.after(from))
	for i := range out {
		out[i] /= out[8]
	}
	return out
}

// clippedArea is the area of a quadrilateral inside the unit square.
func clippedArea(quad [4][2]float64) float64 {
	polygon := slices.Clone(quad[:])
	for axis := range 2 {
		for _, side := range [2]float64{-1, 1} { // keep p[axis] >= 0, then <= 1
			limit := max(side, 0)
			inside := func(p [2]float64) float64 { return side * (limit - p[axis]) }
			var kept [][2]float64
			for i, p := range polygon {
				q := polygon[(i+1)%len(polygon)]
				dp, dq := inside(p), inside(q)
				if dp >= 0 {
					kept = append(kept, p)
				}
				if dp*dq < 0 {
					t := dp / (dp - dq)
					kept = append(kept, [2]float64{p[0] + t*(q[0]-p[0]), p[1] + t*(q[1]-p[1])})
				}
			}
			polygon = kept
		}
	}
	area := 0.0
	for i, p := range polygon {
		q := polygon[(i+1)%len(polygon)]
		area += p[0]*q[1] - p[1]*q[0]
	}
	return min(math.Abs(area)/2, 1)
}
