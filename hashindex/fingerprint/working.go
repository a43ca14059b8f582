package fingerprint

import (
	"image"
	"math"
	"math/bits"
	"slices"

	"touchstone/hashindex"
	"touchstone/hashindex/fingerprint/corner"
)

// detailer makes the features of decoded pictures. It holds the buffers of one picture, some
// megabytes, for the next one.
type detailer struct {
	finder corner.Finder
	line   []uint8  // one stored row of luma
	gather []uint32 // the rows of one working row, each weighed in 256ths
	small  []uint8  // the working picture as it is stored
}

// features finds the corners of a decoded picture, the strongest so many.
func (d *detailer) features(img image.Image, h header, most int) hashindex.Features {
	luma := enlarged(d.working(img, h))
	return hashindex.Features{
		Width: luma.Width, Height: luma.Height, Luma: luma,
		Keypoints: d.finder.Find(luma, most, nil),
	}
}

// closer is the features with the corners that are seen only when the picture is enlarged, and others, in
// turn.
func (d *detailer) closer(f hashindex.Features) hashindex.Features {
	fine := d.finder.FindCloser(doubled(f.Luma), hashindex.MaxKeypoints, nil)
	both := make([]hashindex.Keypoint, 0, len(fine)+len(f.Keypoints))
	for i := range max(len(fine), len(f.Keypoints)) {
		if i < len(fine) {
			both = append(both, fine[i])
		}
		if i < len(f.Keypoints) {
			both = append(both, f.Keypoints[i])
		}
	}
	f.Keypoints, f.Closer = both, nil
	return f
}

// working is the picture as shown, over white, averaged down to the working size: picking samples, as
// PDQ does, would make detail that is not there. The brightness of a JPEG is taken as it is stored.
func (d *detailer) working(img image.Image, h header) hashindex.Luma {
	size := img.Bounds().Size()
	width, height := workingSize(size.X, size.Y)
	d.line = slices.Grow(d.line[:0], size.X)[:size.X]
	d.gather = slices.Grow(d.gather[:0], size.X)[:size.X]
	d.small = slices.Grow(d.small[:0], width*height)[:width*height]
	read := rowReader(img, h.format)
	clear(d.gather)
	for y := range size.Y {
		read(y, d.line)
		// A stored row spans height parts of the picture's size.Y·height, a working row size.Y.
		row, from := y*height/size.Y, y*height
		end := min((row+1)*size.Y, from+height)
		weigh(d.gather, d.line, part(end-from, size.Y))
		if end%size.Y != 0 {
			continue
		}
		squeeze(d.small[row*width:][:width], d.gather)
		clear(d.gather)
		weigh(d.gather, d.line, part(from+height-end, size.Y))
	}
	return h.orientation.lay(hashindex.Luma{Width: width, Height: height, Pix: d.small})
}

// part is n of whole in 65536ths.
func part(n, whole int) uint32 { return uint32(n << 16 / whole) }

// workingSize keeps the proportions.
func workingSize(width, height int) (int, int) {
	longer := max(width, height)
	if longer <= hashindex.MaxWorkingSide {
		return width, height
	}
	scaled := func(side int) int { return max(1, (side*hashindex.MaxWorkingSide+longer/2)/longer) }
	return scaled(width), scaled(height)
}

// minWorkingSide is how long the longer side has to be: a thumbnail is too small for the circles and the
// surroundings that a corner is told by.
const minWorkingSide = 256

// enlarged doubles a smaller picture until it is long enough, its pixels run into each other.
func enlarged(luma hashindex.Luma) hashindex.Luma {
	for longer := max(luma.Width, luma.Height); longer < minWorkingSide; longer *= 2 {
		luma = doubled(luma)
	}
	return luma
}

// doubled interpolates linearly: each pixel becomes four, nine sixteenths of it in each.
func doubled(l hashindex.Luma) hashindex.Luma {
	out := hashindex.Luma{Width: 2 * l.Width, Height: 2 * l.Height, Pix: make([]uint8, 4*len(l.Pix))}
	for y := range out.Height {
		near, far := neighbours(y, 2, l.Height-1)
		a, b := l.Pix[near*l.Width:][:l.Width], l.Pix[far*l.Width:][:l.Width]
		row := out.Pix[y*out.Width:][:out.Width]
		for x := range row {
			i, j := neighbours(x, 2, l.Width-1)
			row[x] = uint8((9*uint32(a[i]) + 3*uint32(a[j]) + 3*uint32(b[i]) + uint32(b[j]) + 8) >> 4)
		}
	}
	return out
}

// weighPortable adds the row, times a weight in 65536ths.
func weighPortable(sums []uint32, row []uint8, weight uint32) {
	row = row[:len(sums)]
	for x := range sums {
		sums[x] += uint32(row[x]) * weight
	}
}

// squeeze averages weighed sums down to the width of out.
func squeeze(out []uint8, sums []uint32) {
	if len(out) == len(sums) {
		for x, sum := range sums {
			out[x] = uint8((sum + 1<<15) >> 16)
		}
		return
	}
	// A sum spans as many parts as out is wide, a pixel of out as many as there are sums. To divide by
	// their number is to multiply by its reciprocal: exact, as what is divided is below 2^48.
	reciprocal := math.MaxUint64/uint64(len(sums)) + 1
	x, left := 0, len(out)
	for i := range out {
		wanted, sum := len(sums), uint64(0)
		for ; wanted >= left; x, left = x+1, len(out) {
			sum += uint64(sums[x]) * uint64(left)
			wanted -= left
		}
		if wanted > 0 {
			sum += uint64(sums[x]) * uint64(wanted)
			left -= wanted
		}
		mean, _ := bits.Mul64(sum, reciprocal)
		out[i] = uint8((mean + 1<<15) >> 16)
	}
}

// lay turns and mirrors the stored pixels as they are to be seen. The result is a copy.
func (o orientation) lay(stored hashindex.Luma) hashindex.Luma {
	out := hashindex.Luma{Pix: make([]uint8, len(stored.Pix))}
	out.Width, out.Height = o.size(stored.Width, stored.Height)
	if o == upright {
		copy(out.Pix, stored.Pix)
		return out
	}
	for y := range stored.Height {
		row := stored.Pix[y*stored.Width:][:stored.Width]
		if o.reversesRows() {
			y = stored.Height - 1 - y
		}
		for x, v := range row {
			if o.reversesColumns() {
				x = stored.Width - 1 - x
			}
			if o.transposed() {
				out.Pix[x*out.Width+y] = v
			} else {
				out.Pix[y*out.Width+x] = v
			}
		}
	}
	return out
}
