package fingerprint

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"golang.org/x/image/tiff"
)

// Tags of TIFF 6.0 that say where the blocks of pixels are.
const (
	tiffStripOffsets = 273
	tiffTileOffsets  = 324
)

// What a directory may hold. A camera writes some fifty entries.
const (
	tiffEntry      = 12 // bytes
	maxTIFFEntries = 512
	maxTIFFBlocks  = 65_536
)

// readTIFF walks the first directory: every value must lie inside the file, and blocks must be few enough,
// before the decoder reads the size.
func (h *header) readTIFF(encoded []byte, limits Limits) error {
	var order binary.ByteOrder = binary.BigEndian
	if encoded[0] == 'I' {
		order = binary.LittleEndian
	}
	if len(encoded) < 8 {
		return truncated(formatTIFF)
	}
	at := uint64(order.Uint32(encoded[4:]))
	if at+2 > uint64(len(encoded)) {
		return truncated(formatTIFF)
	}
	count := int(order.Uint16(encoded[at:]))
	entries := encoded[at+2:]
	if count > maxTIFFEntries {
		return corrupt(formatTIFF, fmt.Sprintf("a directory of %d entries", count))
	}
	if len(entries) < count*tiffEntry {
		return truncated(formatTIFF)
	}
	for i := range count {
		if err := readTIFFEntry(entries[i*tiffEntry:][:tiffEntry], order, uint64(len(encoded))); err != nil {
			return err
		}
	}
	config, err := tiff.DecodeConfig(bytes.NewReader(encoded))
	if err != nil {
		return h.explain(err)
	}
	h.width, h.height = config.Width, config.Height
	if h.width <= 0 || h.height <= 0 {
		return corrupt(formatTIFF, "it has no pixels")
	}
	h.orientation = exifOrientation(encoded)
	const bytesPerPixel = 8 // four samples of 16 bits
	return limits.pixels(h.width, h.height, bytesPerPixel)
}

func readTIFFEntry(entry []byte, order binary.ByteOrder, size uint64) error {
	width := map[uint16]uint64{1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}[order.Uint16(entry[2:])]
	count := uint64(order.Uint32(entry[4:]))
	if bytes := width * count; bytes > 4 && uint64(order.Uint32(entry[8:]))+bytes > size {
		return truncated(formatTIFF)
	}
	if tag := order.Uint16(entry); (tag == tiffStripOffsets || tag == tiffTileOffsets) && count > maxTIFFBlocks {
		return corrupt(formatTIFF, fmt.Sprintf("it is in %d blocks", count))
	}
	return nil
}
