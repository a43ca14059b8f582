package fingerprint

import (
	"bytes"
	"encoding/binary"
	"io"
	"slices"
	"strings"

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

// readBoxes finds the size and orientation of an AVIF or HEIC picture: ISO/IEC 23008-12.
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
	items, err := readHEIF(h.format, encoded, meta, limits)
	if err != nil {
		return err
	}
	if err := items.check(limits); err != nil {
		return err
	}
	h.apply(items.properties, items.of[primary])
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
func (b box) size() (s size, ok bool) {
	if b.kind != "ispe" || len(b.body) < 12 {
		return size{}, false
	}
	width, height := int(binary.BigEndian.Uint32(b.body[4:])), int(binary.BigEndian.Uint32(b.body[8:]))
	return size{min(width, 1<<30), min(height, 1<<30)}, true // what is larger is as much over the limit
}

// apply reads the properties of the picture shown, in their order: its size, turns and mirrorings.
func (h *header) apply(properties []box, of []int) {
	for _, n := range of {
		if n < 1 || n > len(properties) {
			continue
		}
		p := properties[n-1]
		shown, sized := p.size()
		switch {
		case sized:
			h.width, h.height = shown.width, shown.height
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

// long reads a number of up to eight bytes.
func (r *reader) long(bytes int) uint64 {
	if bytes > 4 {
		return uint64(r.number(bytes-4))<<32 | uint64(r.number(4))
	}
	return uint64(r.number(bytes))
}

// asStill is an AVIF whose decoder shows the picture that was looked at here, and not a track of moving ones, which a file
// prefers by its own brand.
func asStill(encoded []byte) io.Reader {
	const brandAt = 8
	if len(encoded) < brandAt+4 {
		return bytes.NewReader(encoded)
	}
	return io.MultiReader(bytes.NewReader(encoded[:brandAt]), strings.NewReader("avif"), bytes.NewReader(encoded[brandAt+4:]))
}
