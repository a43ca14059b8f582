package fingerprint

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/png"
	"slices"
	"time"
)

// apngWalk gathers the frames of an animated PNG while its chunks are walked: PNG specification, third
// edition, section 11.3.4.
type apngWalk struct {
	animation
	head   []byte   // the header chunk's data
	shared [][]byte // chunks that all frames need to be decoded: palette, transparency, gamma
	frame  *apngFrame
	now    time.Duration
	moving bool // the file says that it moves

	transparent bool // one of its colours is to be seen through
}

// apngFrame is one frame; its data are a PNG's own or those of numbered chunks.
type apngFrame struct {
	walk *apngWalk
	size image.Point
	data [][]byte
}

const frameControlSize = 26

// What frames share is copied for each: no chunk of these kinds is longer, and none comes twice.
const (
	maxShared       = 1 << 10
	maxSharedChunks = 6
)

// chunk takes the next chunk, whole with its length and checksum. It is false where frames are out of order.
func (w *apngWalk) chunk(kind string, whole []byte) bool {
	data := whole[8 : len(whole)-4]
	switch kind {
	case "IHDR":
		w.head = data
	case "acTL":
		w.moving = true
	case "fcTL":
		return w.control(data)
	case "IDAT":
		// Without a frame control before it, the still for viewers that know no animation is none of the frames.
		if w.frame != nil {
			w.frame.data = append(w.frame.data, data)
		}
	case "fdAT":
		if w.frame == nil || len(data) < 4 {
			return false
		}
		w.frame.data = append(w.frame.data, data[4:])
	case "PLTE", "tRNS", "gAMA", "sRGB", "cHRM", "sBIT":
		if len(whole) <= maxShared && len(w.shared) < maxSharedChunks {
			w.shared = append(w.shared, whole)
		}
		w.transparent = w.transparent || kind == "tRNS"
	}
	return true
}

func (w *apngWalk) control(data []byte) bool {
	if len(data) != frameControlSize {
		return false
	}
	number := func(at int) int { return int(min(binary.BigEndian.Uint32(data[at:]), 1<<30)) }
	size, corner := image.Pt(number(4), number(8)), image.Pt(number(12), number(16))
	rect := image.Rectangle{corner, corner.Add(size)}
	if rect.Empty() {
		return false
	}
	w.frame = &apngFrame{walk: w, size: size}
	w.add(drawing{at: w.now, rect: rect, disposal: disposal(data[24] % 3), replaces: data[25] == 0, decode: w.frame.decode})
	part, whole := time.Duration(binary.BigEndian.Uint16(data[20:])), time.Duration(binary.BigEndian.Uint16(data[22:]))
	if whole == 0 {
		whole = 100
	}
	w.now += max(part*time.Second/whole, 10*time.Millisecond)
	return true
}

// decode decodes the frame as a PNG of its own.
func (f *apngFrame) decode() (_ image.Image, err error) {
	defer refusePanic(formatPNG, &err)
	head := slices.Clone(f.walk.head)
	binary.BigEndian.PutUint32(head, uint32(f.size.X))
	binary.BigEndian.PutUint32(head[4:], uint32(f.size.Y))
	one := appendChunk([]byte(pngSignature), "IHDR", head)
	one = append(one, bytes.Join(f.walk.shared, nil)...)
	one = appendChunk(one, "IDAT", bytes.Join(f.data, nil))
	one = appendChunk(one, "IEND", nil)
	img, err := png.Decode(bytes.NewReader(one))
	if err != nil {
		return nil, corrupt(formatPNG, err.Error())
	}
	return img, nil
}

func appendChunk(to []byte, kind string, data []byte) []byte {
	to = binary.BigEndian.AppendUint32(to, uint32(len(data)))
	start := len(to)
	to = append(append(to, kind...), data...)
	return binary.BigEndian.AppendUint32(to, crc32.ChecksumIEEE(to[start:]))
}
