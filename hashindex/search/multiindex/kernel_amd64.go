package multiindex

import "golang.org/x/sys/cpu"

var (
	hasAVX2   = cpu.X86.HasAVX2 && cpu.X86.HasBMI1 && cpu.X86.HasBMI2 && cpu.X86.HasPOPCNT
	hasAVX512 = hasAVX2 && cpu.X86.HasAVX512BW && cpu.X86.HasAVX512VL && cpu.X86.HasAVX512BITALG
)

// ask asks for the starts of the buckets from memory without waiting for them.
func ask(t *table, own uint16, masks []uint16) {
	if len(masks) > 0 {
		askStarts(&t.starts[0], int(own), &masks[0], len(masks))
	}
}

// locate is locatePortable, and asks for the spans' pieces.
func locate(t *table, own uint16, masks []uint16, spans []span) (postings int) {
	if len(masks) == 0 {
		return 0
	}
	spans = spans[:len(masks)]
	return locateAsking(&t.starts[0], &t.pieces[0], int(own), &masks[0], len(masks), &spans[0])
}

// sift is siftPortable, and asks for the hits' places.
func sift(t *table, spans []span, masks []uint16, after uint16, spare int, hits []uint32) (done, n int) {
	if !hasAVX2 || len(spans) == 0 || len(hits) == 0 {
		return siftPortable(t.readable(), spans, masks, after, spare, hits)
	}
	masks = masks[:len(spans)]
	if hasAVX512 {
		return siftAVX512(&t.pieces[0], &t.places[0], &spans[0], &masks[0], len(spans), int(after), spare, &hits[0], len(hits))
	}
	return siftAVX2(&t.pieces[0], &t.places[0], &spans[0], &masks[0], len(spans), int(after), spare, &hits[0], len(hits))
}

// place is placePortable, and asks for the records.
func place(t *table, l *level, hits []uint32) {
	if len(hits) > 0 {
		placeAsking(&t.places[0], &l.records[0], l.stride*8, &hits[0], len(hits))
	}
}

// judge is judgePortable.
func judge(l *level, places []uint32, p *probe, radius, piece int, distances *[hitCount]uint32) int {
	if !hasAVX2 || len(places) == 0 {
		return judgePortable(l, places, p, radius, piece, distances)
	}
	f := &p.share.finder
	if l.words == 1 {
		return judge64AVX2(&l.records[0], &places[0], len(places), &p.hash.Words[0], &f.own[0], &f.pair[0], radius, piece, &distances[0])
	}
	if hasAVX512 {
		return judge256AVX512(&l.records[0], &places[0], len(places), &p.hash.Words[0], &f.own[0], &f.pair[0], radius, piece, &distances[0])
	}
	return judge256AVX2(&l.records[0], &places[0], len(places), &p.hash.Words[0], &f.own[0], &f.pair[0], radius, piece, &distances[0])
}

//go:noescape
func judge256AVX2(records *uint64, places *uint32, n int, words *uint64, own, pair *int16, radius, piece int, distances *uint32) (kept int)

//go:noescape
func judge256AVX512(records *uint64, places *uint32, n int, words *uint64, own, pair *int16, radius, piece int, distances *uint32) (kept int)

//go:noescape
func judge64AVX2(records *uint64, places *uint32, n int, words *uint64, own, pair *int16, radius, piece int, distances *uint32) (kept int)

//go:noescape
func askStarts(starts *uint32, own int, masks *uint16, n int)

//go:noescape
func locateAsking(starts *uint32, pieces *uint16, own int, masks *uint16, n int, spans *span) (postings int)

//go:noescape
func siftAVX2(pieces *uint16, places *uint32, spans *span, masks *uint16, n, after, spare int, hits *uint32, room int) (done, hit int)

//go:noescape
func siftAVX512(pieces *uint16, places *uint32, spans *span, masks *uint16, n, after, spare int, hits *uint32, room int) (done, hit int)

//go:noescape
func placeAsking(places *uint32, records *uint64, recordBytes int, hits *uint32, n int)
