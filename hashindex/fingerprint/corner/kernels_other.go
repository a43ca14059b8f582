//go:build !amd64

package corner

import "touchstone/hashindex"

func (l *level) segments(y int, scores []uint16) { l.segmentsPortable(y, scores) }

func marks(masks []uint32, above, here, below []uint16) { marksPortable(masks, above, here, below) }

func (l *level) gradients(at int) [3]int32 { return l.gradientsPortable(at) }

func (l *level) moments(at int) (mx, my int) { return l.momentsPortable(at) }

func (l *level) blend(y int, from *level, top int, c *columns, part uint32) {
	l.blendPortable(y, from, top, c, part)
}

func project(sums *lanes, values *[pointCount]float32) { projectPortable(sums, values) }

func integrateRow(out, above []uint32, row []uint8) { integrateRowPortable(out, above, row) }

func (l *level) samples(x, y int, angle uint8) [pointCount]int32 {
	return l.samplesPortable(x, y, angle)
}

func compare(samples *[pointCount]int32, words *hashindex.Descriptor) {
	comparePortable(samples, words)
}
