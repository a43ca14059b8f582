package bktree

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"touchstone/hashindex"
	"touchstone/hashindex/search/internal/arena"
)

// LoadState replaces the tree by what AppendState wrote. Searches go on in the old tree until the
// new one is whole. Every entry's place in the tree is verified, so that a state which loads
// answers as a linear scan of its entries does (I2); for any other bytes the error is
// hashindex.ErrDamaged.
func (t *Tree) LoadState(state []byte) error {
	loaded, err := load(state, t.bits)
	if err != nil {
		return fmt.Errorf("bktree state: %w", err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.tree = loaded
	return nil
}

func load(state []byte, bits int) (tree, error) {
	r, err := newReader(state, bits)
	if err != nil {
		return tree{}, err
	}
	if err := r.node(root, 0); err != nil {
		return tree{}, err
	}
	if r.nodes.left() > 0 || r.pivots.left() > 0 || r.entries < r.sizes.entries {
		return tree{}, damaged("more than the nodes hold")
	}
	return r.tree, nil
}

// reader builds a tree from a state's columns, each read from its beginning to its end.
type reader struct {
	tree   tree
	sizes  sizes
	path   []step // from the root to the node at hand
	nodes  column
	pivots column
	hashes column
	frames column
	owners column

	entries int // read so far
}

// step is a node above the one at hand and the distance at which the path leaves it.
type step struct{ table, at int32 }

func newReader(state []byte, bits int) (*reader, error) {
	s, err := readHead(state, bits)
	if err != nil {
		return nil, err
	}
	body, at := state[headSize:len(state)-sumSize], 0
	next := func(size int) column {
		at += size
		return column{body[at-size : at]}
	}
	r := &reader{tree: newTree(bits), sizes: s}
	r.nodes = next(s.nodes * nodeSize)
	r.pivots = next(s.inner * bits / 8)
	r.hashes = next(s.entries * bits / 8)
	r.frames = next(s.entries * frameSize)
	r.owners = next(s.entries * ownerSize)
	r.tree.entries.Reserve(r.blocks(), s.entries)
	return r, nil
}

// blocks is how many the leaves will fill, in full or in part. Counts that lie ask for at most one
// a node beyond the full ones.
func (r *reader) blocks() int {
	total := 0
	for nodes := r.nodes; nodes.left() >= nodeSize; {
		_, kids, count := nodes.uint16(), nodes.uint16(), nodes.uint32()
		if kids == 0 {
			total += (count + arena.Size - 1) / arena.Size
		}
	}
	return min(total, r.sizes.nodes+r.sizes.entries/arena.Size)
}

// readHead believes nothing before the checksum, and the counts only when they add up to the
// length: no more is allocated than a small multiple of what was given.
func readHead(state []byte, bits int) (sizes, error) {
	if len(state) < headSize+sumSize || string(state[:len(magic)]) != magic {
		return sizes{}, damaged("not a state of format %s", magic)
	}
	body := state[:len(state)-sumSize]
	if crc32.Checksum(body, castagnoli) != binary.LittleEndian.Uint32(state[len(body):]) {
		return sizes{}, damaged("checksum")
	}
	head := column{state[len(magic):headSize]}
	if got := head.uint32(); got != bits {
		return sizes{}, damaged("hashes of %d bits, want %d", got, bits)
	}
	s := sizes{nodes: head.uint32(), inner: head.uint32(), entries: head.uint32()}
	if s.bytes(bits) != len(state) {
		return sizes{}, damaged("%d bytes, but the counts make %d", len(state), s.bytes(bits))
	}
	return s, nil
}

// node reads the record of node n, which is depth steps below the root, and all that is below it.
func (r *reader) node(n int32, depth int) error {
	if r.nodes.left() < nodeSize || depth > r.tree.bits+3 {
		return damaged("nodes")
	}
	at, kids, count := r.nodes.uint16(), r.nodes.uint16(), r.nodes.uint32()
	if at != int(r.tree.nodes[n].at) {
		return damaged("a node's distance")
	}
	if count > r.sizes.entries-r.entries || (count == 0 && n != root) {
		return damaged("a node's count")
	}
	if kids == 0 {
		return r.leaf(n, count)
	}
	return r.inner(n, depth, kids, count)
}

func (r *reader) inner(n int32, depth, kids, count int) error {
	t := &r.tree
	if kids > t.bits+1 || r.pivots.left() < t.bits/8 {
		return damaged("an inner node")
	}
	before := r.entries
	table := t.inner.add(r.pivots.hash(t.bits))
	t.nodes[n].table, t.nodes[n].count = table, int32(count)
	last := -1
	for range kids {
		at := r.nodes.peek16()
		if at <= last || at > t.bits {
			return damaged("the order of children")
		}
		last = at
		r.path = append(r.path, step{table, int32(at)})
		if err := r.node(t.child(n, at), depth+1); err != nil {
			return err
		}
		r.path = r.path[:len(r.path)-1]
	}
	if r.entries-before != count {
		return damaged("an inner node's count")
	}
	return nil
}

func (r *reader) leaf(n int32, count int) error {
	for range count {
		e := hashindex.Entry{
			Hash:       r.hashes.hash(r.tree.bits),
			Frame:      hashindex.FrameID(r.frames.uint64()),
			Collection: hashindex.CollectionID(r.owners.uint32()),
		}
		if !r.belongs(e.Hash) || r.tree.entries.Find(e.Frame) >= 0 {
			return damaged("an entry that is elsewhere")
		}
		r.tree.entries.Put(r.tree.extend(n), e)
	}
	r.entries += count
	return nil
}

// belongs reports whether the path is the one that the hash leads to.
func (r *reader) belongs(h hashindex.Hash) bool {
	for _, s := range r.path {
		if r.tree.inner.distance(s.table, h.Words[:]) != int(s.at) {
			return false
		}
	}
	return true
}

// column is what is left of one kind of value. Its readers promise that there is enough.
type column struct{ bytes []byte }

func (c *column) left() int { return len(c.bytes) }

func (c *column) take(n int) []byte {
	taken := c.bytes[:n]
	c.bytes = c.bytes[n:]
	return taken
}

func (c *column) uint16() int    { return int(binary.LittleEndian.Uint16(c.take(2))) }
func (c *column) uint32() int    { return int(binary.LittleEndian.Uint32(c.take(4))) }
func (c *column) uint64() uint64 { return binary.LittleEndian.Uint64(c.take(8)) }

// peek16 is -1 at the end, a distance that no node has.
func (c *column) peek16() int {
	if len(c.bytes) < 2 {
		return -1
	}
	return int(binary.LittleEndian.Uint16(c.bytes))
}

func (c *column) hash(bits int) hashindex.Hash {
	if bits == 64 {
		return hashindex.Hash64(c.uint64())
	}
	return hashindex.Hash256([4]uint64{c.uint64(), c.uint64(), c.uint64(), c.uint64()})
}

func damaged(format string, args ...any) error {
	return fmt.Errorf("%s: %w", fmt.Sprintf(format, args...), hashindex.ErrDamaged)
}
