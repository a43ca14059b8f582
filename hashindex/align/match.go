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

// near is the distance within which descriptors may be of one corner: less than what two unrelated
// ones average by three of their standard deviations.
const near = 80

// match pairs each corner of the reference with the most alike one of the query, most alike first.
// Only those are looked at whose key differs in at most one bit in one of its halves.
func (a *aligner) match(reference hashindex.Features) {
	a.matches = a.matches[:0]
	for i := range reference.Keypoints {
		d := &reference.Keypoints[i].Descriptor
		best, at := near+1, int32(-1)
		for half := range 2 {
			key := d[0] >> (8 * half) & 255
			for flip := range 9 {
				for _, j := range a.keys.alike(half, key^1<<flip&255) {
					if n := distance(d, &a.query.Keypoints[j].Descriptor); n < best || n == best && j < at {
						best, at = n, j
					}
				}
			}
		}
		if at >= 0 {
			a.matches = append(a.matches, match{int32(i), at, int32(best)})
		}
	}
	slices.SortFunc(a.matches, func(x, y match) int {
		return cmp.Or(cmp.Compare(x.distance, y.distance), cmp.Compare(x.reference, y.reference))
	})
}

// keys finds the query's corners by the first, and by the second, eight bits of their keys.
type keys [2]lists

// lists are numbers in lists by another number.
type lists struct{ start, list []int32 }

func newLists(n, count int, of func(i int) int) lists {
	l := lists{make([]int32, count+1), make([]int32, n)}
	for i := range n {
		l.start[of(i)+1]++
	}
	for i := range count {
		l.start[i+1] += l.start[i]
	}
	next := slices.Clone(l.start)
	for i := range n {
		l.list[next[of(i)]] = int32(i)
		next[of(i)]++
	}
	return l
}

func (l *lists) at(i int) []int32 { return l.list[l.start[i]:l.start[i+1]] }

func newKeys(f hashindex.Features) (k keys) {
	for half := range k {
		k[half] = newLists(len(f.Keypoints), 256, func(i int) int {
			return int(f.Keypoints[i].Descriptor[0] >> (8 * half) & 255)
		})
	}
	return k
}

func (k *keys) alike(half int, key uint64) []int32 { return k[half].at(int(key)) }

func distance(a, b *hashindex.Descriptor) int {
	return bits.OnesCount64(a[0]^b[0]) + bits.OnesCount64(a[1]^b[1]) + bits.OnesCount64(a[2]^b[2]) + bits.OnesCount64(a[3]^b[3])
}

// grid finds the query's corners near a place.
type grid struct {
	columns, rows int
	cells         lists
}

const cellSide = 16 // pixels

func newGrid(f hashindex.Features) grid {
	g := grid{columns: f.Width/cellSide + 1, rows: f.Height/cellSide + 1}
	g.cells = newLists(len(f.Keypoints), g.columns*g.rows, func(i int) int {
		k := &f.Keypoints[i]
		return int(k.Y)/(64*cellSide)*g.columns + int(k.X)/(64*cellSide)
	})
	return g
}

// span is the cells within reach of a place, first to last.
func (g *grid) span(p point, reach float64) (left, right, top, bottom int) {
	return max(0, int(p.x-reach)/cellSide), min(g.columns-1, int(p.x+reach)/cellSide),
		max(0, int(p.y-reach)/cellSide), min(g.rows-1, int(p.y+reach)/cellSide)
}
