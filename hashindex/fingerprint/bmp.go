package fingerprint

import (
	"bytes"
	"encoding/binary"

	"golang.org/x/image/bmp"
)

const bmpInfoAt = 14 // where the information header begins, with its own size

// bmpInfoSize reports whether an information header of this size exists: "BM" alone is too
// little to know a format by.
func bmpInfoSize(size byte) bool {
	switch size {
	case 12, 16, 40, 52, 56, 64, 108, 124:
		return true
	}
	return false
}

// readBMP lets the decoder read the size, then checks that the rows are all there.
func (h *header) readBMP(encoded []byte, limits Limits) error {
	config, err := bmp.DecodeConfig(bytes.NewReader(encoded))
	if err != nil {
		return h.explain(err)
	}
	h.width, h.height = config.Width, config.Height
	if h.width <= 0 || h.height <= 0 {
		return corrupt(formatBMP, "it has no pixels")
	}
	const bytesPerPixel = 4
	if err := limits.pixels(h.width, h.height, bytesPerPixel, len(encoded)); err != nil {
		return err
	}
	pixelsAt := uint64(binary.LittleEndian.Uint32(encoded[10:]))
	bitsPerPixel := uint64(binary.LittleEndian.Uint16(encoded[28:]))
	stride := (uint64(h.width)*bitsPerPixel + 31) / 32 * 4
	if pixelsAt+stride*uint64(h.height) > uint64(len(encoded)) {
		return truncated(formatBMP)
	}
	return nil
}
