package fingerprint

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"golang.org/x/image/tiff"
)

// Tags of TIFF 6.0 that say how the pixels lie.
const (
	tiffWidth        = 256
	tiffHeight       = 257
	tiffBits         = 258
	tiffCompression  = 259
	tiffPhotometric  = 262
	tiffStripOffsets = 273
	tiffRowsPerStrip = 278
	tiffStripCounts  = 279
	tiffTileWidth    = 322
	tiffTileHeight   = 323
	tiffTileOffsets  = 324
	tiffTileCounts   = 325
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
	d := tiffDirectory{encoded: encoded, order: binary.BigEndian, first: map[uint16]int64{}}
	if encoded[0] == 'I' {
		d.order = binary.LittleEndian
	}
	if err := d.read(); err != nil {
		return err
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
	if err := limits.pixels(h.width, h.height, d.bytesPerPixel(), len(encoded)); err != nil {
		return err
	}
	return d.checkBlocks(h.width, h.height, limits)
}

// tiffDirectory is the first one of a file.
type tiffDirectory struct {
	encoded []byte
	order   binary.ByteOrder
	first   map[uint16]int64 // value of each tag
	data    int64            // bytes of all blocks together
	longest int64            // block's
}

func (d *tiffDirectory) read() error {
	if len(d.encoded) < 8 {
		return truncated(formatTIFF)
	}
	at := uint64(d.order.Uint32(d.encoded[4:]))
	if at+2 > uint64(len(d.encoded)) {
		return truncated(formatTIFF)
	}
	count := int(d.order.Uint16(d.encoded[at:]))
	entries := d.encoded[at+2:]
	if count > maxTIFFEntries {
		return corrupt(formatTIFF, fmt.Sprintf("a directory of %d entries", count))
	}
	if len(entries) < count*tiffEntry {
		return truncated(formatTIFF)
	}
	for i := range count {
		if err := d.readEntry(entries[i*tiffEntry:][:tiffEntry]); err != nil {
			return err
		}
	}
	return nil
}

func (d *tiffDirectory) readEntry(entry []byte) error {
	width := map[uint16]uint64{1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}[d.order.Uint16(entry[2:])]
	count, values := uint64(d.order.Uint32(entry[4:])), entry[8:]
	if bytes := width * count; bytes > 4 {
		at := uint64(d.order.Uint32(entry[8:]))
		if at+bytes > uint64(len(d.encoded)) {
			return truncated(formatTIFF)
		}
		values = d.encoded[at : at+bytes]
	}
	tag := d.order.Uint16(entry)
	switch tag {
	case tiffStripOffsets, tiffTileOffsets, tiffStripCounts, tiffTileCounts:
		if count > maxTIFFBlocks {
			return corrupt(formatTIFF, fmt.Sprintf("it is in %d blocks", count))
		}
	}
	for i := range count {
		n, ok := d.number(values, int(width), int(i))
		if !ok {
			break // no number: the decoder refuses it where it matters
		}
		if i == 0 {
			d.first[tag] = n
		}
		if tag != tiffStripCounts && tag != tiffTileCounts {
			break
		}
		d.data += n
		d.longest = max(d.longest, n)
	}
	return nil
}

func (d *tiffDirectory) number(values []byte, width, i int) (int64, bool) {
	switch width {
	case 1:
		return int64(values[i]), true
	case 2:
		return int64(d.order.Uint16(values[2*i:])), true
	case 4:
		return int64(d.order.Uint32(values[4*i:])), true
	}
	return 0, false
}

// bytesPerPixel is what a decoded pixel takes: a sample where it is grey or of a palette, and four of colours.
func (d *tiffDirectory) bytesPerPixel() float64 {
	const colours = 2
	bytes := 1.0
	if d.first[tiffPhotometric] == colours {
		bytes = 4
	}
	if d.first[tiffBits] == 16 {
		bytes *= 2
	}
	return bytes
}

// checkBlocks holds strips and tiles to what they can be. The decoder inflates each by itself, to eight bytes a
// pixel at most, and reads it again for every block that points to it.
func (d *tiffDirectory) checkBlocks(width, height int, limits Limits) error {
	if d.data > int64(len(d.encoded)) {
		return corrupt(formatTIFF, "its blocks lie over each other")
	}
	w, h := int64(width), int64(height)
	if rows := d.first[tiffRowsPerStrip]; rows > 0 {
		h = min(h, rows)
	}
	across, down := int64(1), (int64(height)+h-1)/max(h, 1)
	if d.first[tiffTileWidth] != 0 {
		w, h = d.first[tiffTileWidth], d.first[tiffTileHeight]
		if w < 1 || h < 1 || max(w, h) > 1<<20 {
			return corrupt(formatTIFF, "its tiles have no size")
		}
		across, down = (int64(width)+w-1)/w, (int64(height)+h-1)/h
	}
	if across*down > maxTIFFBlocks {
		return corrupt(formatTIFF, fmt.Sprintf("it is in %d blocks", across*down))
	}
	block, all := d.inflated(w*h, d.longest), d.inflated(across*down*w*h, d.data)
	picture := int64(float64(width) * float64(height) * d.bytesPerPixel())
	if err := limits.memory(picture+2*block, len(d.encoded)); err != nil { // twice, for its buffer doubles as it grows
		return err
	}
	return limits.backed(all, len(d.encoded))
}

// inflated is what blocks of so many pixels and bytes become at most.
func (d *tiffDirectory) inflated(pixels, bytes int64) int64 {
	switch d.first[tiffCompression] {
	case 0, 1: // as they are
		return min(bytes, 8*pixels)
	case 2, 3, 4: // fax: a bit a pixel
		return pixels / 8
	}
	const lzw = 2730 // bytes that a byte becomes at most, which is more than of other codes
	return min(lzw*bytes, 8*pixels)
}
