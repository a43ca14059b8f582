package corner

import (
	"cmp"
	"slices"
)

// rank appends the level's candidates to ranked. Places are such that a beginning of the whole
// list has corners of every level, of fine ones more, and of every part of the picture.
func (f *Finder) rank(i, limit int) {
	l := &f.levels[i]
	slices.SortFunc(f.candidates, candidate.compare)
	f.thin(l)
	share := float32(1 / l.scale)
	for n, c := range f.candidates {
		f.ranked = append(f.ranked, ranked{c, i, (float32(n) + 0.5) / share})
	}
}

// thin reorders the candidates so that those of crowded places come later: a corner's measure
// counts a quarter of a decade less for each stronger one in its cell.
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
	slices.SortFunc(f.candidates, candidate.compare)
}

// compare orders by strength, then from the top left.
func (c candidate) compare(o candidate) int {
	return cmp.Or(cmp.Compare(o.score, c.score), cmp.Compare(c.y, o.y), cmp.Compare(c.x, o.x))
}

func (r ranked) compare(o ranked) int {
	return cmp.Or(cmp.Compare(r.place, o.place), cmp.Compare(r.level, o.level), r.candidate.compare(o.candidate))
}
