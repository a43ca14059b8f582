package fingerprint

import (
	"encoding/binary"
	"slices"

	"touchstone/hashindex"
)

// box is one box of an ISO base media file, ISO/IEC 14496-12 section 4.2: AVIF and HEIC are made of them.
type box struct {
	kind string
	body []byte
}

// splitBoxes lists boxes that follow each other, at most so many; false where one is longer than what is
// left.
func splitBoxes(raw []byte) (boxes []box, whole bool) {
	const most = 4096 // a phone's picture has some hundred properties, for its tiles
	for len(raw) > 0 && len(boxes) < most {
		if len(raw) < 8 {
			return boxes, false
		}
		size, head := uint64(binary.BigEndian.Uint32(raw)), uint64(8)
		switch {
		case size == 1 && len(raw) >= 16:
			size, head = binary.BigEndian.Uint64(raw[8:]), 16
		case size == 0: // to the end
			size = uint64(len(raw))
		}
		if size < head || size > uint64(len(raw)) {
			return boxes, false
		}
		boxes = append(boxes, box{string(raw[4:8]), raw[head:size]})
		raw = raw[size:]
	}
	return boxes, len(raw) == 0
}

// find is the body of the first box of a kind; nil when there is none.
func find(boxes []box, kind string) []byte {
	for _, b := range boxes {
		if b.kind == kind {
			return b.body
		}
	}
	return nil
}

// within lists the boxes inside the first one of a kind, after so many bytes of its own.
func within(boxes []box, kind string, skip int) []box {
	body := find(boxes, kind)
	inside, _ := splitBoxes(body[min(skip, len(body)):])
	return inside
}

// brandOf is the format that the first box names: its own brand, or one that it is compatible with.
func brandOf(encoded []byte) format {
	first, _ := splitBoxes(encoded[:min(uint64(len(encoded)), uint64(binary.BigEndian.Uint32(encoded)))])
	brands := find(first, "ftyp")
	for brand := range slices.Chunk(brands[:min(len(brands), 256)], 4) {
		switch string(brand) {
		case "avif", "avis":
			return formatAVIF
		case "heic", "heix", "heim", "heis", "hevc", "hevx":
			return formatHEIC
		}
	}
	return ""
}

// readBoxes finds the size and orientation of an AVIF or HEIC picture: ISO/IEC 23008-12. Every size that is
// declared anywhere in it is held to the limits, for a grid's tiles and a thumbnail cost as much as what
// is shown. What the coded data say is for the decoder to find out, which is why it runs apart.
func (h *header) readBoxes(encoded []byte, limits Limits) error {
	boxes, whole := splitBoxes(encoded)
	switch {
	case !whole:
		return truncated(h.format)
	case find(boxes, "moov") != nil && h.format == formatHEIC:
		return refuse(hashindex.UnsupportedFormat, "HEIC sequences are not supported: send one picture")
	}
	meta := within(boxes, "meta", 4)
	primary, ok := primaryItem(find(meta, "pitm"))
	if !ok {
		return corrupt(h.format, "it names no picture")
	}
	inside := within(meta, "iprp", 0)
	properties := within(inside, "ipco", 0)
	for _, p := range properties {
		if width, height, ok := p.size(); ok {
			if err := limits.pixels(width, height, 0); err != nil {
				return err
			}
		}
	}
	h.apply(properties, propertiesOf(find(inside, "ipma"), primary))
	if h.format == formatHEIC { // its decoder turns the picture
		h.width, h.height = h.orientation.size(h.width, h.height)
		h.orientation = upright
	}
	if h.width == 0 || h.height == 0 {
		return corrupt(h.format, "it has no size")
	}
	return nil
}

// size is what an image spatial extents property says.
func (b box) size() (width, height int, ok bool) {
	if b.kind != "ispe" || len(b.body) < 12 {
		return 0, 0, false
	}
	width, height = int(binary.BigEndian.Uint32(b.body[4:])), int(binary.BigEndian.Uint32(b.body[8:]))
	return min(width, 1<<30), min(height, 1<<30), true // what is larger is as much over the limit
}

// apply reads the properties of the picture shown, in their order: its size, turns and mirrorings.
func (h *header) apply(properties []box, of []int) {
	for _, n := range of {
		if n < 1 || n > len(properties) {
			continue
		}
		p := properties[n-1]
		width, height, sized := p.size()
		switch {
		case sized:
			h.width, h.height = width, height
		case p.kind == "irot" && len(p.body) > 0:
			h.orientation = h.orientation.turned(int(p.body[0] & 3))
		case p.kind == "imir" && len(p.body) > 0:
			h.orientation = h.orientation.mirrored(p.body[0]&1 == 0)
		}
	}
}

func primaryItem(body []byte) (uint32, bool) {
	switch {
	case len(body) >= 6 && body[0] == 0:
		return uint32(binary.BigEndian.Uint16(body[4:])), true
	case len(body) >= 8:
		return binary.BigEndian.Uint32(body[4:]), true
	}
	return 0, false
}

// propertiesOf finds an item among the associations: entries of an item's number, how many properties it
// has, and their numbers, whose first bit says that they are essential.
func propertiesOf(body []byte, wanted uint32) (of []int) {
	r := reader{rest: body}
	head := r.number(4)
	number, property := 2, 1
	if head>>24 >= 1 {
		number = 4
	}
	if head&1 != 0 {
		property = 2
	}
	for range r.number(4) {
		id, count := r.number(number), r.number(1)
		for range count {
			if n := r.number(property); id == wanted {
				of = append(of, int(n&(1<<(8*property-1)-1)))
			}
		}
		if r.short {
			return nil
		}
	}
	return of
}

// reader reads big-endian numbers; past the end they are 0, and it is short.
type reader struct {
	rest  []byte
	short bool
}

func (r *reader) number(bytes int) (n uint32) {
	if len(r.rest) < bytes {
		r.rest, r.short = nil, true
		return 0
	}
	for _, b := range r.rest[:bytes] {
		n = n<<8 | uint32(b)
	}
	r.rest = r.rest[bytes:]
	return n
}
