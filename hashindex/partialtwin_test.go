package hashindex_test

import (
	"math/rand/v2"
	"slices"

	"touchstone/hashindex"
)

// pair is a corner of the reference and the query's that has its very descriptor.
type pair struct{ reference, query hashindex.Keypoint }

func shared(reference, query hashindex.Features, mirrored bool) (pairs []pair) {
	known := map[hashindex.Descriptor]hashindex.Keypoint{}
	for _, k := range query.Keypoints {
		known[k.Descriptor] = k
	}
	for _, k := range reference.Keypoints {
		d := k.Descriptor
		if mirrored {
			d = d.Mirrored()
		}
		if q, ok := known[d]; ok {
			pairs = append(pairs, pair{k, q})
		}
	}
	return pairs
}

// plain is an aligner of pictures that are scaled and moved, and mirrored, along the axes: the least
// squares of the corners that have equal descriptors, of which eight are enough.
type plain struct{ query hashindex.Features }

func newPlain(query hashindex.Features) hashindex.Aligner { return plain{query} }

func (p plain) Align(reference hashindex.Features, mirrored bool) (hashindex.Alignment, bool) {
	pairs := shared(reference, p.query, mirrored)
	a := hashindex.Alignment{Mirrored: mirrored, Inliers: len(pairs)}
	if len(pairs) < 8 {
		return a, false
	}
	ax, bx := line(pairs, func(p pair) (float64, float64) { return float64(p.reference.X), float64(p.query.X) }, reference.Width, p.query.Width)
	ay, by := line(pairs, func(p pair) (float64, float64) { return float64(p.reference.Y), float64(p.query.Y) }, reference.Height, p.query.Height)
	a.Matrix = [9]float64{ax, 0, bx, 0, ay, by, 0, 0, 1}
	for i, corner := range [4][2]float64{{0, 0}, {1, 0}, {1, 1}, {0, 1}} {
		a.QueryQuad[i] = a.Place(corner)
	}
	a.QueryCoverage = cover(bx, ax+bx) * cover(by, ay+by)
	a.ReferenceCoverage = spread(pairs, reference)
	a.Correlation, a.Score = 1, 1-1/float64(len(pairs))
	return a, true
}

// line fits query = a × reference + b, both as fractions of their sides.
func line(pairs []pair, of func(pair) (float64, float64), referenceSide, querySide int) (a, b float64) {
	var n, sx, sy, sxx, sxy float64
	for _, p := range pairs {
		x, y := of(p)
		x, y = x/64/float64(referenceSide), y/64/float64(querySide)
		n, sx, sy, sxx, sxy = n+1, sx+x, sy+y, sxx+x*x, sxy+x*y
	}
	a = (n*sxy - sx*sy) / (n*sxx - sx*sx)
	return a, (sy - a*sx) / n
}

// spread is the share of the reference that holds the pairs.
func spread(pairs []pair, reference hashindex.Features) float64 {
	lowX, highX, lowY, highY := 1.0, 0.0, 1.0, 0.0
	for _, p := range pairs {
		x, y := float64(p.reference.X)/64/float64(reference.Width), float64(p.reference.Y)/64/float64(reference.Height)
		lowX, highX, lowY, highY = min(lowX, x), max(highX, x), min(lowY, y), max(highY, y)
	}
	return (highX - lowX) * (highY - lowY)
}

func cover(from, to float64) float64 {
	from, to = min(from, to), max(from, to)
	return max(0, min(1, to)-max(0, from))
}

// scene is a picture with corners of its own, and random hashes.
func scene(r *rand.Rand) hashindex.Picture {
	p := picture(r)
	p.Frames[0].Features = randomFeatures(r, hashindex.MaxStoredKeypoints)
	return p
}

// part is what a query shows of a scene: its rectangle from (left, top) to (right, bottom), in
// fractions, pasted into another picture there (all of it: a crop). Its hashes have nothing to do
// with the scene's.
func part(r *rand.Rand, of hashindex.Picture, rect [4]float64, into [4]float64) hashindex.Picture {
	p := picture(r)
	f := hashindex.Features{Width: 640, Height: 480, Luma: hashindex.Luma{Width: 1, Height: 1, Pix: []uint8{0}}}
	from := of.Frames[0].Features
	for _, k := range from.Keypoints {
		x := (float64(k.X)/64/float64(from.Width) - rect[0]) / (rect[2] - rect[0])
		y := (float64(k.Y)/64/float64(from.Height) - rect[1]) / (rect[3] - rect[1])
		if x < 0 || x >= 1 || y < 0 || y >= 1 {
			continue
		}
		k.X = uint16(64 * 640 * (into[0] + x*(into[2]-into[0])))
		k.Y = uint16(64 * 480 * (into[1] + y*(into[3]-into[1])))
		f.Keypoints = append(f.Keypoints, k)
	}
	p.Frames[0].Features = f
	return p
}

// together is a picture that shows what all of these do.
func together(pictures ...hashindex.Picture) hashindex.Picture {
	p := pictures[0]
	p.Frames = slices.Clone(p.Frames)
	for _, other := range pictures[1:] {
		p.Frames[0].Features.Keypoints = append(slices.Clone(p.Frames[0].Features.Keypoints), other.Frames[0].Features.Keypoints...)
	}
	return p
}

// mirrored shows the mirror image.
func mirrored(p hashindex.Picture) hashindex.Picture {
	p.Frames = slices.Clone(p.Frames)
	f := &p.Frames[0].Features
	f.Keypoints = slices.Clone(f.Keypoints)
	for i, k := range f.Keypoints {
		f.Keypoints[i].X, f.Keypoints[i].Descriptor = uint16(f.Width*64-1)-k.X, k.Descriptor.Mirrored()
	}
	return p
}
