// Package arena keeps entries in flat memory, sixty-four to a block, so that one pass over a block
// compares it with several probes. Searchers differ in which blocks they look at; how a block is
// looked at, where a frame is kept and what it costs are said here once.
package arena

import (
	"fmt"
	"slices"
	"unsafe"

	"touchstone/hashindex"
)

// Size is how many entries a block holds: as many as a mask of 64 bits has answers.
const Size = 64

// Entries are places numbered from 0; place i is in block i/Size. A place holds an entry or
// nothing: which, its owner knows. The slices hold no pointers, so the collector never walks them.
type Entries struct {
	planes      int      // words a hash: 1 or 4
	words       []uint64 // word p of place i is words[(i/Size*planes+p)*Size + i%Size]
	frames      []hashindex.FrameID
	collections []hashindex.CollectionID
	index       index
}

// New has no blocks. The width is 64 or 256 bits.
func New(bits int) Entries {
	if bits != 64 && bits != 256 {
		panic(fmt.Sprintf("arena: hashes of %d bits", bits))
	}
	return Entries{planes: bits / 64}
}

// Bits is the width of the hashes.
func (e *Entries) Bits() int { return e.planes * 64 }

// Blocks is how many blocks there are.
func (e *Entries) Blocks() int { return len(e.frames) / Size }

// Len is how many places hold an entry.
func (e *Entries) Len() int { return e.index.used }

// Grow adds a block of empty places and returns its number.
func (e *Entries) Grow() int {
	e.words = extend(e.words, Size*e.planes)
	e.frames = extend(e.frames, Size)
	e.collections = extend(e.collections, Size)
	return e.Blocks() - 1
}

// Reserve makes room for that many blocks and entries in all, so that growing up to there copies nothing.
func (e *Entries) Reserve(blocks, entries int) {
	e.words = slices.Grow(e.words, max(0, blocks*Size*e.planes-len(e.words)))
	e.frames = slices.Grow(e.frames, max(0, blocks*Size-len(e.frames)))
	e.collections = slices.Grow(e.collections, max(0, blocks*Size-len(e.collections)))
	e.index.reserve(entries, e.frames)
}

// extend grows by an eighth when it must: append's quarter would idle in memory.
func extend[T any](s []T, n int) []T {
	if len(s)+n > cap(s) {
		wider := make([]T, len(s), len(s)+len(s)/8+n)
		copy(wider, s)
		s = wider
	}
	return s[:len(s)+n]
}

// Shrink gives back the last block, which must hold nothing.
func (e *Entries) Shrink() {
	e.words = retract(e.words, Size*e.planes)
	e.frames = retract(e.frames, Size)
	e.collections = retract(e.collections, Size)
}

// retract copies to a smaller slice once three quarters idle.
func retract[T any](s []T, n int) []T {
	s = s[:len(s)-n]
	if 4*len(s) < cap(s) {
		s = append(make([]T, 0, 2*len(s)), s...)
	}
	return s
}

// Bytes is the memory held, spare capacity included.
func (e *Entries) Bytes() int {
	const frame, collection = int(unsafe.Sizeof(hashindex.FrameID(0))), int(unsafe.Sizeof(hashindex.CollectionID(0)))
	return cap(e.words)*8 + cap(e.frames)*frame + cap(e.collections)*collection + e.index.bytes()
}

// Find is the place that holds the frame, or -1.
func (e *Entries) Find(f hashindex.FrameID) int { return e.index.find(f, e.frames) }

// At is the entry at a place that holds one.
func (e *Entries) At(place int) hashindex.Entry {
	return hashindex.Entry{Frame: e.frames[place], Collection: e.collections[place], Hash: e.Hash(place)}
}

// Frame is whose hash is at a place that holds an entry.
func (e *Entries) Frame(place int) hashindex.FrameID { return e.frames[place] }

// Collection is where the entry at a place belongs.
func (e *Entries) Collection(place int) hashindex.CollectionID { return e.collections[place] }

// Put fills an empty place. The frame must not be held elsewhere.
func (e *Entries) Put(place int, entry hashindex.Entry) {
	if entry.Hash.Bits() != e.Bits() {
		panic(fmt.Sprintf("arena: a hash of %d bits among hashes of %d", entry.Hash.Bits(), e.Bits()))
	}
	at := e.word(place)
	for p := range e.planes {
		e.words[at+p*Size] = entry.Hash.Words[p]
	}
	e.frames[place], e.collections[place] = entry.Frame, entry.Collection
	e.index.add(place, e.frames)
}

// Move takes the entry at one place to another, whose own entry must have been forgotten.
func (e *Entries) Move(from, to int) {
	if from == to {
		return
	}
	src, dst := e.word(from), e.word(to)
	for p := range e.planes {
		e.words[dst+p*Size] = e.words[src+p*Size]
	}
	e.index.move(from, to, e.frames)
	e.frames[to], e.collections[to] = e.frames[from], e.collections[from]
}

// Forget empties the place.
func (e *Entries) Forget(place int) { e.index.remove(place, e.frames) }

// Hash is the hash at a place that holds an entry.
func (e *Entries) Hash(place int) hashindex.Hash {
	at := e.word(place)
	if e.planes == 1 {
		return hashindex.Hash64(e.words[at])
	}
	return hashindex.Hash256([4]uint64{e.words[at], e.words[at+Size], e.words[at+2*Size], e.words[at+3*Size]})
}

// word is where the place's first word is; the next ones are Size apart.
func (e *Entries) word(place int) int { return place/Size*Size*e.planes + place%Size }
