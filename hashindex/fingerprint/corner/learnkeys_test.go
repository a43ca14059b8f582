package corner

import (
	"cmp"
	"fmt"
	"go/format"
	"math"
	"os"
	"slices"
	"testing"

	"touchstone/hashindex"
)

// TestKeysAreThoseLearned finds the projections of keys.go anew: the generalised eigenvectors of how
// corners differ from each other against how a corner differs from itself when it is found a little
// beside, turned or scaled (linear discriminant analysis; Fisher, 1936), for what is even and what
// is odd under reflection apart, so that a mirrored corner's projections are the same but for signs.
func TestKeysAreThoseLearned(t *testing.T) {
	keys := learnKeys()
	if *update {
		if err := os.WriteFile("keys.go", keySource(keys), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	for i, k := range keys {
		if k.odd != projections[i].odd || math.Abs(float64(k.offset-projections[i].offset)) > 1e-3 {
			t.Fatalf("projection %d differs: run go test -run KeysAreThoseLearned -update", i)
		}
		for j := range k.weights {
			if math.Abs(float64(k.weights[j]-projections[i].weights[j])) > 1e-3 {
				t.Fatalf("weight %d of projection %d differs: run go test -run KeysAreThoseLearned -update", j, i)
			}
		}
	}
}

type vector [pointCount]float64

// normal is the samples without their mean and contrast.
func normal(samples *[pointCount]int32) (v vector) {
	mean, contrast := contrastOf(samples)
	for i, s := range samples {
		v[i] = (float64(s) - float64(mean)) / max(float64(contrast), 1)
	}
	return v
}

func learnKeys() (keys [hashindex.KeyBits]projection) {
	samples, disturbed := trainingCorners()
	reflected := newPattern().reflected
	var between, within [pointCount][pointCount]float64
	var mean vector
	plain := make([]vector, 0, 2*len(samples))
	for i := range samples {
		v, w := normal(&samples[i]), normal(&disturbed[i])
		var rv, rw vector // and in the mirror, so that even and odd part exactly
		for j, r := range reflected {
			rv[r], rw[r] = v[j], w[j]
		}
		plain = append(plain, v, rv)
		for _, pair := range [2][2]vector{{v, w}, {rv, rw}} {
			for a := range pair[0] {
				for b := range pair[0] {
					within[a][b] += (pair[0][a] - pair[1][a]) * (pair[0][b] - pair[1][b])
				}
			}
		}
	}
	for _, v := range plain {
		for a := range v {
			mean[a] += v[a] / float64(len(plain))
		}
	}
	for _, v := range plain {
		for a := range v {
			for b := range v {
				between[a][b] += (v[a] - mean[a]) * (v[b] - mean[b])
			}
		}
	}
	type direction struct {
		w    vector
		gain float64
		odd  bool
	}
	var directions []direction
	for _, odd := range [2]bool{false, true} {
		basis := halfBasis(reflected, odd)
		c, n := restrict(&between, basis), restrict(&within, basis)
		for i := range n {
			n[i][i] += 1e-3 * float64(len(plain))
		}
		vectors, gains := generalised(c, n)
		for k, u := range vectors {
			d := direction{gain: gains[k], odd: odd}
			for i, b := range basis {
				for j := range d.w {
					d.w[j] += u[i] * b[j]
				}
			}
			directions = append(directions, d)
		}
	}
	slices.SortFunc(directions, func(a, b direction) int { return cmp.Compare(b.gain, a.gain) })
	for i := range keys {
		keys[i] = finish(directions[i].w, directions[i].odd, plain, mean)
	}
	return keys
}

// finish scales a projection to unit spread over the corners, and makes it blind to brightness.
func finish(w vector, odd bool, plain []vector, mean vector) projection {
	dc, largest := 0.0, 0.0
	for _, x := range w {
		dc += x / pointCount
	}
	for i := range w {
		w[i] -= dc
		if math.Abs(w[i]) > math.Abs(largest)+1e-9 {
			largest = w[i]
		}
	}
	var offset, square float64
	for i := range w {
		offset += w[i] * mean[i]
	}
	for _, v := range plain {
		p := -offset
		for i := range w {
			p += w[i] * v[i]
		}
		square += p * p / float64(len(plain))
	}
	scale := math.Copysign(1/math.Sqrt(square), largest)
	k := projection{odd: odd, offset: float32(offset * scale)}
	if odd {
		k.offset = 0
	}
	for i := range w {
		k.weights[i] = float32(w[i] * scale)
	}
	return k
}

// halfBasis spans what is even, or odd, under reflection.
func halfBasis(reflected [pointCount]uint8, odd bool) (basis []vector) {
	for i, r := range reflected {
		var v vector
		switch {
		case int(r) < i || int(r) == i && odd:
			continue
		case int(r) == i:
			v[i] = 1
		case odd:
			v[i], v[r] = math.Sqrt2/2, -math.Sqrt2/2
		default:
			v[i], v[r] = math.Sqrt2/2, math.Sqrt2/2
		}
		basis = append(basis, v)
	}
	return basis
}

func restrict(m *[pointCount][pointCount]float64, basis []vector) [][]float64 {
	out := make([][]float64, len(basis))
	for i, a := range basis {
		out[i] = make([]float64, len(basis))
		for j, b := range basis {
			for x := range a {
				for y := range b {
					out[i][j] += a[x] * m[x][y] * b[y]
				}
			}
		}
	}
	return out
}

// generalised solves c·v = gain·n·v for symmetric c and positive n: n is made the identity by its
// Cholesky factor, then Jacobi's rotations.
func generalised(c, n [][]float64) (vectors [][]float64, gains []float64) {
	size := len(c)
	l := make([][]float64, size)
	for i := range l {
		l[i] = make([]float64, size)
		for j := 0; j <= i; j++ {
			sum := n[i][j]
			for k := range j {
				sum -= l[i][k] * l[j][k]
			}
			if i == j {
				l[i][i] = math.Sqrt(sum)
			} else {
				l[i][j] = sum / l[j][j]
			}
		}
	}
	forward := func(b []float64) []float64 { // l·x = b
		x := slices.Clone(b)
		for i := range x {
			for k := range i {
				x[i] -= l[i][k] * x[k]
			}
			x[i] /= l[i][i]
		}
		return x
	}
	half := make([][]float64, size) // rows are l⁻¹ applied to the columns of c
	for j := range half {
		half[j] = forward(c[j])
	}
	m := make([][]float64, size)
	for i := range m {
		row := make([]float64, size)
		for j := range row {
			row[j] = half[j][i]
		}
		m[i] = forward(row)
	}
	rotations := jacobi(m)
	for k := range size {
		u := make([]float64, size) // lᵀ·x = u
		for i := size - 1; i >= 0; i-- {
			u[i] = rotations[i][k]
			for j := i + 1; j < size; j++ {
				u[i] -= l[j][i] * u[j]
			}
			u[i] /= l[i][i]
		}
		vectors, gains = append(vectors, u), append(gains, m[k][k])
	}
	return vectors, gains
}

// jacobi makes m diagonal and returns the eigenvectors as columns.
func jacobi(m [][]float64) [][]float64 {
	n := len(m)
	v := make([][]float64, n)
	for i := range v {
		v[i] = make([]float64, n)
		v[i][i] = 1
	}
	for range 60 {
		for p := range n {
			for q := p + 1; q < n; q++ {
				if math.Abs(m[p][q]) < 1e-300 {
					continue
				}
				theta := (m[q][q] - m[p][p]) / (2 * m[p][q])
				t := math.Copysign(1/(math.Abs(theta)+math.Sqrt(theta*theta+1)), theta)
				cos := 1 / math.Sqrt(t*t+1)
				sin := t * cos
				for k := range n {
					m[k][p], m[k][q] = cos*m[k][p]-sin*m[k][q], sin*m[k][p]+cos*m[k][q]
				}
				for k := range n {
					m[p][k], m[q][k] = cos*m[p][k]-sin*m[q][k], sin*m[p][k]+cos*m[q][k]
				}
				for k := range n {
					v[k][p], v[k][q] = cos*v[k][p]-sin*v[k][q], sin*v[k][p]+cos*v[k][q]
				}
			}
		}
	}
	return v
}

func keySource(keys [hashindex.KeyBits]projection) []byte {
	text := "// Written by TestKeysAreThoseLearned with -update.\n\npackage corner\n\nimport \"touchstone/hashindex\"\n\nvar projections = [hashindex.KeyBits]projection{\n"
	for _, k := range keys {
		text += fmt.Sprintf("{odd: %v, offset: %.5f, weights: [pointCount]float32{", k.odd, k.offset)
		for _, w := range k.weights {
			text += fmt.Sprintf("%.5f, ", w)
		}
		text += "}},\n"
	}
	out, err := format.Source([]byte(text + "}\n"))
	if err != nil {
		panic(err)
	}
	return out
}
