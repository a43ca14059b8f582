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
	rows       [3]scored
	order      []uint64
	ranked     []ranked
	cells      []uint16
}

// candidate is a corner of one level before it is chosen.
type candidate struct {
	x, y  int32 // pixels of the level
	score float32
}

// ranked is a corner with its place in the order.
type ranked struct {
	candidate
	level int
	place float32 // smaller comes first
}

// Find appends the corners of the picture, strongest first and spread, at most limit. Positions are in
// its pixels; a picture with a side under 16 pixels has none.
func (f *Finder) Find(luma hashindex.Luma, limit int, found []hashindex.Keypoint) []hashindex.Keypoint {
	f.build(luma)
	f.ranked = f.ranked[:0]
	for i := range f.levels {
		f.detect(i)
		f.rank(i)
	}
	f.arrange()
	for _, place := range f.order[:min(len(f.order), limit)] {
		r := &f.ranked[uint32(place)]
		found = append(found, f.levels[r.level].keypoint(r.candidate))
	}
	return found
}
