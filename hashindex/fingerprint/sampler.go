package fingerprint

import (
	"image"

	"touchstone/hashindex"
	"touchstone/hashindex/fingerprint/pdq"
)

// sampler normalises decoded pictures and hashes them. It holds the buffers of one picture, about
// two megabytes, for the next one.
type sampler struct {
	columns, rows []int // the stored columns and rows that are sampled, in the order shown
	luma, turned  pdq.Luma
	chroma        chromaSampler
	brightness    [pdq.MaxSide]uint8
	small         image.Gray
	cells         [smallSide + 1]int // where the columns of small begin
	hasher        hasher64
}

// fingerprint normalises a decoded picture and hashes it.
func (s *sampler) fingerprint(img image.Image, h header) hashindex.Fingerprint {
	luma := s.normalise(img, h)
	result := pdq.Hash(luma)
	fp := hashindex.Fingerprint{Recipe: Recipe, Quality: result.Quality, Dihedral: result.Dihedral}
	fp.Hashes = s.hasher.hashes(s.shrink(luma))
	fp.Hashes[hashindex.PDQ] = result.Dihedral[hashindex.Upright]
	return fp
}

// normalise is the first half of the recipe: the picture as shown, over white, as at most 512×512
// values of luma. What it returns is overwritten by the next call.
func (s *sampler) normalise(img image.Image, h header) pdq.Luma {
	s.plan(img.Bounds().Size(), h.orientation)
	resize(&s.luma, len(s.columns), len(s.rows))
	switch m := img.(type) {
	case *image.YCbCr:
		s.sampleYCbCr(m, h.format)
	case *image.NYCbCrA:
		s.sampleYCbCr(&m.YCbCr, h.format)
		s.flatten(m)
	default:
		luma := lumaReader(img)
		for j, y := range s.rows {
			luma(s.row(j), y, s.columns)
		}
	}
	if h.orientation.transposed() {
		return s.transpose()
	}
	return s.luma
}

// plan chooses the samples as the picture is shown, and notes where they are stored.
func (s *sampler) plan(stored image.Point, o orientation) {
	columns, rows := stored.X, stored.Y
	if max(columns, rows) > pdq.MaxSide {
		columns, rows = pdq.MaxSide, pdq.MaxSide
	}
	s.columns = nearest(s.columns, columns, stored.X, o.reversesColumns())
	s.rows = nearest(s.rows, rows, stored.Y, o.reversesRows())
}

// nearest picks n of length positions, counted from the end if reversed.
func nearest(positions []int, n, length int, reversed bool) []int {
	positions = resized(positions, n)
	for i := range positions {
		positions[i] = i * length / n
		if reversed {
			positions[i] = length - 1 - positions[i]
		}
	}
	return positions
}

// flatten lays what was sampled from m over white: luma is linear, so it can be blended itself.
func (s *sampler) flatten(m *image.NYCbCrA) {
	for j, y := range s.rows {
		alpha := m.A[m.AOffset(m.Rect.Min.X, m.Rect.Min.Y+y):]
		out := s.row(j)
		for i, x := range s.columns {
			cover := float32(alpha[x])
			out[i] = (float32(out[i]*cover) + float32(255*(255-cover))) / 255
		}
	}
}

func (s *sampler) row(j int) []float32 {
	return s.luma.Pix[j*s.luma.Width:][:s.luma.Width]
}

func (s *sampler) transpose() pdq.Luma {
	resize(&s.turned, s.luma.Height, s.luma.Width)
	for y := range s.luma.Height {
		for x, v := range s.row(y) {
			s.turned.Pix[x*s.turned.Width+y] = v
		}
	}
	return s.turned
}

// resize makes room for a picture of this size, contents undefined.
func resize(luma *pdq.Luma, width, height int) {
	luma.Width, luma.Height = width, height
	luma.Pix = resized(luma.Pix, width*height)
}
