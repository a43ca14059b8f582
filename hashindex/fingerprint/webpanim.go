package fingerprint

import (
	"bytes"
	"encoding/binary"
	"image"
	"io"
	"time"

	"golang.org/x/image/webp"
)

// webpFrame is one frame of an animated WebP: the chunks of a still, in a chunk of their own. WebP container
// specification, section "Animation".
type webpFrame struct {
	size   image.Point
	chunks []byte
}

const webpFrameHead = 16

// readFrame takes the data of an ANMF chunk.
func (a *animation) readFrame(data []byte, now time.Duration) (after time.Duration, ok bool) {
	if len(data) < webpFrameHead {
		return now, false
	}
	corner := image.Pt(2*int(uint24(data)), 2*int(uint24(data[3:])))
	size := image.Pt(1+int(uint24(data[6:])), 1+int(uint24(data[9:])))
	frame := webpFrame{size, data[webpFrameHead:]}
	d := drawing{at: now, rect: image.Rectangle{corner, corner.Add(size)}, decode: frame.decode}
	if data[15]&1 != 0 {
		d.disposal = disposeBackground
	}
	d.replaces = data[15]&2 != 0
	a.add(d)
	return now + max(time.Duration(uint24(data[12:]))*time.Millisecond, 10*time.Millisecond), true
}

func uint24(b []byte) uint32 { return uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 }

// decode decodes the frame as a WebP of its own. The decoder refuses data of another size than the header
// here says, so that no frame is larger than was counted.
func (f webpFrame) decode() (_ image.Image, err error) {
	defer refusePanic(formatWebP, &err)
	const extended, alpha = "VP8X\x0a\x00\x00\x00", 0x10
	var head [10]byte
	if bytes.HasPrefix(f.chunks, []byte("ALPH")) {
		head[0] = alpha
	}
	putUint24(head[4:], f.size.X-1)
	putUint24(head[7:], f.size.Y-1)
	one := binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(4+len(extended)+len(head)+len(f.chunks)))
	one = append(append(one, "WEBP"+extended...), head[:]...)
	img, err := webp.Decode(io.MultiReader(bytes.NewReader(one), bytes.NewReader(f.chunks)))
	if err != nil {
		return nil, corrupt(formatWebP, err.Error())
	}
	return img, nil
}

func putUint24(b []byte, n int) { b[0], b[1], b[2] = byte(n), byte(n>>8), byte(n>>16) }

// studioRGB is a colour of the range that WebP's lossy pictures are stored in, converted as libwebp does
// (src/dsp/yuv.h).
func studioRGB(y, cb, cr uint8) (r, g, b uint8) {
	high := func(v uint8, weight int) int { return int(v) * weight >> 8 }
	clip := func(v int) uint8 { return uint8(max(0, min(v>>6, 255))) }
	light := high(y, 19077)
	return clip(light + high(cr, 26149) - 14234), clip(light - high(cb, 6419) - high(cr, 13320) + 8708), clip(light + high(cb, 33050) - 17685)
}
