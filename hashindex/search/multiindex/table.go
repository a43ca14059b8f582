package multiindex

import "math/bits"

const (
	pieceBits  = 16
	wordPieces = 64 / pieceBits
	maxPieces  = 4 * wordPieces
)

// table lists a level's entries by one piece of their hashes. A key is the piece's upper bits, as
// many as make buckets of some ten entries; the buckets lie behind each other in flat memory.
type table struct {
	shift  int      // a key is piece >> shift
	starts []uint32 // bucket k is postings starts[k] to starts[k+1]

	// A posting is the entry's following piece and its place, kept apart: a bucket's pieces are all
	// looked at, and hardly any of its places. Behind the pieces there is memory for siftStep more.
	pieces []uint16
	places []uint32
}

// makeTables makes room for the level's n entries in each of its tables. They share memory, so that
// it is large enough for large pages. Starts are counts at first, two buckets late: see list.
func (l *level) makeTables(n int) {
	width := min(max(bits.Len(uint(n))-4, 6), pieceBits)
	l.keyBits, l.masks = width, masksOf(width)
	count, keys := len(l.tables), 1<<width+2
	starts, pieces, places := spacious[uint32](count*keys), spacious[uint16](count*n+siftStep), spacious[uint32](count*n)
	for i := range l.tables {
		l.tables[i] = table{
			shift:  pieceBits - width,
			starts: starts[i*keys:][:keys:keys],
			pieces: pieces[i*n:][: n : n+siftStep],
			places: places[i*n:][:n:n],
		}
	}
}

// readable are the pieces, and as many words behind them as sift reads.
func (t *table) readable() []uint16 { return t.pieces[:cap(t.pieces)] }

// span is where the bucket's postings are.
func (t *table) span(key uint16) span { return span{t.starts[key], t.starts[int(key)+1]} }

// piece is the i-th of the hash at the place, counted from the least significant bits.
func (l *level) piece(place, i int) uint16 {
	return uint16(l.records[place*l.stride+i/wordPieces] >> (i % wordPieces * pieceBits))
}

// A table is made in four steps: count the entries of each bucket, make starts of the counts, sort
// the entries roughly, list them. Sorted roughly, all that is written at about one time lies close
// together: listed straight away, every posting misses the cache, at more than twice the time
// (BenchmarkLoad).

// tally counts the entries of each bucket among the places from..to.
func (t *table) tally(l *level, i, from, to int) {
	for place := from; place < to; place++ {
		t.starts[int(l.piece(place, i)>>t.shift)+2]++
	}
}

// settle makes starts of the counts, still one bucket late, so that list can move them.
func (t *table) settle() {
	for k := 2; k < len(t.starts); k++ {
		t.starts[k] += t.starts[k-1]
	}
}

// rough is what sorting by a key's upper bits needs: where the next entry of each group goes.
type rough struct {
	entries []entry
	next    [1 << roughBits]uint32
	shift   int // a group is key >> shift
}

// entry is a place, the following piece and the key, from the least significant bits.
type entry uint64

const roughBits = 8

// begin makes the groups of a table that is settled.
func (r *rough) begin(t *table, n int) {
	if cap(r.entries) < n {
		r.entries = make([]entry, n)
	}
	r.entries = r.entries[:n]
	r.shift = max(pieceBits-t.shift-roughBits, 0)
	for g := range (len(t.starts) - 2) >> r.shift {
		r.next[g] = t.starts[g<<r.shift+1]
	}
}

// sort takes the places from..to.
func (r *rough) sort(t *table, l *level, i, from, to int) {
	after := (i + 1) % len(l.tables)
	for place := from; place < to; place++ {
		key := l.piece(place, i) >> t.shift
		n := &r.next[key>>r.shift]
		r.entries[*n] = entry(place) | entry(l.piece(place, after))<<32 | entry(key)<<48
		*n++
	}
}

// list lists entries. Each moves its bucket's start forward, from where the bucket begins to where
// it ends: once all are listed the starts are those of the next bucket, which is what they are read
// as from then on.
func (t *table) list(entries []entry) {
	for _, e := range entries {
		start := &t.starts[int(e>>48)+1]
		n := *start
		*start++
		t.pieces[n] = uint16(e >> 32)
		t.places[n] = uint32(e)
	}
}

// seal drops the start that only making the table needed.
func (t *table) seal() { t.starts = t.starts[:len(t.starts)-1] }

func (t *table) bytes() int { return cap(t.starts)*4 + len(t.pieces)*2 + cap(t.places)*4 }
