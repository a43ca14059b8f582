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
		padded := frame + length + length%2
		rest = rest[min(padded, uint64(len(rest))):]
	}
	if len(walk.drawings) > 0 {
		return h.endWebP(walk, limits)
	}
	config, err := webp.DecodeConfig(bytes.NewReader(encoded))
	if err != nil {
		return h.explain(err)
	}
	h.width, h.height = config.Width, config.Height
	if h.width <= 0 || h.height <= 0 {
		return corrupt(formatWebP, "it has no pixels")
	}
	return limits.pixels(h.width, h.height, webpBytes)
}

// webpBytes is what a pixel takes: lossless with its alpha channel, or lossy with an alpha channel beside it.
const webpBytes = 8

// webpWalk gathers the frames of a WebP that moves.
type webpWalk struct {
	animation
	now time.Duration
}

// chunk takes the next chunk; false for a frame that cannot be one.
func (w *webpWalk) chunk(h *header, kind string, data []byte) (ok bool) {
	switch {
	case kind == "EXIF":
		h.orientation = exifOrientation(bytes.TrimPrefix(data, []byte("Exif\x00\x00")))
	case kind == "VP8X" && len(data) >= 10:
		w.width, w.height = 1+int(uint24(data[4:])), 1+int(uint24(data[7:]))
	case kind == "ANMF":
		w.now, ok = w.readFrame(data, w.now)
		return ok
	}
	return true
}

func (h *header) endWebP(walk webpWalk, limits Limits) error {
	if walk.width == 0 {
		return corrupt(formatWebP, "its frames have no canvas")
	}
	if err := limits.pixels(walk.width, walk.height, canvasBytes+webpBytes); err != nil {
		return err
	}
	return h.moves(&walk.animation, limits)
}
