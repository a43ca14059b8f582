package multiindex

import (
	"sort"

	"touchstone/hashindex"
)

// level is a set of entries that never changes but for the marks of what was removed. Entries have
// places from 0 in the order of their frames, so that a frame is found without an index.
type level struct {
	words  int // of 64 bits a hash: 1 or 4
	stride int // words a record

	// A record is the hash, its frame and its collection, so that to answer an entry costs one
	// cache miss. Those of 256 bits fill a cache line.
	records []uint64
	tables  []table // one for each piece
	keyBits int     // of the tables' keys
	masks   *masks  // of keys so wide

	gone  []uint64 // a bit for each place whose entry was removed
	count int      // of those
}

// newLevel has room for n entries and none yet.
func newLevel(bits, n int) *level {
	words, stride := 1, 3
	if bits == 256 {
		words, stride = 4, 8
	}
	return &level{
		words:   words,
		stride:  stride,
		records: spacious[uint64](n * stride)[:0],
		tables:  make([]table, words*wordPieces),
		gone:    make([]uint64, (n+63)/64),
	}
}

// add takes entries in the order of their frames.
func (l *level) add(e hashindex.Entry) {
	at := len(l.records)
	l.records = l.records[:at+l.stride]
	r := l.records[at:]
	r[0] = e.Hash.Words[0]
	if l.words == 4 {
		r[1], r[2], r[3] = e.Hash.Words[1], e.Hash.Words[2], e.Hash.Words[3]
	}
	r[l.words], r[l.words+1] = uint64(e.Frame), uint64(e.Collection)
}

func (l *level) size() int { return len(l.records) / l.stride }

func (l *level) live() int { return l.size() - l.count }

func (l *level) at(place int) hashindex.Entry {
	return hashindex.Entry{Frame: l.frame(place), Collection: l.collection(place), Hash: l.hash(place)}
}

func (l *level) hash(place int) hashindex.Hash {
	if l.words == 1 {
		return hashindex.Hash64(l.records[place*l.stride])
	}
	return hashindex.Hash256([4]uint64(l.records[place*l.stride:]))
}

func (l *level) frame(place int) hashindex.FrameID {
	return hashindex.FrameID(l.records[place*l.stride+l.words])
}

func (l *level) collection(place int) hashindex.CollectionID {
	return hashindex.CollectionID(l.records[place*l.stride+l.words+1])
}

// find is the place of the frame's entry, or -1 when there is none or it was removed. That a frame
// is newer than all here, as most that are asked about, is seen at once.
func (l *level) find(f hashindex.FrameID) int {
	n := l.size()
	if n == 0 || f > l.frame(n-1) {
		return -1
	}
	place := sort.Search(n, func(i int) bool { return l.frame(i) >= f })
	if l.frame(place) != f || removed(l.gone, place) {
		return -1
	}
	return place
}

func (l *level) remove(place int) {
	l.gone[place/64] |= 1 << (place % 64)
	l.count++
}

func removed(gone []uint64, place int) bool { return gone[place/64]>>(place%64)&1 != 0 }

func (l *level) bytes() int {
	n := cap(l.records)*8 + cap(l.gone)*8
	for i := range l.tables {
		n += l.tables[i].bytes()
	}
	return n
}
