package jpegplanes

import (
	"encoding/binary"
	"image"
	"slices"
)

// frame is the picture: what its frame header says and its planes.
type frame struct {
	progressive   bool
	done          bool // all samples are there
	scans         int
	width, height int
	acrossUnits   int // units of the grid: blocks of all components together
	downUnits     int
	ratio         image.YCbCrSubsampleRatio
	components    []component
	room          [3]component // whose buffers serve the next picture
}

// component is one plane, in blocks of 8×8 samples. The grid of units may reach beyond the picture, so
// there may be more blocks across than have columns of the picture in them.
type component struct {
	id           byte
	wide, high   int // blocks of a unit
	table        int
	across       int // blocks in a row of pix and of coefficients
	columns      int // blocks that hold a part of the picture
	lines        int
	pix          []uint8
	coefficients []int16 // of a progressive picture: 64 a block
	marks        []uint64
	dc, ac       *codes
	predicted    int32
}

func (f *frame) forget() {
	f.progressive, f.done, f.scans, f.components = false, false, 0, nil
}

// readFrame reads the frame header: precision, height, width, and the components with their sampling
// factors and tables. Pictures of far more pixels than bytes, or of more than 268 million, are left to
// others to refuse.
func (d *decoder) readFrame(progressive bool, body []byte, size int) bool {
	const most = 1024 // pixels a byte
	if d.components != nil || len(body) < 6 || body[0] != 8 || len(body) != 6+3*int(body[5]) {
		return false
	}
	d.progressive = progressive
	d.height, d.width = int(binary.BigEndian.Uint16(body[1:])), int(binary.BigEndian.Uint16(body[3:]))
	if d.width == 0 || d.height == 0 || int64(d.width)*int64(d.height) > min(most*int64(size), 1<<28) {
		return false
	}
	if n := body[5]; n != 1 && n != 3 {
		return false
	}
	d.components = d.room[:body[5]]
	for i := range d.components {
		c, spec := &d.components[i], body[6+3*i:]
		c.id, c.wide, c.high, c.table = spec[0], int(spec[1]>>4), int(spec[1]&15), int(spec[2])
		if c.table > 3 {
			return false
		}
	}
	return d.readSampling() && d.layOut()
}

// readSampling knows the usual ratios: chroma has one block a unit.
func (f *frame) readSampling() bool {
	first := &f.components[0]
	if len(f.components) == 1 {
		first.wide, first.high = 1, 1 // whatever the header says: there is nothing to relate it to
		return true
	}
	second, third := &f.components[1], &f.components[2]
	if second.wide != 1 || second.high != 1 || third.wide != 1 || third.high != 1 {
		return false
	}
	ids := [3]byte{first.id, second.id, third.id}
	if ids == [3]byte{'R', 'G', 'B'} || ids[0] == ids[1] || ids[0] == ids[2] || ids[1] == ids[2] {
		return false
	}
	switch [2]int{first.wide, first.high} {
	case [2]int{1, 1}:
		f.ratio = image.YCbCrSubsampleRatio444
	case [2]int{2, 1}:
		f.ratio = image.YCbCrSubsampleRatio422
	case [2]int{2, 2}:
		f.ratio = image.YCbCrSubsampleRatio420
	case [2]int{1, 2}:
		f.ratio = image.YCbCrSubsampleRatio440
	case [2]int{4, 1}:
		f.ratio = image.YCbCrSubsampleRatio411
	case [2]int{4, 2}:
		f.ratio = image.YCbCrSubsampleRatio410
	default:
		return false
	}
	return true
}

// layOut makes the planes. It leaves the largest of progressive pictures to others: should they turn out
// to be damaged, their coefficients would be held here and there at once.
func (f *frame) layOut() bool {
	const most = 60_000_000 // samples
	wide, high := f.components[0].wide, f.components[0].high
	f.acrossUnits, f.downUnits = ceil(f.width, 8*wide), ceil(f.height, 8*high)
	if samples := 64 * f.acrossUnits * f.downUnits * (wide*high + len(f.components) - 1); f.progressive && samples > most {
		return false
	}
	for i := range f.components {
		c := &f.components[i]
		c.across = f.acrossUnits * c.wide
		c.columns = ceil(ceil(f.width*c.wide, wide), 8)
		c.lines = ceil(ceil(f.height*c.high, high), 8)
		blocks := c.across * f.downUnits * c.high
		c.pix = slices.Grow(c.pix[:0], 64*blocks)[:64*blocks]
		if f.progressive {
			c.coefficients = slices.Grow(c.coefficients[:0], 64*blocks)[:64*blocks]
			c.marks = slices.Grow(c.marks[:0], blocks)[:blocks]
			clear(c.coefficients)
			clear(c.marks)
		}
	}
	return true
}

func ceil(n, of int) int { return (n + of - 1) / of }

// picture shows the planes.
func (f *frame) picture() image.Image {
	bounds := image.Rect(0, 0, f.width, f.height)
	first := &f.components[0]
	if len(f.components) == 1 {
		return &image.Gray{Pix: first.pix, Stride: 8 * first.across, Rect: bounds}
	}
	return &image.YCbCr{
		Y: first.pix, Cb: f.components[1].pix, Cr: f.components[2].pix,
		YStride: 8 * first.across, CStride: 8 * f.components[1].across,
		SubsampleRatio: f.ratio, Rect: bounds,
	}
}

// giveBack keeps the decoder for the next picture, without the buffers of a very large one.
func (d *decoder) giveBack() {
	const most = 32 << 20
	held := cap(d.bits.data)
	for i := range d.room {
		c := &d.room[i]
		held += cap(c.pix) + 2*cap(c.coefficients) + 8*cap(c.marks)
	}
	if held > most {
		d.room, d.bits.data = [3]component{}, nil
	}
	d.left = nil
	decoders.Put(d)
}

// block is the coefficients of block x of line y.
func (c *component) block(x, y int) *[64]int16 {
	return (*[64]int16)(c.coefficients[64*(y*c.across+x):])
}

// show transforms a block back into samples.
func (c *component) show(block *[64]int16, swings bool, t *table, x, y int) {
	stride := 8 * c.across
	out := c.pix[8*y*stride+8*x:]
	if swings {
		inverse(block, &t.steps, out, stride)
		return
	}
	flat(block[0], t.steps[0], out, stride)
}
