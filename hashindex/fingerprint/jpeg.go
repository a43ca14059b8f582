package fingerprint

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"touchstone/hashindex"
)

// Markers of ITU-T T.81, table B.1.
const (
	markerSOF0 = 0xc0 // start of frame: baseline
	markerSOF1 = 0xc1 // extended sequential
	markerSOF2 = 0xc2 // progressive
	markerDHT  = 0xc4
	markerJPG  = 0xc8
	markerDAC  = 0xcc
	markerRST0 = 0xd0
	markerEOI  = 0xd9
	markerSOS  = 0xda
	markerDQT  = 0xdb
	markerAPP1 = 0xe1
	markerTEM  = 0x01
)

// maxTables bounds the bytes of tables, which decoders make look-up tables of, again and again where they are told
// to: 64 scans with four new ones each need half of it.
const maxTables = 1 << 17

// readJPEG walks the markers to the end of the picture. The decoder stops quietly where data runs
// out, so a picture without its end marker is refused here. Scans are counted because a few bytes
// each make a progressive decoder go over all pixels again.
func (h *header) readJPEG(encoded []byte, limits Limits) error {
	scans, tables, at := int64(0), 0, 2
	for {
		marker, body, next := nextSegment(encoded, at)
		switch {
		case marker == 0:
			return truncated(formatJPEG)
		case marker == markerEOI:
			return h.endJPEG(scans)
		case isFrameMarker(marker):
			if err := h.readFrame(marker, body, len(encoded), limits); err != nil {
				return err
			}
		case marker == markerDHT, marker == markerDQT:
			if tables += len(body); tables > maxTables {
				return corrupt(formatJPEG, "its tables alone are longer than a picture's can be")
			}
		case marker == markerAPP1 && begins(body, "Exif\x00") && len(body) > 6:
			h.orientation = exifOrientation(body[6:])
		case marker == markerSOS:
			scans++
			if err := check("jpeg_scans", scans, limits.JPEGScans); err != nil {
				return err
			}
			next = entropyEnd(encoded, next)
		}
		at = next
	}
}

func (h *header) endJPEG(scans int64) error {
	if h.width == 0 || scans == 0 {
		return corrupt(formatJPEG, "it ends before its pixels begin")
	}
	return nil
}

// nextSegment finds the marker at or after a position, its body without the length, and where the
// segment ends; marker 0 if the data end first. Stray bytes between segments are skipped, as every
// decoder does.
func nextSegment(encoded []byte, at int) (marker byte, body []byte, next int) {
	skip := bytes.IndexByte(encoded[at:], 0xff)
	if skip < 0 {
		return 0, nil, 0
	}
	at += skip
	for at < len(encoded) && encoded[at] == 0xff {
		at++
	}
	if at == len(encoded) {
		return 0, nil, 0
	}
	marker, at = encoded[at], at+1
	if isBare(marker) {
		return marker, nil, at
	}
	if len(encoded)-at < 2 {
		return 0, nil, 0
	}
	length := int(binary.BigEndian.Uint16(encoded[at:]))
	if length < 2 || length > len(encoded)-at {
		return 0, nil, 0
	}
	return marker, encoded[at+2 : at+length], at + length
}

// isBare reports whether the marker stands alone, without a length.
func isBare(marker byte) bool {
	return marker >= markerRST0 && marker <= markerEOI || marker == markerTEM
}

func isFrameMarker(marker byte) bool {
	return marker >= markerSOF0 && marker <= 0xcf && marker != markerDHT && marker != markerJPG && marker != markerDAC
}

// entropyEnd is where the entropy-coded data from a position end: at a marker that is neither a
// restart nor a stuffed 0xff.
func entropyEnd(encoded []byte, at int) int {
	for {
		skip := bytes.IndexByte(encoded[at:], 0xff)
		if skip < 0 || at+skip+1 >= len(encoded) {
			return len(encoded)
		}
		at += skip
		if after := encoded[at+1]; after != 0 && after != 0xff && (after < markerRST0 || after > markerRST0+7) {
			return at
		}
		at++
	}
}

// readFrame reads a frame header: precision, height, width and the components' sampling.
func (h *header) readFrame(marker byte, body []byte, encodedSize int, limits Limits) error {
	if marker > markerSOF2 {
		return refuse(hashindex.UnsupportedFormat, "JPEG with lossless, hierarchical or arithmetic coding is not supported")
	}
	if h.width != 0 || len(body) < 6 || len(body) < 6+3*int(body[5]) {
		return corrupt(formatJPEG, "its frame header is wrong")
	}
	h.height, h.width = int(binary.BigEndian.Uint16(body[1:])), int(binary.BigEndian.Uint16(body[3:]))
	if h.width == 0 || h.height == 0 {
		return corrupt(formatJPEG, fmt.Sprintf("its size is %d×%d", h.width, h.height))
	}
	samples := samplesPerPixel(body[6:][:3*int(body[5])])
	memory := samples
	if marker == markerSOF2 {
		memory += 4 * samples // every coefficient is held in four bytes until the last scan
	}
	if err := limits.pixels(h.width, h.height, memory, encodedSize); err != nil {
		return err
	}
	// A block takes at least two bits in a sequential scan: one for its constant part, one to end it.
	if blocks := float64(h.width) * float64(h.height) * samples / 64; marker != markerSOF2 && float64(encodedSize)*8 < 2*blocks {
		return truncated(formatJPEG)
	}
	return nil
}

// samplesPerPixel adds up the components, three bytes each of which the second holds the sampling
// factors: 3 for full colour, 1.5 where chroma is halved both ways.
func samplesPerPixel(components []byte) float64 {
	most, sum := 1, 0
	for ; len(components) >= 3; components = components[3:] {
		across, down := int(components[1]>>4), int(components[1]&15)
		sum += across * down
		most = max(most, across*down)
	}
	return float64(sum) / float64(most)
}
