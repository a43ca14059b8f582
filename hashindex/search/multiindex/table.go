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
	order
	starts []uint32 // bucket b is postings starts[b] to starts[b+1]

	// A posting is the entry's following piece and its place, kept apart: a bucket's pieces are all
	// looked at, and hardly any of its places. Behind the pieces there is memory for siftStep more.
	pieces []uint16
	places []uint32
}

// makeTables makes room for the level's n entries in each of its tables. They share memory, so that
// it is large enough for large pages. Starts are counts at first, two buckets late: see list.
func (l *level) makeTables(n int) {
	width := min(max(bits.Len(uint(n))-4, 6), pieceBits)
	o := orderOf(width, l.words == 4)
	l.keyBits, l.masks = width, masksOf(o)
	count, keys := len(l.tables), 1<<width+2
	starts, pieces, places := spacious[uint32](count*keys), spacious[uint16](count*n+siftStep), spacious[uint32](count*n)
	for i := range l.tables {
		l.tables[i] = table{
			order:  o,
			starts: starts[i*keys:][:keys:keys],
			pieces: pieces[i*n:][: n : n+siftStep],
			places: places[i*n:][:n:n],
		}
	}
}

// readable are the pieces, and as many words behind them as sift reads.
func (t *table) readable() []uint16 { return t.pieces[:cap(t.pieces)] }

// Mirroring a picture, or turning it upside down, inverts in each piece of its PDQ hash every second
// bit, beginning with the first or with the second, or all, or none. So that the buckets of such pieces
// lie together, and the look-up of one variant of a picture finds in the cache what another has read,
// a key's two lowest bits say which of four such keys it is, and its others which four.
//
// even and odd are what a key with bit 0, and with bit 1, is moved by; zeros leave the buckets in the
// order of their keys.
type order struct {
	shift     uint8 // a key is piece >> shift
	even, odd uint16
}

// orderOf is that of keys so wide, for pieces of PDQ hashes or of others.
func orderOf(width int, pdq bool) order {
	o := order{shift: uint8(pieceBits - width)}
	if pdq {
		keys := uint16(1<<width - 1)
		o.even, o.odd = 0x5554&keys, 0xaaa8&keys
	}
	return o
}

// bucket is the number of the piece's bucket.
func (o order) bucket(piece uint16) uint16 { return o.ofKey(piece >> o.shift) }

// ofKey is the number of the key's bucket. It is linear: what two keys differ by says what their
// buckets' numbers do.
func (o order) ofKey(key uint16) uint16 { return key ^ key&1*o.even ^ key>>1&1*o.odd }

// span is where the bucket's postings are.
func (t *table) span(bucket uint16) span {
	return span{t.starts[bucket], t.starts[int(bucket)+1]}
}

// A table is made in four steps: count the entries of each bucket, make starts of the counts, sort
// the entries roughly, list them. Sorted roughly, all that is written at about one time lies close
// together: listed straight away, every posting misses the cache, at more than twice the time
// (BenchmarkLoad).
//
// Two neighbouring tables are made at a time, of the same reading of the records: it is reading them
// that the first and the third step wait for.

// pair counts the tables made at a time.
const pair = 2

// tally counts the entries of each bucket of tables i and i+1 among the places from..to.
func (l *level) tally(i, from, to int) {
	t, u, o := &l.tables[i], &l.tables[i+1], l.tables[i].order
	move := i % wordPieces * pieceBits
	for at := from*l.stride + i/wordPieces; at < to*l.stride; at += l.stride {
		both := uint32(l.records[at] >> move)
		t.starts[int(o.bucket(uint16(both)))+2]++
		u.starts[int(o.bucket(uint16(both>>pieceBits)))+2]++
	}
}

// settle makes starts of the counts, still one bucket late, so that list can move them.
func (t *table) settle() {
	for k := 2; k < len(t.starts); k++ {
		t.starts[k] += t.starts[k-1]
	}
}

// rough is what sorting by a bucket's upper bits needs: where the next entry of each group goes.
type rough struct {
	entries []entry
	next    [1 << roughBits]uint32
	shift   int // a group is bucket >> shift
}

// entry is a place, the following piece and the bucket, from the least significant bits.
type entry uint64

const roughBits = 8

// begin makes the groups of a table that is settled.
func (r *rough) begin(t *table, n int) {
	if cap(r.entries) < n {
		r.entries = spacious[entry](n)
	}
	r.entries = r.entries[:n]
	r.shift = max(pieceBits-int(t.shift)-roughBits, 0)
	for g := range (len(t.starts) - 2) >> r.shift {
		r.next[g] = t.starts[g<<r.shift+1]
	}
}

// put adds the entry to its group.
func (r *rough) put(place int, bucket, after uint16) {
	n := &r.next[bucket>>r.shift]
	r.entries[*n] = entry(place) | entry(after)<<32 | entry(bucket)<<48
	*n++
}

// sort takes the places from..to for tables i and i+1.
func (l *level) sort(r *[pair]rough, i, from, to int) {
	move, o := i%wordPieces*pieceBits, l.tables[i].order
	beyond := (i + pair) % len(l.tables) // the piece after both
	for place := from; place < to; place++ {
		record := l.records[place*l.stride:][:l.stride]
		both := uint32(record[i/wordPieces] >> move)
		first, second := uint16(both), uint16(both>>pieceBits)
		third := uint16(record[beyond/wordPieces] >> (beyond % wordPieces * pieceBits))
		r[0].put(place, o.bucket(first), second)
		r[1].put(place, o.bucket(second), third)
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
