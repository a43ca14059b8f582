// Package corner finds oriented, scale-covariant corners and describes what surrounds each by 256
// comparisons of brightness.
//
// The detector is the segment test of Rosten and Drummond (Machine learning for high-speed corner
// detection, ECCV 2006) over a pyramid of scales, ranked by Harris and Stephens' measure; the
// orientation is Rosin's intensity centroid, as in ORB (Rublee et al., ICCV 2011). Brightness is
// sampled at points in rings whose size grows outwards, as in FREAK (Alahi, Ortiz and Vandergheynst, CVPR
// 2012). Comparisons come in pairs that are each other's reflection in the corner's own axis, so that a
// descriptor of the mirror image is a permutation of the bits. The first bits of each half are not single
// comparisons but projections of all samples, which last best: an index keys by them.
package corner

import "touchstone/hashindex"

// Finder finds corners. It holds the buffers of one picture, a few megabytes, for the next: use one
// for each goroutine.
type Finder struct {
	levels     []level
	candidates []candidate
	kept       []candidate // candidates in another order
	rows       [3][]uint16 // scores of three rows of a level
	masks      []uint32    // peaks of one
	order      [2][]uint64
	cells      []uint16
}

// candidate is a corner of one level before it is chosen.
type candidate struct {
	x, y  int32 // pixels of the level
	score float32
}

// Find appends the corners of the picture, strongest first and spread, at most limit. Positions are in
// its pixels; a picture with a side under 16 pixels has none.
func (f *Finder) Find(luma hashindex.Luma, limit int, found []hashindex.Keypoint) []hashindex.Keypoint {
	f.search(luma, 0, maxLevels)
	return f.take(limit, found)
}

// FindCloser appends corners that are finer than those of Find, strongest first and spread: of the picture
// doubled, down to where Find begins. Positions are in the picture that was doubled, scales below 0.
func (f *Finder) FindCloser(doubled hashindex.Luma, limit int, found []hashindex.Keypoint) []hashindex.Keypoint {
	f.search(doubled, -8, (8+octaveParts-1)/octaveParts)
	return f.take(limit, found)
}

func (f *Finder) take(limit int, found []hashindex.Keypoint) []hashindex.Keypoint {
	for range limit {
		l, c := f.next()
		if l == nil {
			break
		}
		found = append(found, l.keypoint(c))
	}
	return found
}

// search readies the corners of a picture for next.
func (f *Finder) search(luma hashindex.Luma, from, most int) {
	f.build(luma, from, most)
	for i := range f.levels {
		f.detect(i)
		f.rank(i)
	}
}
