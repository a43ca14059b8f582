package fingerprint

import (
	"image"
	"slices"

	"touchstone/hashindex"
	"touchstone/hashindex/fingerprint/pdq"
)

// smallSide bounds the picture that the 64-bit hashes are made of. From 128×128 they differ from
// those of the whole picture by 2 bits of 64 at the 95th percentile: TestSmallPictureKeepsThe64BitHashes.
const smallSide = 128

// hasher64 computes the three 64-bit hashes as goimagehash v1.1.0 does, bit for bit, in a tenth of
// its time: TestHashesEqualGoimagehash holds it to that. It scales the picture with the arithmetic
// of github.com/nfnt/resize (weights and pixels of 8 bits between the two passes), and keeps its
// buffers for the next picture.
type hasher64 struct {
	across, down [3]kernel // to 64, 9 and 8 columns, and to 64, 8 and 8 rows
	narrow       []uint8   // every row, scaled along itself
	sums         [dctSide]int32
	scaled       [dctSide * dctSide]uint8
	dct          dct64
}

// greys are the lumas of grey levels as goimagehash adds them up: not quite the level itself.
var greys = func() (table [256]float64) {
	for i := range table {
		v := float64(i)
		table[i] = float64(float64(0.299*v)+float64(0.587*v)) + float64(0.114*v)
	}
	return table
}()

// hashes are the three 64-bit hashes of a grey picture with its origin at 0,0.
func (h *hasher64) hashes(small *image.Gray) (out hashindex.Hashes) {
	out[hashindex.PHash] = hashindex.Hash64(h.dct.hash(h.scale(small, 0, dctSide, dctSide)))
	out[hashindex.DHash] = hashindex.Hash64(differenceHash(h.scale(small, 1, 9, 8)))
	out[hashindex.AHash] = hashindex.Hash64(averageHash(h.scale(small, 2, 8, 8)))
	return out
}

// scale scales the picture, with the pair of kernels that is for this size. What it returns is
// overwritten by the next call.
func (h *hasher64) scale(small *image.Gray, pair, width, height int) []uint8 {
	size := small.Rect.Size()
	across, down := &h.across[pair], &h.down[pair]
	across.plan(size.X, width)
	down.plan(size.Y, height)
	h.narrow = resized(h.narrow, width*size.Y)
	for y := range size.Y {
		across.along(h.narrow[y*width:][:width], small.Pix[y*small.Stride:][:size.X])
	}
	out := h.scaled[:width*height]
	for y := range height {
		down.between(out[y*width:][:width], h.narrow, h.sums[:width], y)
	}
	return out
}

// differenceHash has a bit for each pixel of 9×8 that is darker than its right neighbour.
func differenceHash(pix []uint8) (hash uint64) {
	for row := range slices.Chunk(pix, 9) {
		for x := range 8 {
			hash <<= 1
			if row[x] < row[x+1] {
				hash |= 1
			}
		}
	}
	return hash
}

// averageHash has a bit for each pixel of 8×8 that is lighter than their mean.
func averageHash(pix []uint8) (hash uint64) {
	mean := 0.0
	for _, v := range pix {
		mean += greys[v]
	}
	mean /= 64
	for _, v := range pix {
		hash <<= 1
		if greys[v] > mean {
			hash |= 1
		}
	}
	return hash
}

// shrink averages the plane down to at most 128×128. What it returns is overwritten by the next call.
func (s *sampler) shrink(luma pdq.Luma) *image.Gray {
	width, height := min(luma.Width, smallSide), min(luma.Height, smallSide)
	pix := resized(s.small.Pix, width*height)
	s.small = image.Gray{Pix: pix, Stride: width, Rect: image.Rect(0, 0, width, height)}
	cells := s.cells[:width+1]
	for x := range cells {
		cells[x] = x * luma.Width / width
	}
	for y := range height {
		average(pix[y*width:][:width], luma, cells, y*luma.Height/height, (y+1)*luma.Height/height)
	}
	return &s.small
}

// average makes a row of the shrunk plane from rows of the plane. Each cell is summed up row by
// row and from left to right: float sums depend on the order, and it is part of the recipe.
func average(out []uint8, luma pdq.Luma, cells []int, top, bottom int) {
	var sums [smallSide]float32
	for y := top; y < bottom; y++ {
		row := luma.Pix[y*luma.Width:][:luma.Width]
		if luma.Width == 4*len(out) {
			addFours(sums[:len(out)], row)
			continue
		}
		for x := range out {
			sum := sums[x]
			for _, v := range row[cells[x]:cells[x+1]] {
				sum += v
			}
			sums[x] = sum
		}
	}
	for x := range out {
		out[x] = uint8(sums[x]/float32((cells[x+1]-cells[x])*(bottom-top)) + 0.5)
	}
}

// addFours adds four values to each sum: the plain loop of average for the size that large
// pictures have.
func addFours(sums, row []float32) {
	for x := range sums {
		four := row[:4]
		row = row[4:]
		sums[x] = sums[x] + four[0] + four[1] + four[2] + four[3]
	}
}
