package corner

import (
	"math"
	"slices"
)

// rank puts the level's candidates in order.
func (f *Finder) rank(i int) {
	l := &f.levels[i]
	f.sort()
	f.thin(l)
	f.sort()
	l.corners, l.taken = append(l.corners[:0], f.candidates...), 0
}

// next takes the corner whose place comes first, with its level: nil if all are taken. Places are such
// that any beginning has corners of every level, of fine ones more, and of every part of the picture.
func (f *Finder) next() (first *level, c candidate) {
	best := float32(math.Inf(1))
	for i := range f.levels {
		l := &f.levels[i]
		if l.taken == len(l.corners) {
			continue
		}
		if place := (float32(l.taken) + 0.5) * float32(l.scale); place < best {
			first, best = l, place
		}
	}
	if first != nil {
		c = first.corners[first.taken]
		first.taken++
	}
	return first, c
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
	order, spare := f.order[0][:0], f.order[1]
	for i, c := range f.candidates {
		order = append(order, uint64(^math.Float32bits(c.score))<<32|uint64(i))
	}
	spare = slices.Grow(spare[:0], len(order))[:len(order)]
	for shift := 32; shift < 64; shift += digit {
		distribute(spare, order, shift)
		order, spare = spare, order
	}
	f.kept = f.kept[:0]
	for _, place := range order {
		f.kept = append(f.kept, f.candidates[uint32(place)])
	}
	f.candidates, f.kept = f.kept, f.candidates
	f.order[0], f.order[1] = order, spare
}

// digit is how many bits one pass of the sort goes by: four of a byte each take 5,000 corners a third
// of the time that slices.Sort does.
const digit = 8

// distribute orders the words by the digit at shift, equal ones as they come.
func distribute(to, from []uint64, shift int) {
	var starts [1 << digit]uint32
	for _, w := range from {
		starts[uint8(w>>shift)]++
	}
	sum := uint32(0)
	for d, n := range starts {
		starts[d] = sum
		sum += n
	}
	for _, w := range from {
		start := &starts[uint8(w>>shift)]
		to[*start] = w
		*start++
	}
}
