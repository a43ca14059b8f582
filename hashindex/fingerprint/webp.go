package fingerprint

import (
	"bytes"
	"encoding/binary"
	"time"

	"golang.org/x/image/webp"
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
	var walk webpWalk
	for rest := encoded[start:size]; len(rest) >= frame; {
		length := uint64(binary.LittleEndian.Uint32(rest[4:]))
		if length > uint64(len(rest)-frame) {
			return truncated(formatWebP)
		}
		if !walk.chunk(h, string(rest[:4]), rest[frame:frame+length]) {
			return corrupt(formatWebP, "a frame is shorter than its own header")
		}
		if err := walk.within(limits); err != nil {
			return err
		}
		padded := frame + length + length%2
		rest = rest[min(padded, uint64(len(rest))):]
	}
	if len(walk.drawings) > 0 {
		return h.endWebP(walk, limits, len(encoded))
	}
	config, err := webp.DecodeConfig(bytes.NewReader(encoded))
	if err != nil {
		return h.explain(err)
	}
	h.width, h.height = config.Width, config.Height
	if h.width <= 0 || h.height <= 0 {
		return corrupt(formatWebP, "it has no pixels")
	}
	if err := limits.pixels(h.width, h.height, walk.bytesPerPixel(), len(encoded)); err != nil {
		return err
	}
	return check("decode_bytes", int64(float64(h.width*h.height)*walk.bytesPerPixel())+walk.codeBytes(len(encoded)), limits.DecodeBytes)
}

// webpWalk gathers the frames of a WebP that moves.
type webpWalk struct {
	animation
	now time.Duration

	lossless bool
	alpha    bool // beside a lossy picture
}

// bytesPerPixel is what a decoded pixel of a still takes. An alpha channel is decoded as a picture of its own first.
func (w *webpWalk) bytesPerPixel() float64 {
	switch {
	case w.lossless:
		return 4
	case w.alpha:
		return 1.5 + 1 + 4
	}
	return 1.5
}

// codeBytes is what the Huffman codes of lossless data take at most: a group of five, 2,720 bytes decoded, is said in
// 20 bits, and there are 32,767 at most.
func (w *webpWalk) codeBytes(encoded int) int64 {
	if !w.lossless && !w.alpha {
		return 0
	}
	return min(int64(encoded)*8/20, 1<<15) * 2720
}

// chunk takes the next chunk; false for a frame that cannot be one.
func (w *webpWalk) chunk(h *header, kind string, data []byte) (ok bool) {
	switch {
	case kind == "EXIF":
		h.orientation = exifOrientation(bytes.TrimPrefix(data, []byte("Exif\x00\x00")))
	case kind == "VP8X" && len(data) >= 10:
		w.width, w.height = 1+int(uint24(data[4:])), 1+int(uint24(data[7:]))
	case kind == "VP8L":
		w.lossless = true
	case kind == "ALPH":
		w.alpha = true
	case kind == "ANMF":
		w.now, ok = w.readFrame(data, w.now)
		return ok
	}
	return true
}

// movingBytes is what a pixel of a frame takes at most.
const movingBytes = 8

func (h *header) endWebP(walk webpWalk, limits Limits, encoded int) error {
	if walk.width == 0 {
		return corrupt(formatWebP, "its frames have no canvas")
	}
	if err := limits.pixels(walk.width, walk.height, canvasBytes+movingBytes, encoded); err != nil {
		return err
	}
	return h.moves(&walk.animation, limits, encoded)
}
