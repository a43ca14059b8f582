package align

import (
	"math"

	"touchstone/hashindex"
)

// settle moves the motion until the pixels fit best: Gauss and Newton's method on an affine change,
// inverse compositional (Baker and Matthews, IJCV 2004), with brightness and contrast fitted along
// and what lies over the picture weighed down. Corners place a motion to a few pixels, pixels to
// fractions of one.
func (a *aligner) settle(reference hashindex.Features, m motion) motion {
	const rounds, step = 5, 2
	l := reference.Luma
	if l.Width < 8 || l.Height < 8 {
		return m
	}
	sx, sy := float64(reference.Width)/float64(l.Width), float64(reference.Height)/float64(l.Height)
	toWorking := motion{sx, 0, sx / 2, 0, sy, sy / 2, 0, 0, 1}
	toLuma := motion{1 / sx, 0, -0.5, 0, 1 / sy, -0.5, 0, 0, 1}
	spread := 0.0 // mean absolute residual of the round before
	for range rounds {
		a.warp(reference, &m, step)
		gain, bias, ok := a.tone(l, step)
		if !ok {
			return m
		}
		change, residual, ok := a.change(l, step, gain, bias, spread)
		if !ok {
			return m
		}
		spread = residual
		m = m.after(toWorking.after(change.after(toLuma)))
		for i := range m {
			m[i] /= m[8]
		}
		if math.Abs(change[2]) < 0.02 && math.Abs(change[5]) < 0.02 {
			break
		}
	}
	return m
}

// tone fits the reference's brightness to the query's: reference ≈ gain · query + bias.
func (a *aligner) tone(l hashindex.Luma, step int) (gain, bias float64, ok bool) {
	var n, r, q, rr, qq, rq float64
	for y := 0; y < l.Height; y += step {
		for x := 0; x < l.Width; x += step {
			if i := y*l.Width + x; a.overlay.valid[i] {
				u, v := float64(l.Pix[i]), float64(a.overlay.luma[i])
				n, r, q, rr, qq, rq = n+1, r+u, q+v, rr+u*u, qq+v*v, rq+u*v
			}
		}
	}
	if n < 64 {
		return 0, 0, false
	}
	vq, vr, cov := qq/n-q/n*q/n, rr/n-r/n*r/n, rq/n-r/n*q/n
	// Unrelated pictures stop here: nothing would pull them together.
	if vq < 1 || vr < 1 || cov < 0.12*math.Sqrt(vq*vr) {
		return 0, 0, false
	}
	gain = math.Sqrt(vr / vq)
	return gain, r/n - gain*q/n, true
}

// change is the affine step, in pixels of the reference's luma around its middle.
func (a *aligner) change(l hashindex.Luma, step int, gain, bias, spread float64) (motion, float64, bool) {
	var rows [6][7]float64
	limit := 3 * spread
	if spread == 0 {
		limit = 64
	}
	cx, cy, unit := float64(l.Width)/2, float64(l.Height)/2, float64(max(l.Width, l.Height))/2
	var residual, n float64
	for y := step; y < l.Height-1; y += step {
		row, above, below := l.Pix[y*l.Width:][:l.Width], l.Pix[(y-1)*l.Width:][:l.Width], l.Pix[(y+1)*l.Width:][:l.Width]
		for x := step; x < l.Width-1; x += step {
			i := y*l.Width + x
			if !a.overlay.valid[i] {
				continue
			}
			e := gain*float64(a.overlay.luma[i]) + bias - float64(row[x])
			residual, n = residual+math.Min(math.Abs(e), 64), n+1
			if math.Abs(e) >= limit {
				continue
			}
			t := e / limit
			w := (1 - t*t) * (1 - t*t)
			gx, gy := (float64(row[x+1])-float64(row[x-1]))/2, (float64(below[x])-float64(above[x]))/2
			u, v := (float64(x)-cx)/unit, (float64(y)-cy)/unit
			s := [7]float64{gx * u, gx * v, gx, gy * u, gy * v, gy, e}
			for j := range 6 {
				ws := w * s[j]
				for k := j; k < 7; k++ {
					rows[j][k] += ws * s[k]
				}
			}
		}
	}
	for j := range 6 {
		for k := range j {
			rows[j][k] = rows[k][j]
		}
	}
	for j := range 6 {
		rows[j][j] = rows[j][j]*1.001 + 1
	}
	system := make([][]float64, 6)
	for j := range system {
		system[j] = rows[j][:]
	}
	if n == 0 || !solve(system) {
		return motion{}, 0, false
	}
	p := [6]float64{}
	for j := range p {
		p[j] = rowsAt(system, j)
	}
	// The query under the motion shows what the reference shows moved by p; the motion is
	// therefore preceded by the way back.
	a11, a12, tx := 1+p[0]/unit, p[1]/unit, p[2]
	a21, a22, ty := p[3]/unit, 1+p[4]/unit, p[5]
	det := a11*a22 - a12*a21
	if !(det > 0.5 && det < 2) {
		return motion{}, 0, false
	}
	b := motion{a22 / det, -a12 / det, 0, -a21 / det, a11 / det, 0, 0, 0, 1}
	b[2] = cx - b[0]*(cx+tx) - b[1]*(cy+ty)
	b[5] = cy - b[3]*(cx+tx) - b[4]*(cy+ty)
	return b, residual / n, true
}

func rowsAt(rows [][]float64, i int) float64 { return rows[i][len(rows[i])-1] }
