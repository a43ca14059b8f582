package bktree

import (
	"encoding/binary"
	"iter"
	"math/bits"

	"touchstone/hashindex/search/internal/arena"
)

// bucket is how many entries a leaf may have, but for those whose hashes are all one.
const bucket = 2048

// builder sorts hashes into the order of the leaves.
//
// No path is longer than 64+3 nodes, whatever the hashes: the pivots p1, p2, ... along one have
// d(pi, pj) equal for all j > i, which makes the matrix of their distances regular, while distances
// in a cube of so many dimensions have rank at most 64+2. Recursion is therefore safe.
type builder struct {
	hashes, spareHashes []uint64
	places, sparePlaces []uint32
	nodes               []byte // as in the pages
	pivots              []uint64
}

// build sorts a copy of the hashes, which are in the order of their frames.
func build(hashes []uint64) *builder {
	b := &builder{
		hashes: append([]uint64(nil), hashes...), spareHashes: make([]uint64, len(hashes)),
		places: make([]uint32, len(hashes)), sparePlaces: make([]uint32, len(hashes)),
	}
	for i := range b.places {
		b.places[i] = uint32(i)
	}
	b.node(0, len(hashes), 0, false)
	return b
}

// node makes the node of the entries from..to, which are at that distance from the parent's pivot. The
// oldest is the pivot: it goes to child 0, so that another child at least gets fewer entries.
func (b *builder) node(from, to, at int, equal bool) {
	if to-from <= bucket || equal {
		b.put(at, 0, to-from)
		return
	}
	pivot := b.hashes[from]
	b.pivots = append(b.pivots, pivot)
	starts := b.deal(from, to, pivot)
	kids := 0
	for d := range 65 {
		if starts[d+1] > starts[d] {
			kids++
		}
	}
	b.put(at, kids, to-from)
	for d := range 65 {
		if starts[d+1] > starts[d] {
			b.node(starts[d], starts[d+1], d, d == 0)
		}
	}
}

// deal sorts the entries by their distance from the pivot, keeping the order of equals; those at
// distance d are then starts[d] to starts[d+1].
func (b *builder) deal(from, to int, pivot uint64) (starts [66]int) {
	for _, h := range b.hashes[from:to] {
		starts[bits.OnesCount64(h^pivot)+1]++
	}
	starts[0] = from
	for d := range 65 {
		starts[d+1] += starts[d]
	}
	next := starts
	for i := from; i < to; i++ {
		d := bits.OnesCount64(b.hashes[i] ^ pivot)
		b.spareHashes[next[d]], b.sparePlaces[next[d]] = b.hashes[i], b.places[i]
		next[d]++
	}
	copy(b.hashes[from:to], b.spareHashes[from:to])
	copy(b.places[from:to], b.sparePlaces[from:to])
	return starts
}

func (b *builder) put(at, kids, count int) {
	b.nodes = binary.LittleEndian.AppendUint16(b.nodes, uint16(at))
	b.nodes = binary.LittleEndian.AppendUint16(b.nodes, uint16(kids))
	b.nodes = binary.LittleEndian.AppendUint32(b.nodes, uint32(count))
}

// pages yields the run's pages, each valid until the next.
func (c *content) pages(width int) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		p := pageWriter{content: c, bits: width, yield: yield}
		hashes := c.hashes
		var places []uint32
		if width == 64 && len(c.frames) > bucket {
			b := build(c.hashes)
			hashes, places = b.hashes, b.places
			p.head(len(b.nodes)/nodeSize, len(b.pivots))
			p.nodes(b)
		} else {
			p.head(0, 0)
		}
		p.hashes(hashes)
		p.places(places)
		p.owners()
		p.gone()
	}
}

type pageWriter struct {
	*content
	bits    int
	yield   func([]byte) bool
	page    []byte
	stopped bool
}

// flush yields the page under way, if there is anything in it.
func (p *pageWriter) flush() {
	for len(p.page)%8 != 0 {
		p.page = append(p.page, 0)
	}
	if len(p.page) > 0 && !p.stopped {
		p.stopped = !p.yield(p.page)
	}
	p.page = p.page[:0]
}

func (p *pageWriter) u32(n int)    { p.page = binary.LittleEndian.AppendUint32(p.page, uint32(n)) }
func (p *pageWriter) u64(n uint64) { p.page = binary.LittleEndian.AppendUint64(p.page, n) }

func (p *pageWriter) head(nodes, inner int) {
	p.page = append(p.page, magic...)
	for _, n := range []int{p.bits, len(p.frames), len(p.content.gone), nodes, inner, 0} {
		p.u32(n)
	}
	var first, last uint64
	if n := len(p.frames); n > 0 {
		first, last = uint64(p.frames[0]), uint64(p.frames[n-1])
	}
	p.u64(first)
	p.u64(last)
	p.flush()
}

func (p *pageWriter) nodes(b *builder) {
	raw := b.nodes
	for _, pivot := range b.pivots {
		raw = binary.LittleEndian.AppendUint64(raw, pivot)
	}
	for len(raw) > 0 {
		n := min(nodeBytes, len(raw))
		p.page = append(p.page, raw[:n]...)
		raw = raw[n:]
		p.flush()
	}
}

// hashes writes blocks; the last is filled up with zeros.
func (p *pageWriter) hashes(hashes []uint64) {
	words := p.words
	for first := 0; first < len(p.frames); first += arena.Size {
		for w := range words {
			for i := first; i < first+arena.Size; i++ {
				if i < len(p.frames) {
					p.u64(hashes[i*words+w])
				} else {
					p.u64(0)
				}
			}
		}
		if len(p.page) == hashBytes {
			p.flush()
		}
	}
	p.flush()
}

func (p *pageWriter) places(places []uint32) {
	for i, place := range places {
		p.u32(int(place))
		if (i+1)%hashesIn(p.bits) == 0 {
			p.flush()
		}
	}
	p.flush()
}

func (p *pageWriter) owners() {
	for first := 0; first < len(p.frames); first += ownersIn {
		last := min(first+ownersIn, len(p.frames))
		for _, f := range p.frames[first:last] {
			p.u64(uint64(f))
		}
		for _, c := range p.collections[first:last] {
			p.u32(int(c))
		}
		p.flush()
	}
}

func (p *pageWriter) gone() {
	for i, f := range p.content.gone {
		p.u64(uint64(f))
		if (i+1)%goneIn == 0 {
			p.flush()
		}
	}
	p.flush()
}
