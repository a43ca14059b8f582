package corner

import (
	"golang.org/x/sys/cpu"

	"touchstone/hashindex"
)

var hasAVX2 = cpu.X86.HasAVX2

// segments does what segmentsPortable does.
func (l *level) segments(y int, scores []uint16) {
	if !hasAVX2 {
		l.segmentsPortable(y, scores)
		return
	}
	at := (y+pad)*l.stride + pad + margin
	around := l.pix[at-3*l.stride-1 : at+3*l.stride+len(scores)+1]
	segmentsAVX2(&around[3*l.stride+1], l.stride, len(scores)/blockWidth, &scores[0])
}

// marks does what marksPortable does.
func marks(masks []uint32, above, here, below []uint16) {
	if !hasAVX2 {
		marksPortable(masks, above, here, below)
		return
	}
	size := margin + len(masks)*blockWidth + 1
	above, here, below = above[:size], here[:size], below[:size]
	marksAVX2(&above[margin], &here[margin], &below[margin], len(masks), &masks[0])
}

// gradients does what gradientsPortable does.
func (l *level) gradients(at int) (sums [3]int32) {
	if !hasAVX2 {
		return l.gradientsPortable(at)
	}
	around := l.pix[at-4*l.stride-4 : at+4*l.stride+6]
	gradientsAVX2(&around[4*l.stride+4], l.stride, &sums)
	return sums
}

// moments does what momentsPortable does.
func (l *level) moments(at int) (mx, my int) {
	if !hasAVX2 {
		return l.momentsPortable(at)
	}
	around := l.pix[at-discRadius*l.stride-16 : at+discRadius*l.stride+16]
	return momentsAVX2(&around[discRadius*l.stride+16], l.stride, &disc)
}

// discRow is what a row of the disc counts by, from 16 left of its middle to 15 right of it.
type discRow struct {
	weights [32]int8
	inside  [32]uint8 // 255 where it is
}

// disc has the rows from the outermost to that in the middle.
var disc = func() (rows [discRadius + 1]discRow) {
	for i := range rows {
		w := discWidth[discRadius-i]
		for x := -w; x <= w; x++ {
			rows[i].weights[16+x], rows[i].inside[16+x] = int8(x), 255
		}
	}
	return rows
}()

// blend does what blendPortable does, and writes up to seven pixels into the padding.
func (l *level) blend(y int, from *level, top int, c *columns, part uint32) {
	if !hasAVX2 {
		l.blendPortable(y, from, top, c, part)
		return
	}
	a, b, out := from.padded(top), from.padded(top+1), l.padded(y)
	blendAVX2(&out[0], &a[0], &b[0], c, part, (l.width+7)/8)
}

// project does what projectPortable does.
func project(sums *lanes, values *[pointCount]float32) {
	if !hasAVX2 {
		projectPortable(sums, values)
		return
	}
	projectAVX2(sums, values, &weightsByPoint)
}

// integrateRow does what integrateRowPortable does.
func integrateRow(out, above []uint32, row []uint8) {
	done := 0
	if hasAVX2 && len(row) >= 8 {
		done = len(row) &^ 7
		integrateAVX2(&out[1 : 1+done][0], &above[1 : 1+done][0], &row[0], done/8)
	}
	integrateRowPortable(out[done:], above[done:], row[done:])
}

// samples does what samplesPortable does.
func (l *level) samples(x, y int, angle uint8) [pointCount]int32 {
	if !hasAVX2 {
		return l.samplesPortable(x, y, angle)
	}
	var lanes [sampleLanes]int32
	width := l.stride + 1
	around := l.sums[(y+pad-squareReach)*width+x+pad-squareReach : (y+pad+squareReach+1)*width+x+pad+squareReach+2]
	squaresAVX2(&around[squareReach*(width+1)], width, &pattern.turned[angle], &pattern.squares, &lanes)
	return [pointCount]int32(lanes[:])
}

// squareReach is how far from the corner the outermost square ends.
const squareReach = 15

// compare does what comparePortable does.
func compare(samples *[pointCount]int32, words *hashindex.Descriptor) {
	if !hasAVX2 {
		comparePortable(samples, words)
		return
	}
	compareAVX2(samples, &pattern.pairs, words)
}

// segmentsAVX2 scores blocks of 32 pixels; it reads three rows above and below, and one pixel more than
// the blocks to either side there, three in their own row.
//
//go:noescape
func segmentsAVX2(pix *uint8, stride, blocks int, scores *uint16)

// marksAVX2 reads one score more than the blocks to either side. Scores are below 1<<15.
//
//go:noescape
func marksAVX2(above, here, below *uint16, blocks int, masks *uint32)

// gradientsAVX2 reads from four rows above and four pixels left to four rows below and five right.
//
//go:noescape
func gradientsAVX2(pix *uint8, stride int, sums *[3]int32)

//go:noescape
func momentsAVX2(pix *uint8, stride int, disc *[discRadius + 1]discRow) (mx, my int)

// blendAVX2 makes eight pixels at a time; it reads four from each place.
//
//go:noescape
func blendAVX2(out, a, b *uint8, c *columns, part uint32, eights int)

//go:noescape
func projectAVX2(sums *lanes, values *[pointCount]float32, weights *[pointCount]lanes)

// integrateAVX2 sums eight pixels at a time, and begins with none.
//
//go:noescape
func integrateAVX2(out, above *uint32, row *uint8, eights int)

//go:noescape
func squaresAVX2(sums *uint32, width int, points *turnedPoints, squares *squareSizes, samples *[sampleLanes]int32)

//go:noescape
func compareAVX2(samples *[pointCount]int32, pairs *pairColumns, words *hashindex.Descriptor)
