package corner

import (
	"math"
	"slices"
)

// rank appends the level's candidates to ranked. Places are such that a beginning of the whole
// list has corners of every level, of fine ones more, and of every part of the picture.
func (f *Finder) rank(i int) {
	l := &f.levels[i]
	f.sort()
	f.thin(l)
	f.sort()
	for n, c := range f.candidates {
		f.ranked = append(f.ranked, ranked{c, i, (float32(n) + 0.5) * float32(l.scale)})
	}
}

// thin makes those of crowded places count less: a corner's measure is divided by the square of its
// place among those of its cell.
func (f *Finder) thin(l *level) {
	cell := max(8, (l.width+l.height)/24)
	across := l.width/cell + 1
	f.cells = slices.Grow(f.cells[:0], across*(l.height/cell+1))[:across*(l.height/cell+1)]
	clear(f.cells)
	for i := range f.candidates {
		c := &f.candidates[i]
		crowd := &f.cells[int(c.y)/cell*across+int(c.x)/cell]
		*crowd++
		c.score /= float32(*crowd) * float32(*crowd)
	}
}

// sort orders candidates by strength, equal ones as they come. Measures are positive, so that their
// bits are in their order.
func (f *Finder) sort() {
	f.order = f.order[:0]
	for i, c := range f.candidates {
		f.order = append(f.order, uint64(^math.Float32bits(c.score))<<32|uint64(i))
	}
	slices.Sort(f.order)
	f.kept = f.kept[:0]
	for _, place := range f.order {
		f.kept = append(f.kept, f.candidates[uint32(place)])
	}
	f.candidates, f.kept = f.kept, f.candidates
}

// arrange puts the places of ranked in order.
func (f *Finder) arrange() {
	f.order = f.order[:0]
	for i, r := range f.ranked {
		f.order = append(f.order, uint64(math.Float32bits(r.place))<<32|uint64(i))
	}
	slices.Sort(f.order)
}
