package bktree

import (
	"encoding/binary"
	"fmt"
	"unsafe"

	"touchstone/hashindex"
	"touchstone/hashindex/search/internal/arena"
)

// The pages of a run; all numbers are little-endian, and every page is filled up with zeros to a
// multiple of 8 bytes. hashindex/store/bolt/FORMAT.md has the same as tables, with an example.
//
//	head    magic, then u32: bits, entries, removed frames, nodes, inner nodes, 0; u64: first frame, last
//	nodes   8 bytes each: distance from the parent's pivot u16, children u16, entries below u32, in
//	        preorder; then the inner nodes' pivots, u64 each. Pages are cuts of these bytes.
//	hashes  blocks of 64 as package arena compares them, in the order of the leaves
//	places  u32 each, as many a page as hashes: which entry, in the order of frames, the hash is of
//	owners  in the order of frames: u64 each the frames, then u32 each the collections
//	gone    u64 each: the frames that the run removes of those before it, ascending
//
// A run without nodes has no places: its hashes lie in the order of frames.
const (
	magic    = "tsbktre2" // the digit is the format version
	headSize = 48
	nodeSize = 8

	nodeBytes = 64 << 10 // of nodes and pivots a page
	hashBytes = 64 << 10
	ownersIn  = 4096 // owners a page
	goneIn    = 8192
)

// head is what a run says of itself, checked, with its nodes.
type head struct {
	bits, planes     int
	entries, removed int
	first, last      hashindex.FrameID // of the entries
	nodes            []node
	pivots           []uint64
	shape
}

// shape is where the pages of each kind begin.
type shape struct{ nodesAt, hashesAt, placesAt, ownersAt, goneAt, end int }

func up(n, size int) int { return (n + size - 1) / size }

// hashesIn is how many hashes a page has.
func hashesIn(bits int) int { return hashBytes * 8 / bits }

func shapeOf(bits, entries, removed, nodes, inner int) shape {
	s := shape{nodesAt: 1}
	s.hashesAt = s.nodesAt + up(nodes*nodeSize+inner*8, nodeBytes)
	s.placesAt = s.hashesAt + up(entries, hashesIn(bits))
	s.ownersAt = s.placesAt
	if nodes > 0 {
		s.ownersAt += up(entries, hashesIn(bits))
	}
	s.goneAt = s.ownersAt + up(entries, ownersIn)
	s.end = s.goneAt + up(removed, goneIn)
	return s
}

// node is a leaf or an inner node. Its subtree is nodes[n:end], its entries those from first on.
type node struct {
	at           uint16 // distance of what is below from the parent's pivot
	pivot        int32  // -1: a leaf
	end          int32
	first, count uint32
}

// readHead believes nothing that it has not checked; the pages' bytes have a checksum each.
func readHead(r hashindex.Run, bits int) (*head, error) {
	page, err := r.Page(0)
	if err != nil {
		return nil, err
	}
	if len(page) != headSize || string(page[:len(magic)]) != magic {
		return nil, damaged("not a run of format %s", magic)
	}
	number := func(i int) int { return int(binary.LittleEndian.Uint32(page[len(magic)+4*i:])) }
	h := &head{bits: number(0), planes: number(0) / 64, entries: number(1), removed: number(2)}
	nodes, inner := number(3), number(4)
	h.first = hashindex.FrameID(binary.LittleEndian.Uint64(page[headSize-16:]))
	h.last = hashindex.FrameID(binary.LittleEndian.Uint64(page[headSize-8:]))
	if h.bits != bits || inner > nodes {
		return nil, damaged("hashes of %d bits, want %d; %d of %d nodes inner", h.bits, bits, inner, nodes)
	}
	h.shape = shapeOf(bits, h.entries, h.removed, nodes, inner)
	if h.end != r.Pages {
		return nil, damaged("%d pages, but the counts make %d", r.Pages, h.end)
	}
	if nodes == 0 {
		return h, nil
	}
	return h, h.readNodes(r, nodes, inner)
}

func (h *head) readNodes(r hashindex.Run, nodes, inner int) error {
	var raw []byte
	for n := h.nodesAt; n < h.hashesAt; n++ {
		page, err := r.Page(n)
		if err != nil {
			return err
		}
		raw = append(raw, page...)
	}
	if len(raw) != nodes*nodeSize+inner*8 {
		return damaged("%d bytes of nodes, want %d", len(raw), nodes*nodeSize+inner*8)
	}
	h.pivots = make([]uint64, inner)
	for i := range h.pivots {
		h.pivots[i] = binary.LittleEndian.Uint64(raw[nodes*nodeSize+i*8:])
	}
	p := nodeParser{head: h, raw: raw[:nodes*nodeSize]}
	h.nodes = make([]node, 0, nodes)
	if err := p.node(0); err != nil {
		return err
	}
	if len(p.raw) > 0 || p.inner != inner || p.entries != h.entries {
		return damaged("%d entries below the nodes, want %d", p.entries, h.entries)
	}
	return nil
}

// nodeParser reads nodes in preorder.
type nodeParser struct {
	head    *head
	raw     []byte
	inner   int // read so far
	entries int
}

func (p *nodeParser) node(depth int) error {
	if len(p.raw) < nodeSize || depth > p.head.bits+3 {
		return damaged("nodes")
	}
	at, kids := binary.LittleEndian.Uint16(p.raw), int(binary.LittleEndian.Uint16(p.raw[2:]))
	count := binary.LittleEndian.Uint32(p.raw[4:])
	p.raw = p.raw[nodeSize:]
	n, first := len(p.head.nodes), p.entries
	p.head.nodes = append(p.head.nodes, node{at: at, pivot: -1, first: uint32(first), count: count})
	if kids == 0 {
		p.entries += int(count)
	} else if err := p.kids(n, kids, depth); err != nil {
		return err
	}
	if p.entries-first != int(count) || count == 0 || p.entries > p.head.entries {
		return damaged("a node's count")
	}
	p.head.nodes[n].end = int32(len(p.head.nodes))
	return nil
}

func (p *nodeParser) kids(n, kids, depth int) error {
	if p.inner == len(p.head.pivots) || kids > p.head.bits+1 {
		return damaged("an inner node")
	}
	p.head.nodes[n].pivot = int32(p.inner)
	p.inner++
	last := -1
	for range kids {
		kid := len(p.head.nodes)
		if err := p.node(depth + 1); err != nil {
			return err
		}
		at := int(p.head.nodes[kid].at)
		if at <= last || at > p.head.bits {
			return damaged("the order of children")
		}
		last = at
	}
	return nil
}

func (h *head) memory() int {
	return len(h.nodes)*int(unsafe.Sizeof(node{})) + len(h.pivots)*8 + int(unsafe.Sizeof(*h))
}

// stored is the size of the pages.
func (h *head) stored() int {
	n := headSize + len(h.nodes)*nodeSize + len(h.pivots)*8 + up(h.entries, arena.Size)*arena.Size*h.planes*8 + h.entries*12 + h.removed*8
	if len(h.nodes) > 0 {
		n += h.entries * 4
	}
	return n
}

func damaged(format string, args ...any) error {
	return fmt.Errorf("%s: %w", fmt.Sprintf(format, args...), hashindex.ErrDamaged)
}
