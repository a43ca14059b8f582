package align

import (
	"cmp"
	"math/bits"
	"slices"

	"touchstone/hashindex"
)

// match is a corner of the reference and one of the query that may be the same.
type match struct {
	reference, query int32
	distance         int32
}

const (
	// near is the distance within which descriptors may be of one corner: a third of what two
	// unrelated ones average.
	near = 80
	// glance is how far the first 64 bits of such descriptors may be apart. It spares the other bits for
	// nearly all pairs.
	glance = 24
)

// match pairs each corner of the reference with the most alike one of the query, most alike first.
func (a *aligner) match(reference hashindex.Features) {
	a.matches = a.matches[:0]
	for i := range reference.Keypoints {
		d := &reference.Keypoints[i].Descriptor
		best, at := near+1, -1
		for j, word := range a.grid.first {
			if bits.OnesCount64(word^d[0]) > glance {
				continue
			}
			if n := distance(d, &a.query.Keypoints[j].Descriptor); n < best {
				best, at = n, j
			}
		}
		if at >= 0 {
			a.matches = append(a.matches, match{int32(i), int32(at), int32(best)})
		}
	}
	slices.SortFunc(a.matches, func(x, y match) int {
		return cmp.Or(cmp.Compare(x.distance, y.distance), cmp.Compare(x.reference, y.reference))
	})
}

func distance(a, b *hashindex.Descriptor) int {
	return bits.OnesCount64(a[0]^b[0]) + bits.OnesCount64(a[1]^b[1]) + bits.OnesCount64(a[2]^b[2]) + bits.OnesCount64(a[3]^b[3])
}

// grid finds the query's corners near a place.
type grid struct {
	first   []uint64 // the first word of each descriptor, together in memory
	columns int
	rows    int
	start   []int32 // of each cell's list
	list    []int32
}

const cellSide = 16 // pixels

func newGrid(f hashindex.Features) grid {
	g := grid{columns: f.Width/cellSide + 1, rows: f.Height/cellSide + 1}
	g.start = make([]int32, g.columns*g.rows+1)
	g.list = make([]int32, len(f.Keypoints))
	for i := range f.Keypoints {
		g.first = append(g.first, f.Keypoints[i].Descriptor[0])
		g.start[g.cell(&f.Keypoints[i])+1]++
	}
	for i := 1; i < len(g.start); i++ {
		g.start[i] += g.start[i-1]
	}
	next := slices.Clone(g.start)
	for i := range f.Keypoints {
		c := g.cell(&f.Keypoints[i])
		g.list[next[c]] = int32(i)
		next[c]++
	}
	return g
}

func (g *grid) cell(k *hashindex.Keypoint) int {
	return int(k.Y)/(64*cellSide)*g.columns + int(k.X)/(64*cellSide)
}

// near calls use with the corners of the cells within reach of a place.
func (g *grid) near(p point, reach float64, use func(i int32)) {
	left, right := max(0, int(p.x-reach)/cellSide), min(g.columns-1, int(p.x+reach)/cellSide)
	top, bottom := max(0, int(p.y-reach)/cellSide), min(g.rows-1, int(p.y+reach)/cellSide)
	for row := top; row <= bottom; row++ {
		for column := left; column <= right; column++ {
			c := row*g.columns + column
			for _, i := range g.list[g.start[c]:g.start[c+1]] {
				use(i)
			}
		}
	}
}
