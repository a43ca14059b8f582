// Package jpegplanes decodes JPEG pictures to planes of brightness and colour difference, faster than
// the decoders that are to be had in Go, and exactly as one of them: every sample equals that of
// github.com/gen2brain/jpegn v0.6.1, so that whoever falls back to it gets the same picture.
//
// It reads what nearly all files are: baseline and progressive pictures of 8 bits, grey, or of three
// components at the usual sampling factors, whose data are whole. It gives up everything else with
// ErrUnsupported, damaged data included: what to make of those is left to the general decoder.
//
// Where the time goes: the entropy-coded data are freed of stuffed bytes first, so that 56 bits are
// fetched at once without looking at them; one look-up of 10 bits gives a code's run, its value and
// their length together; and the inverse transform takes 8 columns at once where there is AVX2.
package jpegplanes

import (
	"encoding/binary"
	"errors"
	"image"
	"sync"
)

// ErrUnsupported says that this package does not decode a picture. Another decoder may.
var ErrUnsupported = errors.New("not a JPEG that is decoded here")

// Decode decodes a picture and shows it: an *image.Gray or an *image.YCbCr whose memory is used again
// once show has returned. It returns ErrUnsupported without calling show, or what show returns.
// It may be called from many goroutines at once.
//
// It takes a byte a sample, and two more for a progressive picture. Some of it stays for the next
// call, 32 MiB at most. Time is bounded by the samples and the scans, so the caller bounds those.
func Decode(encoded []byte, show func(image.Image) error) error {
	d := decoders.Get().(*decoder)
	defer d.giveBack()
	if !d.decode(encoded) {
		return ErrUnsupported
	}
	return show(d.picture())
}

var decoders = sync.Pool{New: func() any { return new(decoder) }}

// decoder holds what one picture needs, for the next one to use again.
type decoder struct {
	frame
	tables   [4]table // of quantisation
	huffman  [2][4]codes
	interval int    // units between restart markers; 0 for none
	left     []byte // what is not read yet
	bits     bits
}

// Markers of ITU-T T.81, table B.1.
const (
	markerSOF0  = 0xc0 // start of frame: baseline
	markerSOF1  = 0xc1 // extended sequential
	markerSOF2  = 0xc2 // progressive
	markerDHT   = 0xc4
	markerRST0  = 0xd0
	markerRST7  = 0xd7
	markerSOI   = 0xd8
	markerEOI   = 0xd9
	markerSOS   = 0xda
	markerDQT   = 0xdb
	markerDRI   = 0xdd
	markerAPP0  = 0xe0
	markerAdobe = 0xee
	markerAPP15 = 0xef
	markerCOM   = 0xfe
)

// decode walks the segments. It reports whether all of the picture was decoded.
func (d *decoder) decode(encoded []byte) bool {
	d.forget()
	if len(encoded) < 2 || encoded[0] != 0xff || encoded[1] != markerSOI {
		return false
	}
	d.left = encoded[2:]
	for !d.done {
		marker, body, ok := d.segment()
		if !ok || !d.read(marker, body, len(encoded)) {
			return false
		}
	}
	return true
}

// forget drops what belongs to the picture before. Huffman tables keep their contents, as most
// pictures bring the same ones, but have to be defined anew.
func (d *decoder) forget() {
	d.frame.forget()
	d.interval = 0
	for i := range d.tables {
		d.tables[i].defined = false
		d.huffman[0][i].defined, d.huffman[1][i].defined = false, false
	}
}

// segment takes the next marker and its body, without the length. The end has no body. Stray bytes,
// which the standard does not allow, are none of ours.
func (d *decoder) segment() (marker byte, body []byte, ok bool) {
	for len(d.left) >= 2 && d.left[0] == 0xff && d.left[1] == 0xff {
		d.left = d.left[1:] // markers may be preceded by any number of these
	}
	if len(d.left) < 2 || d.left[0] != 0xff {
		return 0, nil, false
	}
	marker, d.left = d.left[1], d.left[2:]
	if marker == markerEOI {
		return marker, nil, true
	}
	if len(d.left) < 2 {
		return 0, nil, false
	}
	length := int(binary.BigEndian.Uint16(d.left))
	if length < 2 || length > len(d.left) {
		return 0, nil, false
	}
	body, d.left = d.left[2:length], d.left[length:]
	return marker, body, true
}

// read deals with one segment. It knows few: what is unknown might change what the picture is.
func (d *decoder) read(marker byte, body []byte, size int) bool {
	switch {
	case marker == markerSOF0, marker == markerSOF1, marker == markerSOF2:
		return d.readFrame(marker == markerSOF2, body, size)
	case marker == markerDHT:
		return d.readCodes(body)
	case marker == markerDQT:
		return d.readTables(body)
	case marker == markerDRI:
		if len(body) != 2 {
			return false
		}
		d.interval = int(binary.BigEndian.Uint16(body))
		return true
	case marker == markerSOS:
		return d.readScan(body)
	case marker == markerEOI:
		return d.finish()
	case marker == markerAdobe && len(body) >= 12 && string(body[:5]) == "Adobe":
		const colours = 0 // stored as RGB or CMYK
		return body[11] != colours
	}
	return marker >= markerAPP0 && marker <= markerAPP15 || marker == markerCOM
}

// finish ends a progressive picture: only now are its coefficients whole.
func (d *decoder) finish() bool {
	if !d.progressive || d.scans == 0 {
		return false
	}
	for i := range d.components {
		c := &d.components[i]
		for y := range c.lines {
			for x := range c.columns {
				c.show(c.block(x, y), c.marks[y*c.across+x] != 0, &d.tables[c.table], x, y)
			}
		}
	}
	d.done = true
	return true
}
