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
			return h.endPNG(walk, limits)
		}
		if !walk.chunk(kind, whole) {
			return corrupt(formatPNG, "its frames are out of order")
		}
	}
}

// endPNG decides whether the picture moves. One frame is a still.
func (h *header) endPNG(walk apngWalk, limits Limits) error {
	if !walk.moving || len(walk.drawings) < 2 {
		return nil
	}
	walk.width, walk.height = h.width, h.height
	if err := limits.pixels(h.width, h.height, canvasBytes+pngBytes(walk.head)); err != nil {
		return err
	}
	return h.moves(&walk.animation, limits)
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
	bytesPerPixel := pngBytes(data)
	if interlaced := data[12] != 0; interlaced {
		bytesPerPixel *= 1.5 // the largest pass is decoded beside the picture
	}
	return limits.pixels(h.width, h.height, bytesPerPixel)
}

// pngBytes is what a decoded pixel takes at most.
func pngBytes(head []byte) float64 {
	if depth := head[8]; depth == 16 {
		return 8
	}
	return 4
}
