package fingerprint

import "encoding/binary"

const pngSignature = "\x89PNG\r\n\x1a\n"

// readPNG walks the chunks to the end of the picture.
func (h *header) readPNG(encoded []byte, limits Limits) error {
	const frame = 12 // length, type and checksum around each chunk's data
	var walk apngWalk
	rest := encoded[len(pngSignature):]
	for first := true; ; first = false {
		if len(rest) < frame {
			return truncated(formatPNG)
		}
		length := uint64(binary.BigEndian.Uint32(rest))
		if length > uint64(len(rest)-frame) {
			return truncated(formatPNG)
		}
		kind, data, whole := string(rest[4:8]), rest[8:8+length], rest[:frame+length]
		rest = rest[frame+length:]
		if first != (kind == "IHDR") {
			return corrupt(formatPNG, "its first chunk must be its header, and no other")
		}
		switch kind {
		case "IHDR":
			if err := h.readIHDR(data, limits); err != nil {
				return err
			}
		case "eXIf":
			h.orientation = exifOrientation(data)
		case "IEND":
			return h.endPNG(walk, limits, len(encoded))
		}
		if !walk.chunk(kind, whole) {
			return corrupt(formatPNG, "its frames are out of order")
		}
		if err := walk.within(limits); err != nil {
			return err
		}
	}
}

// endPNG checks what decoding takes, now that it is known which chunks there are, and decides whether the
// picture moves. One frame is a still.
func (h *header) endPNG(walk apngWalk, limits Limits, encoded int) error {
	moving := walk.moving && len(walk.drawings) > 1
	bytesPerPixel := walk.bytesPerPixel()
	if moving {
		bytesPerPixel += canvasBytes
	}
	if err := limits.pixels(h.width, h.height, bytesPerPixel, encoded); err != nil || !moving {
		return err
	}
	walk.width, walk.height = h.width, h.height
	return h.moves(&walk.animation, limits, encoded)
}

func (h *header) readIHDR(data []byte, limits Limits) error {
	if len(data) != 13 {
		return corrupt(formatPNG, "its header has the wrong length")
	}
	width, height := binary.BigEndian.Uint32(data), binary.BigEndian.Uint32(data[4:])
	if width == 0 || height == 0 || width > 1<<31-1 || height > 1<<31-1 {
		return corrupt(formatPNG, "its size is outside what PNG allows")
	}
	h.width, h.height = int(width), int(height)
	return check("image_pixels", int64(h.width)*int64(h.height), limits.ImagePixels)
}

// bytesPerPixel is what a decoded pixel takes: a sample where it is grey or of a palette, and four otherwise.
func (w *apngWalk) bytesPerPixel() float64 {
	const grey, paletted = 0, 3
	bytes, colours := 4.0, w.head[9]
	if colours == paletted || colours == grey && !w.transparent {
		bytes = 1
	}
	if depth := w.head[8]; depth == 16 {
		bytes *= 2
	}
	if interlaced := w.head[12] != 0; interlaced {
		bytes *= 1.5 // the largest pass is decoded beside the picture
	}
	return bytes
}
