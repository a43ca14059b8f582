package bktree

import (
	"encoding/binary"
	"slices"
	"sort"

	"touchstone/hashindex"
	"touchstone/hashindex/search/internal/arena"
)

// view is a run being read, with the page of each kind that was read last.
type view struct {
	*head
	run                          hashindex.Run
	hashPage, placePage          recent
	framePage, ownerPage, goPage recent
}

// recent is the page that was read last, and its number + 1.
type recent struct {
	n    int
	page []byte
}

// page is page n, which must have so many bytes.
func (v *view) page(r *recent, n, size int) ([]byte, error) {
	if r.n == n+1 {
		return r.page, nil
	}
	page, err := v.run.Page(n)
	if err == nil && len(page) != size {
		err = damaged("page %d has %d bytes, want %d", n, len(page), size)
	}
	if err != nil {
		return nil, err
	}
	*r = recent{n + 1, page}
	return page, nil
}

// share is how many of total, so many a page, are in page i.
func share(total, perPage, i int) int { return min(perPage, total-i*perPage) }

// even rounds up to a multiple of 8.
func even(n int) int { return (n + 7) &^ 7 }

// blocks is how many blocks there are; the last may be partly filled.
func (v *view) blocks() int { return up(v.entries, arena.Size) }

// filled is how many entries block b has.
func (v *view) filled(b int) int { return share(v.entries, arena.Size, b) }

// block is the bytes of block b.
func (v *view) block(b int) ([]byte, error) {
	perPage := hashesIn(v.bits) / arena.Size
	size := arena.Size * v.planes * 8
	i := b / perPage
	page, err := v.page(&v.hashPage, v.hashesAt+i, share(v.blocks(), perPage, i)*size)
	if err != nil {
		return nil, err
	}
	return page[b%perPage*size:][:size], nil
}

// hash is the one at a position: its place in the order of the leaves.
func (v *view) hash(position int) (hashindex.Hash, error) {
	block, err := v.block(position / arena.Size)
	if err != nil {
		return hashindex.Hash{}, err
	}
	return hashIn(block, position%arena.Size, v.planes), nil
}

func hashIn(block []byte, i, planes int) hashindex.Hash {
	word := func(p int) uint64 { return binary.LittleEndian.Uint64(block[(p*arena.Size+i)*8:]) }
	if planes == 1 {
		return hashindex.Hash64(word(0))
	}
	return hashindex.Hash256([4]uint64{word(0), word(1), word(2), word(3)})
}

// place is where, in the order of frames, the entry at a position is.
func (v *view) place(position int) (int, error) {
	if len(v.nodes) == 0 {
		return position, nil
	}
	perPage := hashesIn(v.bits)
	i := position / perPage
	page, err := v.page(&v.placePage, v.placesAt+i, even(share(v.entries, perPage, i)*4))
	if err != nil {
		return 0, err
	}
	place := int(binary.LittleEndian.Uint32(page[position%perPage*4:]))
	if place >= v.entries {
		return 0, damaged("place %d of %d", place, v.entries)
	}
	return place, nil
}

// owner is whose the entry at a place is.
func (v *view) owner(place int) (hashindex.FrameID, hashindex.CollectionID, error) {
	return v.ownerIn(&v.ownerPage, place)
}

func (v *view) ownerIn(r *recent, place int) (hashindex.FrameID, hashindex.CollectionID, error) {
	i := place / ownersIn
	n := share(v.entries, ownersIn, i)
	page, err := v.page(r, v.ownersAt+i, even(n*12))
	if err != nil {
		return 0, 0, err
	}
	at := place % ownersIn
	frame := binary.LittleEndian.Uint64(page[at*8:])
	collection := binary.LittleEndian.Uint32(page[n*8+at*4:])
	return hashindex.FrameID(frame), hashindex.CollectionID(collection), nil
}

// find is the place of the frame, or -1.
func (v *view) find(f hashindex.FrameID) (int, error) {
	if v.entries == 0 || f < v.first || f > v.last {
		return -1, nil
	}
	var failed error
	place := sort.Search(v.entries, func(i int) bool {
		frame, _, err := v.ownerIn(&v.framePage, i)
		if err != nil {
			failed = err
		}
		return frame >= f
	})
	if failed != nil || place == v.entries {
		return -1, failed
	}
	frame, _, err := v.ownerIn(&v.framePage, place)
	if frame != f {
		place = -1
	}
	return place, err
}

// holds reports whether the entry at the place has this hash.
func (v *view) holds(place int, h hashindex.Hash) (bool, error) {
	if len(v.nodes) == 0 {
		is, err := v.hash(place)
		return is == h, err
	}
	leaf := v.leafOf(h)
	if leaf == nil {
		return false, nil
	}
	for position := int(leaf.first); position < int(leaf.first+leaf.count); position++ {
		at, err := v.place(position)
		if err != nil {
			return false, err
		}
		if at == place {
			is, err := v.hash(position)
			return is == h, err
		}
	}
	return false, nil
}

// leafOf is the leaf for the hash, nil when there is none.
func (v *view) leafOf(h hashindex.Hash) *node {
	n := int32(0)
	for v.nodes[n].pivot >= 0 {
		at := uint16(hashindex.Hash64(v.pivots[v.nodes[n].pivot]).Distance(h))
		end := v.nodes[n].end
		for n++; n < end && v.nodes[n].at != at; n = v.nodes[n].end {
		}
		if n == end {
			return nil
		}
	}
	return &v.nodes[n]
}

// removes reports whether the run removes the frame of a run before it.
func (v *view) removes(f hashindex.FrameID) (bool, error) {
	var failed error
	at := sort.Search(v.removed, func(i int) bool {
		frame, err := v.goneFrame(i)
		if err != nil {
			failed = err
		}
		return frame >= f
	})
	if failed != nil || at == v.removed {
		return false, failed
	}
	frame, err := v.goneFrame(at)
	return frame == f, err
}

func (v *view) goneFrame(i int) (hashindex.FrameID, error) {
	p := i / goneIn
	page, err := v.page(&v.goPage, v.goneAt+p, share(v.removed, goneIn, p)*8)
	if err != nil {
		return 0, err
	}
	return hashindex.FrameID(binary.LittleEndian.Uint64(page[i%goneIn*8:])), nil
}

// gone are all frames that the run removes.
func (v *view) gone() ([]hashindex.FrameID, error) {
	all := make([]hashindex.FrameID, v.removed)
	for i := range all {
		var err error
		if all[i], err = v.goneFrame(i); err != nil {
			return nil, err
		}
	}
	if !slices.IsSorted(all) {
		return nil, damaged("the order of removed frames")
	}
	return all, nil
}

// each yields the entries in the order of frames, page by page: it is what loading into memory waits for.
func (v *view) each(yield func(hashindex.Entry) error) error {
	var byPlace []uint64
	if len(v.nodes) > 0 {
		var err error
		if byPlace, err = v.byPlace(); err != nil {
			return err
		}
	}
	var block []byte
	before := hashindex.FrameID(0)
	for first := 0; first < v.entries; first += ownersIn {
		n := share(v.entries, ownersIn, first/ownersIn)
		page, err := v.page(&v.ownerPage, v.ownersAt+first/ownersIn, even(n*12))
		if err != nil {
			return err
		}
		for at := range n {
			e := hashindex.Entry{
				Frame:      hashindex.FrameID(binary.LittleEndian.Uint64(page[at*8:])),
				Collection: hashindex.CollectionID(binary.LittleEndian.Uint32(page[n*8+at*4:])),
			}
			if e.Frame <= before && first+at > 0 {
				return damaged("the order of frames")
			}
			before = e.Frame
			if byPlace != nil {
				e.Hash = hashindex.Hash64(byPlace[first+at])
			} else {
				if at%arena.Size == 0 { // owners fill blocks, so each begins one
					if block, err = v.block((first + at) / arena.Size); err != nil {
						return err
					}
				}
				e.Hash = hashIn(block, at%arena.Size, v.planes)
			}
			if err := yield(e); err != nil {
				return err
			}
		}
	}
	return nil
}

// byPlace are the hashes of a tree in the order of frames.
func (v *view) byPlace() ([]uint64, error) {
	all, seen := make([]uint64, v.entries), make([]uint64, up(v.entries, 64))
	perPage := hashesIn(v.bits)
	for first := 0; first < v.entries; first += perPage {
		n := share(v.entries, perPage, first/perPage)
		hashes, err := v.page(&v.hashPage, v.hashesAt+first/perPage, up(n, arena.Size)*arena.Size*8)
		if err != nil {
			return nil, err
		}
		places, err := v.page(&v.placePage, v.placesAt+first/perPage, even(n*4))
		if err != nil {
			return nil, err
		}
		for i := range n {
			place := binary.LittleEndian.Uint32(places[i*4:])
			if int(place) >= v.entries || seen[place/64]>>(place%64)&1 != 0 {
				return nil, damaged("place %d of %d is no place, or there twice", place, v.entries)
			}
			seen[place/64] |= 1 << (place % 64)
			all[place] = binary.LittleEndian.Uint64(hashes[i*8:])
		}
	}
	return all, nil
}
