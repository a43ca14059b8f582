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

// sampleLanes are the points, and nothing to fill whole registers.
const sampleLanes = 48

// samplingPattern is where brightness is sampled and what is compared.
type samplingPattern struct {
	squares   squareSizes
	turned    [256]turnedPoints
	reflected [pointCount]uint8 // each point's mirror image in the corner's axis
	pairs     pairColumns
}

// squareSizes are those of the squares that are averaged at the points.
type squareSizes struct {
	half   [sampleLanes]int32
	weight [sampleLanes]int32 // makes sums of squares of all sizes comparable
}

type turnedPoints struct{ x, y [sampleLanes]int8 }

// pairColumns are the comparisons, one a bit; i+128 is i reflected.
type pairColumns struct{ first, second [256]uint8 }

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
			p.squares.half[n+i], p.squares.weight[n+i] = int32(r.half), int32(11025/(side*side))
		}
		n += r.points
	}
	for angle := range p.turned {
		sin, cos := math.Sincos(2 * math.Pi * float64(angle) / 256)
		turned := &p.turned[angle]
		for i, xy := range at {
			turned.x[i] = int8(math.Round(xy[0]*cos - xy[1]*sin))
			turned.y[i] = int8(math.Round(xy[0]*sin + xy[1]*cos))
		}
	}
	for i, pair := range learned {
		p.pairs.first[i], p.pairs.second[i] = pair[0], pair[1]
		p.pairs.first[i+128], p.pairs.second[i+128] = p.reflected[pair[0]], p.reflected[pair[1]]
	}
	return p
}
