package hashindex

import "math"

// outline is where a reference lies in a query: four corners in order, as fractions.
type outline [4][2]float64

// whole is the outline of the whole query.
var whole = outline{{0, 0}, {1, 0}, {1, 1}, {0, 1}}

// overlapGrid is how many points a side measure areas with: half a per cent of the query is seen.
const overlapGrid = 48

// overlap is how much of the query lies in both outlines, 0..1.
func (o outline) overlap(other outline) float64 {
	both := 0
	for i := range overlapGrid {
		for j := range overlapGrid {
			x, y := (float64(i)+0.5)/overlapGrid, (float64(j)+0.5)/overlapGrid
			if o.holds(x, y) && other.holds(x, y) {
				both++
			}
		}
	}
	return float64(both) / (overlapGrid * overlapGrid)
}

// area is the outline's own, in queries: that of a crop's reference is more than 1.
func (o outline) area() float64 {
	sum := 0.0
	for i, from := range o {
		to := o[(i+1)%4]
		sum += from[0]*to[1] - to[0]*from[1]
	}
	return math.Abs(sum) / 2
}

// holds reports whether the point is on one side of all four edges, whichever way round they go.
func (o outline) holds(x, y float64) bool {
	left, right := false, false
	for i, from := range o {
		to := o[(i+1)%4]
		cross := (to[0]-from[0])*(y-from[1]) - (to[1]-from[1])*(x-from[0])
		left, right = left || cross > 0, right || cross < 0
	}
	return left != right
}
