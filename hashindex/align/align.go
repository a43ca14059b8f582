// Package align lays references over a query: it matches corners, finds the plane motion that most of
// them agree on, and then compares the pixels that the two pictures share under it. Many corners
// agree between pictures that merely hold the same text or pattern; pixels do not.
//
// Nothing is random: hypotheses are tried in the order of how alike the corners are (as in PROSAC,
// Chum and Matas, CVPR 2005), each from two correspondences whose own scale and angle bear it out,
// and the best is refined locally.
package align

import (
	"touchstone/hashindex"
)

// aligner is one query, prepared for many references.
type aligner struct {
	query   hashindex.Features
	grid    grid
	keys    keys
	octaves octaves // of the query's luma
	finest  float64 // scale of its corners, in eighths of an octave
	matches []match
	spots   []spot // of the matches
	inliers []match
	taken   []bool // by query corner: it has its inlier
	overlay overlay
}

// New prepares a query's features as the fingerprint package makes them.
func New(query hashindex.Features) hashindex.Aligner {
	a := &aligner{
		query: query, grid: newGrid(query), keys: newKeys(query), octaves: octaves{query.Luma},
		taken: make([]bool, len(query.Keypoints)),
	}
	for _, k := range query.Keypoints {
		a.finest = min(a.finest, float64(k.Scale))
	}
	return a
}

// Align implements hashindex.Aligner.
func (a *aligner) Align(reference hashindex.Features, mirrored bool) (hashindex.Alignment, bool) {
	if mirrored {
		reference = mirror(reference)
	}
	result := hashindex.Alignment{Mirrored: mirrored}
	a.match(reference)
	model, ok := a.estimate(reference)
	if !ok {
		return result, false
	}
	return a.judge(reference, model, result)
}

// mirror is the reference as its mirror image would have been made.
func mirror(f hashindex.Features) hashindex.Features {
	out := hashindex.Features{Width: f.Width, Height: f.Height}
	out.Keypoints = make([]hashindex.Keypoint, len(f.Keypoints))
	for i, k := range f.Keypoints {
		k.X = uint16(f.Width*64) - k.X
		k.Angle = 128 - k.Angle
		k.Descriptor = k.Descriptor.Mirrored()
		out.Keypoints[i] = k
	}
	out.Luma = hashindex.Luma{Width: f.Luma.Width, Height: f.Luma.Height, Pix: make([]uint8, len(f.Luma.Pix))}
	for y := range f.Luma.Height {
		from, to := f.Luma.Pix[y*f.Luma.Width:][:f.Luma.Width], out.Luma.Pix[y*f.Luma.Width:][:f.Luma.Width]
		for x, v := range from {
			to[len(to)-1-x] = v
		}
	}
	return out
}
