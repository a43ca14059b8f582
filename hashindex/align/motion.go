package align

import (
	"math"

	"touchstone/hashindex"
)

// point is a place in a working picture, in pixels.
type point struct{ x, y float64 }

func place(k *hashindex.Keypoint) point { return point{float64(k.X) / 64, float64(k.Y) / 64} }

// motion takes points of the reference to the query: a homography, row by row.
type motion [9]float64

func (m *motion) apply(p point) point {
	w := m[6]*p.x + m[7]*p.y + m[8]
	return point{(m[0]*p.x + m[1]*p.y + m[2]) / w, (m[3]*p.x + m[4]*p.y + m[5]) / w}
}

// affine reports whether the motion scales and turns alike everywhere.
func (m *motion) affine() bool { return m[6] == 0 && m[7] == 0 }

// local is how the motion scales and turns around a point: the area's scale, and the angle.
func (m *motion) local(p point) (scale, angle float64) {
	w := m[6]*p.x + m[7]*p.y + m[8]
	q := m.apply(p)
	a, b := (m[0]-q.x*m[6])/w, (m[1]-q.x*m[7])/w
	c, d := (m[3]-q.y*m[6])/w, (m[4]-q.y*m[7])/w
	return math.Sqrt(math.Abs(a*d - b*c)), math.Atan2(c-b, a+d)
}

// similarity is the motion that takes two points to two others.
func similarity(r1, r2, q1, q2 point) (motion, bool) {
	dx, dy, ex, ey := r2.x-r1.x, r2.y-r1.y, q2.x-q1.x, q2.y-q1.y
	n := dx*dx + dy*dy
	if n < 1 || ex*ex+ey*ey < 1 {
		return motion{}, false
	}
	a, b := (ex*dx+ey*dy)/n, (ey*dx-ex*dy)/n
	return motion{a, -b, q1.x - a*r1.x + b*r1.y, b, a, q1.y - b*r1.x - a*r1.y, 0, 0, 1}, true
}

// pair is a point, where it went, and how much that counts.
type pair struct {
	from, to point
	weight   float64
}

// fitSimilarity, fitAffine and fitHomography are least squares fits. False: the points do not
// determine one.
func fitSimilarity(pairs []pair) (motion, bool) {
	var w, mx, my, nx, ny float64
	for _, p := range pairs {
		w += p.weight
		mx, my = mx+p.weight*p.from.x, my+p.weight*p.from.y
		nx, ny = nx+p.weight*p.to.x, ny+p.weight*p.to.y
	}
	if w == 0 {
		return motion{}, false
	}
	mx, my, nx, ny = mx/w, my/w, nx/w, ny/w
	var n, a, b float64
	for _, p := range pairs {
		dx, dy, ex, ey := p.from.x-mx, p.from.y-my, p.to.x-nx, p.to.y-ny
		n += p.weight * (dx*dx + dy*dy)
		a += p.weight * (ex*dx + ey*dy)
		b += p.weight * (ey*dx - ex*dy)
	}
	if n < 1 {
		return motion{}, false
	}
	a, b = a/n, b/n
	return motion{a, -b, nx - a*mx + b*my, b, a, ny - b*mx - a*my, 0, 0, 1}, true
}

func fitAffine(pairs []pair) (motion, bool) {
	var n [3][3]float64
	var r [3][2]float64
	c := centre(pairs)
	for _, p := range pairs {
		v := [3]float64{(p.from.x - c.x) / 100, (p.from.y - c.y) / 100, 1}
		for i := range v {
			for j := range v {
				n[i][j] += p.weight * v[i] * v[j]
			}
			r[i][0] += p.weight * v[i] * p.to.x
			r[i][1] += p.weight * v[i] * p.to.y
		}
	}
	rows := make([][]float64, 3)
	for i := range rows {
		rows[i] = []float64{n[i][0], n[i][1], n[i][2], r[i][0], r[i][1]}
	}
	if !solve(rows) {
		return motion{}, false
	}
	a, b, tx := rows[0][3]/100, rows[1][3]/100, rows[2][3]
	d, e, ty := rows[0][4]/100, rows[1][4]/100, rows[2][4]
	return motion{a, b, tx - a*c.x - b*c.y, d, e, ty - d*c.x - e*c.y, 0, 0, 1}, true
}

func fitHomography(pairs []pair) (motion, bool) {
	const unit = 100 // pixels: brings coordinates near 1, so that the sums stay well conditioned
	c, t := centre(pairs), point{}
	for _, p := range pairs {
		t.x, t.y = t.x+p.to.x/float64(len(pairs)), t.y+p.to.y/float64(len(pairs))
	}
	rows := make([][]float64, 8)
	for i := range rows {
		rows[i] = make([]float64, 9)
	}
	add := func(v [9]float64, weight float64) {
		for i := range 8 {
			for j := range 9 {
				rows[i][j] += weight * v[i] * v[j]
			}
		}
	}
	for _, p := range pairs {
		x, y := (p.from.x-c.x)/unit, (p.from.y-c.y)/unit
		u, v := (p.to.x-t.x)/unit, (p.to.y-t.y)/unit
		add([9]float64{x, y, 1, 0, 0, 0, -u * x, -u * y, u}, p.weight)
		add([9]float64{0, 0, 0, x, y, 1, -v * x, -v * y, v}, p.weight)
	}
	if !solve(rows) {
		return motion{}, false
	}
	h := motion{}
	for i := range 8 {
		h[i] = rows[i][8]
	}
	h[8] = 1
	from := motion{1. / unit, 0, -c.x / unit, 0, 1. / unit, -c.y / unit, 0, 0, 1}
	to := motion{unit, 0, t.x, 0, unit, t.y, 0, 0, 1}
	h = to.after(h.after(from))
	if math.Abs(h[8]) < 1e-9 {
		return motion{}, false
	}
	for i := range h {
		h[i] /= h[8]
	}
	return h, true
}

func centre(pairs []pair) (c point) {
	for _, p := range pairs {
		c.x, c.y = c.x+p.from.x/float64(len(pairs)), c.y+p.from.y/float64(len(pairs))
	}
	return c
}

// after is the motion that does first and then m.
func (m motion) after(first motion) (out motion) {
	for i := range 3 {
		for j := range 3 {
			out[3*i+j] = m[3*i]*first[j] + m[3*i+1]*first[3+j] + m[3*i+2]*first[6+j]
		}
	}
	return out
}

// solve eliminates: n rows of n coefficients and the right hand sides, which become the solutions.
func solve(rows [][]float64) bool {
	n := len(rows)
	for i := range n {
		best := i
		for j := i + 1; j < n; j++ {
			if math.Abs(rows[j][i]) > math.Abs(rows[best][i]) {
				best = j
			}
		}
		rows[i], rows[best] = rows[best], rows[i]
		if !(math.Abs(rows[i][i]) > 1e-9) {
			return false
		}
		for j := range n {
			if j == i {
				continue
			}
			f := rows[j][i] / rows[i][i]
			for k := i; k < len(rows[j]); k++ {
				rows[j][k] -= f * rows[i][k]
			}
		}
	}
	for i := range n {
		for k := n; k < len(rows[i]); k++ {
			rows[i][k] /= rows[i][i]
		}
	}
	return true
}
