package fingerprint

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/gif"
	"io"
	"time"
)

// Bytes that begin a block, and sizes: GIF89a specification, sections 17 to 27.
const (
	gifExtension  = 0x21
	gifImage      = 0x2c
	gifTrailer    = 0x3b
	gifControl    = 0xf9
	gifScreenSize = 13
	gifImageSize  = 10
)

// readGIF walks the blocks to the trailer. A file that ends after a whole block is complete
// enough: many encoders leave the trailer out, and every viewer shows it.
func (h *header) readGIF(encoded []byte, limits Limits) error {
	w := gifWalk{rest: encoded}
	if !w.screen() {
		return truncated(formatGIF)
	}
	if w.width == 0 || w.height == 0 {
		return corrupt(formatGIF, "its screen has no pixels")
	}
	if err := limits.pixels(w.width, w.height, canvasBytes, len(encoded)); err != nil {
		return err
	}
	if err := w.blocks(limits); err != nil {
		return err
	}
	return h.moves(&w.animation, limits, len(encoded))
}

// gifWalk is the state of a walk: what is left to read, and what was found.
type gifWalk struct {
	animation
	head    []byte // signature, screen and global palette: what each frame needs to be decoded
	rest    []byte
	control []byte
	now     time.Duration
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
		if err := w.within(limits); err != nil {
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
	x, y := int(binary.LittleEndian.Uint16(descriptor[1:])), int(binary.LittleEndian.Uint16(descriptor[3:]))
	width, height := int(binary.LittleEndian.Uint16(descriptor[5:])), int(binary.LittleEndian.Uint16(descriptor[7:]))
	d := drawing{at: w.now, rect: image.Rect(x, y, x+width, y+height)}
	one := gifDrawing{head: w.head, control: w.control, block: start[:len(start)-len(w.rest)]}
	d.decode = one.decode
	if len(w.control) > 0 {
		d.disposal = gifDisposal(w.control[3] >> 2 & 7)
	}
	w.now += delay(w.control)
	w.add(d)
	w.control = nil
	return true
}

// gifDisposal reads GIF89a, section 23.
func gifDisposal(code byte) disposal {
	switch code {
	case 2:
		return disposeBackground
	case 3:
		return disposePrevious
	}
	return disposeNothing
}

// gifDrawing is one drawing, decoded as a GIF of its own.
type gifDrawing struct {
	head    []byte
	control []byte // the graphic control block, which holds the transparent colour; may be empty
	block   []byte // the image descriptor and its data
}

func (d gifDrawing) decode() (_ image.Image, err error) {
	defer refusePanic(formatGIF, &err)
	img, err := gif.Decode(io.MultiReader(bytes.NewReader(d.head), bytes.NewReader(d.control), bytes.NewReader(d.block)))
	if err != nil {
		return nil, corrupt(formatGIF, err.Error())
	}
	return img, nil
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
