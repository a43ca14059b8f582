package fingerprint

import (
	"bytes"
	"encoding/binary"

	"golang.org/x/image/webp"

	"touchstone/hashindex"
)

// readWebP checks that the RIFF container is whole, then lets the decoder read the size.
func (h *header) readWebP(encoded []byte, limits Limits) error {
	const start, frame = 12, 8
	size := uint64(binary.LittleEndian.Uint32(encoded[4:])) + frame
	if size > uint64(len(encoded)) {
		return truncated(formatWebP)
	}
	if size < start {
		return corrupt(formatWebP, "its container is shorter than its own header")
	}
	for rest := encoded[start:size]; len(rest) >= frame; {
		length := uint64(binary.LittleEndian.Uint32(rest[4:]))
		if length > uint64(len(rest)-frame) {
			return truncated(formatWebP)
		}
		if err := h.readChunk(string(rest[:4]), rest[frame:frame+length]); err != nil {
			return err
		}
		padded := frame + length + length%2
		rest = rest[min(padded, uint64(len(rest))):]
	}
	config, err := webp.DecodeConfig(bytes.NewReader(encoded))
	if err != nil {
		return h.explain(err)
	}
	h.width, h.height = config.Width, config.Height
	if h.width <= 0 || h.height <= 0 {
		return corrupt(formatWebP, "it has no pixels")
	}
	const bytesPerPixel = 8 // lossless with its alpha channel, or lossy with an alpha channel beside it
	return limits.pixels(h.width, h.height, bytesPerPixel)
}

func (h *header) readChunk(kind string, data []byte) error {
	switch kind {
	case "EXIF":
		h.orientation = exifOrientation(bytes.TrimPrefix(data, []byte("Exif\x00\x00")))
	case "ANIM", "ANMF":
		return refuse(hashindex.UnsupportedFormat, "animated WebP is not supported: send GIF, or one frame")
	}
	return nil
}
