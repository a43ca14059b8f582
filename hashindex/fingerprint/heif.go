package fingerprint

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
)

// heif is what the boxes of an AVIF or HEIC picture say of its items: ISO/IEC 14496-12 section 8.11 and ISO/IEC
// 23008-12. An item is a coded picture, or derived from others, as a grid is from its tiles.
type heif struct {
	format  format
	encoded []byte

	properties []box
	coded      []size            // of each property, as a decoder's configuration says it
	of         map[uint32][]int  // properties of each item, counted from 1
	kinds      map[uint32]string // of items
	data       map[uint32][]byte
	parts      map[uint32][]uint32 // items that one is made of
}

// size is a width and a height; both are 0 where nobody says them.
type size struct{ width, height int }

func (s size) most(other size) size {
	return size{max(s.width, other.width), max(s.height, other.height)}
}

// What a file may hold. A phone's picture has some hundred items, each in one piece.
const (
	maxItems   = 4096
	maxExtents = 4096
	maxParts   = 1 << 16
)

// readHEIF reads the boxes inside a meta box.
func readHEIF(f format, encoded []byte, meta []box, limits Limits) (*heif, error) {
	h := &heif{
		format: f, encoded: encoded, of: map[uint32][]int{}, kinds: map[uint32]string{},
		data: map[uint32][]byte{}, parts: map[uint32][]uint32{},
	}
	inside := within(meta, "iprp", 0)
	for _, read := range []func() bool{
		func() bool { return h.readProperties(find(inside, "ipco")) },
		func() bool { return h.readAssociations(find(inside, "ipma")) },
		func() bool { return h.readKinds(find(meta, "iinf")) },
		func() bool { return h.readParts(find(meta, "iref")) },
	} {
		if !read() {
			return nil, corrupt(f, "its items are more than a picture's can be")
		}
	}
	return h, h.readPlaces(find(meta, "iloc"), find(meta, "idat"), limits)
}

// check holds every item to the limits before a decoder sees any: what is coded must be as large as it is said to
// be, and what is derived no more work than a picture may be.
func (h *heif) check(limits Limits) error {
	for _, p := range h.properties {
		// A thumbnail costs as much as what is shown.
		if s, ok := p.size(); ok {
			if err := limits.pixels(s.width, s.height, heifBytes, len(h.encoded)); err != nil {
				return err
			}
		}
	}
	work := map[uint32]int64{}
	for _, id := range slices.Sorted(maps.Keys(h.kinds)) { // so that a file is always refused for the same
		if err := h.checkCoded(id, limits); err != nil {
			return err
		}
		if err := h.checkDerived(id, work, limits); err != nil {
			return err
		}
	}
	return nil
}

const (
	// heifBytes is what a shown pixel takes at least. The planes that it is made of come on top, in a child's memory.
	heifBytes = 4

	// codedSlack is what a coded side may have more than is shown of it: codecs work in blocks and crop.
	codedSlack = 128
)

// checkCoded compares what the coded data of an item say with what was declared, if that was.
func (h *heif) checkCoded(id uint32, limits Limits) error {
	said, declared := h.codedSize(id), h.declared(id)
	if err := limits.pixels(said.width, said.height, heifBytes, len(h.encoded)); err != nil {
		return err
	}
	if declared != (size{}) && (said.width > declared.width+codedSlack || said.height > declared.height+codedSlack) {
		return corrupt(h.format, fmt.Sprintf("it says that it is %d×%d, its data %d×%d", declared.width, declared.height, said.width, said.height))
	}
	return nil
}

func (h *heif) checkDerived(id uint32, work map[uint32]int64, limits Limits) error {
	if rows, columns, whole, ok := h.grid(id); ok {
		if rows*columns != len(h.parts[id]) {
			return corrupt(h.format, fmt.Sprintf("a grid of %d by %d has %d tiles", columns, rows, len(h.parts[id])))
		}
		if err := limits.pixels(whole.width, whole.height, heifBytes, len(h.encoded)); err != nil {
			return err
		}
	}
	pixels, ok := h.pixels(id, work)
	if !ok {
		return corrupt(h.format, "it is derived from itself")
	}
	return limits.memory(pixels*heifBytes, len(h.encoded))
}

// pixels are those that are decoded for an item, its parts counted as often as they are used: work holds what is known
// of it. It is false for an item that is a part of itself.
func (h *heif) pixels(id uint32, work map[uint32]int64) (sum int64, ok bool) {
	const underWay, most = -1, 1 << 50
	if known, seen := work[id]; seen {
		return known, known != underWay
	}
	work[id] = underWay
	s := h.declared(id).most(h.codedSize(id))
	if len(h.parts[id]) == 0 {
		sum = int64(s.width) * int64(s.height)
	}
	for _, part := range h.parts[id] {
		n, ok := h.pixels(part, work)
		if !ok {
			return 0, false
		}
		sum = min(sum+n, most)
	}
	work[id] = sum
	return sum, true
}

// grid reads what a grid says of itself: ISO/IEC 23008-12, section 6.6.2.3.
func (h *heif) grid(id uint32) (rows, columns int, whole size, ok bool) {
	if h.kinds[id] != "grid" {
		return 0, 0, size{}, false
	}
	r := reader{rest: h.data[id]}
	wide := 2
	if flags := r.number(2) & 1; flags != 0 {
		wide = 4
	}
	rows, columns = int(r.number(1))+1, int(r.number(1))+1
	width, height := int(r.number(wide)), int(r.number(wide))
	return rows, columns, size{min(width, 1<<30), min(height, 1<<30)}, true
}

// declared is the size that an item's properties say.
func (h *heif) declared(id uint32) size {
	for _, n := range h.of[id] {
		if s, ok := h.property(n).size(); ok {
			return s
		}
	}
	return size{}
}

// codedSize is the largest that an item's decoder would be told, by its configuration or its data.
func (h *heif) codedSize(id uint32) (most size) {
	for _, n := range h.of[id] {
		if n >= 1 && n <= len(h.coded) {
			most = most.most(h.coded[n-1])
		}
	}
	switch h.kinds[id] {
	case "av01":
		return most.most(av1Size(h.data[id]))
	case "hvc1", "hev1":
		return most.most(hevcSize(h.data[id], 4))
	}
	return most
}

// property is one by its number; an empty one where there is none of it.
func (h *heif) property(n int) box {
	if n < 1 || n > len(h.properties) {
		return box{}
	}
	return h.properties[n-1]
}

func (h *heif) readProperties(container []byte) (whole bool) {
	h.properties, whole = splitBoxes(container)
	for _, p := range h.properties {
		said := size{}
		switch {
		case p.kind == "av1C" && len(p.body) > 4:
			said = av1Size(p.body[4:])
		case p.kind == "hvcC":
			said = hevcConfigured(p.body)
		}
		h.coded = append(h.coded, said)
	}
	return whole
}

// readAssociations reads which properties items have: entries of an item's number, how many properties it has, and
// their numbers, whose first bit says that they are essential.
func (h *heif) readAssociations(body []byte) bool {
	r := reader{rest: body}
	head := r.number(4)
	number, property := 2, 1
	if head>>24 >= 1 {
		number = 4
	}
	if head&1 != 0 {
		property = 2
	}
	for n := range r.number(4) {
		id, count := r.number(number), r.number(1)
		for range count {
			h.of[id] = append(h.of[id], int(r.number(property)&(1<<(8*property-1)-1)))
		}
		if r.short || n >= maxItems || len(h.of[id]) > 255 {
			return false
		}
	}
	return true
}

// readKinds reads the entries that name items.
func (h *heif) readKinds(info []byte) bool {
	skip := 6
	if len(info) > 0 && info[0] != 0 {
		skip = 8
	}
	entries, whole := splitBoxes(info[min(skip, len(info)):])
	for _, e := range entries {
		r := reader{rest: e.body}
		number := 2
		if version := r.number(4) >> 24; version >= 3 {
			number = 4
		}
		id := r.number(number)
		r.number(2) // its protection
		if len(r.rest) >= 4 {
			h.kinds[id] = string(r.rest[:4])
		}
	}
	return whole && len(h.kinds) <= maxItems
}

// readParts reads which items others are derived from.
func (h *heif) readParts(references []byte) bool {
	number := 2
	if len(references) > 0 && references[0] != 0 {
		number = 4
	}
	inside, whole := splitBoxes(references[min(4, len(references)):])
	all := 0
	for _, b := range inside {
		if b.kind != "dimg" {
			continue
		}
		r := reader{rest: b.body}
		from, count := r.number(number), r.number(2)
		if all += int(count); all > maxParts {
			return false
		}
		for range count {
			h.parts[from] = append(h.parts[from], r.number(number))
		}
	}
	return whole
}

// readPlaces reads where the items lie. Their pieces may be said to lie over each other, so that what a decoder
// puts together is held to what a file may have.
func (h *heif) readPlaces(places, idat []byte, limits Limits) error {
	r := reader{rest: places}
	version := r.number(4) >> 24
	sizes := r.number(2)
	offset, length, base, index := int(sizes>>12), int(sizes>>8&15), int(sizes>>4&15), 0
	number := 2
	if version > 0 {
		index = int(sizes & 15)
	}
	if version > 1 {
		number = 4
	}
	total, extents := uint64(0), uint32(0)
	for range r.number(number) {
		id, from := r.number(number), h.encoded
		if inside := version > 0 && r.number(2)&15 == 1; inside {
			from = idat
		}
		r.number(2) // which file: this one
		start, count := r.long(base), r.number(2)
		if extents += count; extents > maxExtents || r.short {
			return corrupt(h.format, "it lies in too many pieces")
		}
		var pieces [][]byte
		for range count {
			r.long(index)
			piece := cut(from, start+r.long(offset), r.long(length))
			pieces = append(pieces, piece)
			total += uint64(len(piece))
		}
		if err := check("image_bytes", int64(total), limits.ImageBytes); err != nil {
			return err
		}
		h.data[id] = joined(pieces)
	}
	return nil
}

// cut is so many bytes at a place, or fewer at the end; a length of 0 is all of it.
func cut(from []byte, at, length uint64) []byte {
	from = from[min(at, uint64(len(from))):]
	if length == 0 {
		return from
	}
	return from[:min(length, uint64(len(from)))]
}

func joined(pieces [][]byte) []byte {
	if len(pieces) == 1 {
		return pieces[0]
	}
	return bytes.Join(pieces, nil)
}
