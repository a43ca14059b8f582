package fingerprint

import (
	"encoding/binary"
	"time"
)

// animation is what a GIF draws. The blocks are walked without decoding any pixels, so that the
// work is known before it is done: 189 KB can ask for 192 MB of frames.
type animation struct {
	width, height int
	head          []byte // signature, screen and global palette: what each frame needs to be decoded
	drawings      []drawing
	sampled       int // how many of them are fingerprinted
}

// drawing is one image block: a rectangle painted over what is there.
type drawing struct {
	block         []byte // the image descriptor and its data, after its control block
	control       []byte // the graphic control block, which holds the transparent colour; may be empty
	at            time.Duration
	x, y          int
	width, height int
	disposal      byte // what happens to the rectangle before the next drawing
}

// Bytes that begin a block, and sizes: GIF89a specification, sections 17 to 27.
const (
	gifExtension  = 0x21
	gifImage      = 0x2c
	gifTrailer    = 0x3b
	gifControl    = 0xf9
	gifScreenSize = 13
	gifImageSize  = 10
)

// drawingOverhead is the pixels that take as long as starting a decoder, rounded up, so that
// thousands of tiny drawings count as work too: 15 µs against 7 ns a pixel, BenchmarkGIF.
const drawingOverhead = 4096

// readGIF walks the blocks to the trailer. A file that ends after a whole block is complete
// enough: many encoders leave the trailer out, and every viewer shows it.
func (h *header) readGIF(encoded []byte, limits Limits) error {
	w := gifWalk{rest: encoded}
	if !w.screen() {
		return truncated(formatGIF)
	}
	a := &w.animation
	h.width, h.height, h.animation = a.width, a.height, a
	if h.width == 0 || h.height == 0 {
		return corrupt(formatGIF, "its screen has no pixels")
	}
	const bytesPerPixel = 9 // the canvas, a copy of what a drawing covers, and the drawing
	if err := limits.pixels(h.width, h.height, bytesPerPixel); err != nil {
		return err
	}
	if err := w.blocks(limits); err != nil {
		return err
	}
	if len(a.drawings) == 0 {
		return corrupt(formatGIF, "it has no frame")
	}
	a.sampled = int(min(int64(len(a.drawings)), limits.AnimationFrames))
	return nil
}

// gifWalk is the state of a walk: what is left to read, and what was found.
type gifWalk struct {
	animation
	rest    []byte
	control []byte
	now     time.Duration
	work    int64
}

func (w *gifWalk) screen() bool {
	all := w.rest
	head, ok := w.take(gifScreenSize)
	if !ok {
		return false
	}
	w.width, w.height = int(binary.LittleEndian.Uint16(head[6:])), int(binary.LittleEndian.Uint16(head[8:]))
	_, ok = w.take(paletteSize(head[10]))
	w.head = all[:len(all)-len(w.rest)]
	return ok
}

func (w *gifWalk) blocks(limits Limits) error {
	for len(w.rest) > 0 {
		var ok bool
		switch w.rest[0] {
		case gifTrailer:
			return nil
		case gifExtension:
			ok = w.extension()
		case gifImage:
			ok = w.image()
		default:
			// Stray bytes after a frame: viewers stop here, and show what came before.
			if len(w.drawings) > 0 {
				return nil
			}
			return corrupt(formatGIF, "a block of an unknown kind")
		}
		if !ok {
			return truncated(formatGIF)
		}
		if err := check("animation_pixels", w.work, limits.AnimationPixels); err != nil {
			return err
		}
	}
	return nil
}

func (w *gifWalk) extension() bool {
	start := w.rest
	intro, ok := w.take(2)
	if !ok || !w.subBlocks() {
		return false
	}
	if block := start[:len(start)-len(w.rest)]; intro[1] == gifControl && len(block) == 8 {
		w.control = block
	}
	return true
}

func (w *gifWalk) image() bool {
	start := w.rest
	descriptor, ok := w.take(gifImageSize)
	if !ok {
		return false
	}
	if _, ok = w.take(paletteSize(descriptor[9])); !ok {
		return false
	}
	if _, ok = w.take(1); !ok || !w.subBlocks() { // one byte: the size of the first codes
		return false
	}
	d := drawing{
		block: start[:len(start)-len(w.rest)], control: w.control, at: w.now,
		x: int(binary.LittleEndian.Uint16(descriptor[1:])), y: int(binary.LittleEndian.Uint16(descriptor[3:])),
		width: int(binary.LittleEndian.Uint16(descriptor[5:])), height: int(binary.LittleEndian.Uint16(descriptor[7:])),
	}
	if len(w.control) > 0 {
		d.disposal = w.control[3] >> 2 & 7
	}
	w.now += delay(w.control)
	w.work += int64(d.width)*int64(d.height) + drawingOverhead
	w.drawings, w.control = append(w.drawings, d), nil
	return true
}

// delay is how long a drawing stays. A hundredth or less stands for a tenth, as browsers have it.
func delay(control []byte) time.Duration {
	hundredths := 0
	if len(control) > 0 {
		hundredths = int(binary.LittleEndian.Uint16(control[4:]))
	}
	if hundredths <= 1 {
		hundredths = 10
	}
	return time.Duration(hundredths) * 10 * time.Millisecond
}

// subBlocks steps over a chain of blocks, each begun by its length, that a length of 0 ends.
func (w *gifWalk) subBlocks() bool {
	for {
		length, ok := w.take(1)
		if !ok {
			return false
		}
		if length[0] == 0 {
			return true
		}
		if _, ok = w.take(int(length[0])); !ok {
			return false
		}
	}
}

// take steps over n bytes; false if there are fewer.
func (w *gifWalk) take(n int) ([]byte, bool) {
	if len(w.rest) < n {
		return nil, false
	}
	taken := w.rest[:n]
	w.rest = w.rest[n:]
	return taken, true
}

// paletteSize is the bytes of the palette that these flags announce.
func paletteSize(flags byte) int {
	if flags&0x80 == 0 {
		return 0
	}
	return 3 << (flags&7 + 1)
}
