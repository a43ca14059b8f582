package corner

import (
	"math"
)

// ring is a circle of sampling points around a corner.
type ring struct {
	radius float64
	points int
	half   int // of the square that is averaged: 2·half+1 pixels wide
}

var rings = [...]ring{{0, 1, 2}, {2.8, 6, 1}, {5.2, 10, 1}, {8.2, 12, 2}, {12, 14, 3}}

const pointCount = 1 + 6 + 10 + 12 + 14

type offset struct{ x, y int8 }

// samplingPattern is where brightness is sampled and what is compared.
type samplingPattern struct {
	half   [pointCount]uint8
	weight [pointCount]int32 // makes sums of squares of all sizes comparable
	turned [256][pointCount]offset

	reflected [pointCount]uint8 // each point's mirror image in the corner's axis

	// pairs are the comparisons, one a bit; pairs[i+128] is pairs[i] reflected.
	pairs [256][2]uint8
}

var pattern = newPattern()

func newPattern() *samplingPattern {
	p := new(samplingPattern)
	var at [pointCount][2]float64
	n := 0
	for _, r := range rings {
		for i := range r.points {
			sin, cos := math.Sincos(2 * math.Pi * float64(i) / float64(r.points))
			at[n+i] = [2]float64{r.radius * cos, r.radius * sin}
			p.reflected[n+i] = uint8(n + (r.points-i)%r.points)
			side := 2*r.half + 1
			p.half[n+i], p.weight[n+i] = uint8(r.half), int32(11025/(side*side))
		}
		n += r.points
	}
	for angle := range p.turned {
		sin, cos := math.Sincos(2 * math.Pi * float64(angle) / 256)
		for i, xy := range at {
			p.turned[angle][i] = offset{
				int8(math.Round(xy[0]*cos - xy[1]*sin)),
				int8(math.Round(xy[0]*sin + xy[1]*cos)),
			}
		}
	}
	for i, pair := range learned {
		p.pairs[i] = pair
		p.pairs[i+128] = [2]uint8{p.reflected[pair[0]], p.reflected[pair[1]]}
	}
	return p
}
