//go:build !amd64

package multiindex

func ask(*table, uint16, []uint16) {}

func locate(t *table, own uint16, masks []uint16, spans []span) (postings int) {
	return locatePortable(t.starts, own, masks, spans)
}

func sift(t *table, spans []span, masks []uint16, after uint16, spare int, hits []uint32) (done, n int) {
	return siftPortable(t.readable(), spans, masks, after, spare, hits)
}

func place(t *table, l *level, hits []uint32) { placePortable(t.places, hits) }

func judge(l *level, places []uint32, p *probe, radius, piece int, distances *[hitCount]uint32) int {
	return judgePortable(l, places, p, radius, piece, distances)
}
