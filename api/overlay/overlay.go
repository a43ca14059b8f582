// Package overlay draws why two pictures match, for a person to judge: the reference, the query with the
// reference's outline in it, and the two blended where they overlap, with the corners that agree.
package overlay

import (
	"image"
	"image/color"
	"image/draw"
	"math"

	"touchstone/hashindex"
)

// Side is the longest side of each of the three pictures that Draw puts side by side, in pixels.
const Side = 640

const gap = 8 // pixels between them

var (
	paper   = color.NRGBA{0xf2, 0xf2, 0xf2, 0xff}
	outline = color.NRGBA{0xff, 0x2d, 0x55, 0xff}
	dot     = color.NRGBA{0x00, 0xc8, 0x53, 0xff}
)

// Picture is one of the two, as large as it is drawn, with its features for the corners.
type Picture struct {
	image    *image.NRGBA
	features hashindex.Features
}

// Fit is the picture averaged down until its longer side is at most Side. Zero features draw no
// corners. It keeps no part of the image.
func Fit(img *image.NRGBA, features hashindex.Features) Picture {
	return Picture{reduced(img), features}
}

// Draw puts three pictures side by side: the reference, the query, and the query with the reference
// laid over it at half strength. Without an alignment the third is the query alone.
func Draw(reference, query Picture, laid hashindex.Alignment) *image.NRGBA {
	left, middle, right := clone(reference.image), clone(query.image), clone(query.image)
	aligned := laid.Matrix != [9]float64{}
	if aligned {
		blend(right, left, laid)
		draw4(middle, laid.QueryQuad)
		draw4(right, laid.QueryQuad)
		for _, pair := range corners(reference.features, query.features, laid) {
			mark(left, pair[0])
			mark(middle, pair[1])
		}
	}
	return beside(left, middle, right)
}

func reduced(img *image.NRGBA) *image.NRGBA {
	w, h := img.Rect.Dx(), img.Rect.Dy()
	longer := max(w, h)
	if longer <= Side {
		return clone(img)
	}
	out := image.NewNRGBA(image.Rect(0, 0, max(1, w*Side/longer), max(1, h*Side/longer)))
	for y := range out.Rect.Dy() {
		for x := range out.Rect.Dx() {
			mean(out.Pix[out.PixOffset(x, y):][:4], img, x*w/out.Rect.Dx(), y*h/out.Rect.Dy(), (x+1)*w/out.Rect.Dx(), (y+1)*h/out.Rect.Dy())
		}
	}
	return out
}

// mean is of the pixels from (x0, y0) to before (x1, y1), at least one.
func mean(out []uint8, img *image.NRGBA, x0, y0, x1, y1 int) {
	var sum [4]int
	x1, y1 = max(x1, x0+1), max(y1, y0+1)
	for y := y0; y < y1; y++ {
		row := img.Pix[img.PixOffset(img.Rect.Min.X+x0, img.Rect.Min.Y+y):]
		for i := range 4 * (x1 - x0) {
			sum[i%4] += int(row[i])
		}
	}
	for c, total := range sum {
		out[c] = uint8(total / ((x1 - x0) * (y1 - y0)))
	}
}

func clone(img *image.NRGBA) *image.NRGBA {
	out := image.NewNRGBA(image.Rect(0, 0, img.Rect.Dx(), img.Rect.Dy()))
	draw.Draw(out, out.Rect, img, img.Rect.Min, draw.Src)
	return out
}

// blend mixes the reference into the query where the alignment has it.
func blend(query, reference *image.NRGBA, laid hashindex.Alignment) {
	w, h := float64(query.Rect.Dx()), float64(query.Rect.Dy())
	rw, rh := float64(reference.Rect.Dx()), float64(reference.Rect.Dy())
	for y := range query.Rect.Dy() {
		for x := range query.Rect.Dx() {
			p := laid.Source([2]float64{(float64(x) + 0.5) / w, (float64(y) + 0.5) / h})
			if !(p[0] >= 0 && p[0] < 1 && p[1] >= 0 && p[1] < 1) { // not a number included
				continue
			}
			from := reference.Pix[reference.PixOffset(int(p[0]*rw), int(p[1]*rh)):]
			to := query.Pix[query.PixOffset(x, y):]
			for c := range 3 {
				to[c] = uint8((int(to[c]) + int(from[c])) / 2)
			}
		}
	}
}

// maxBits is how far apart the descriptors of a corner seen twice may be to be drawn.
const maxBits = 64

// corners are those that the alignment brings together: their places in the reference and in the query.
func corners(reference, query hashindex.Features, laid hashindex.Alignment) (pairs [][2][2]float64) {
	if reference.IsZero() || query.IsZero() {
		return nil
	}
	near := 4 / float64(max(query.Width, query.Height)) // four pixels of the working picture
	for _, r := range reference.Stored().Keypoints {
		at := laid.Place(fraction(r, reference))
		descriptor := r.Descriptor
		if laid.Mirrored {
			descriptor = descriptor.Mirrored()
		}
		for _, q := range query.Keypoints {
			there := fraction(q, query)
			if math.Abs(there[0]-at[0]) < near && math.Abs(there[1]-at[1]) < near && apart(descriptor, q.Descriptor) <= maxBits {
				pairs = append(pairs, [2][2]float64{fraction(r, reference), there})
				break
			}
		}
	}
	return pairs
}

func apart(a, b hashindex.Descriptor) int { return hashindex.Hash256(a).Distance(hashindex.Hash256(b)) }

func fraction(k hashindex.Keypoint, of hashindex.Features) [2]float64 {
	return [2]float64{float64(k.X) / 64 / float64(of.Width), float64(k.Y) / 64 / float64(of.Height)}
}

// draw4 draws a quadrangle with corners in fractions of the picture, some of them perhaps outside.
func draw4(img *image.NRGBA, quad [4][2]float64) {
	for i, from := range quad {
		line(img, from, quad[(i+1)%4])
	}
}

// line draws what lies in the picture of a line, three pixels thick.
func line(img *image.NRGBA, from, to [2]float64) {
	from, to, ok := clip(from, to)
	if !ok {
		return
	}
	w, h := float64(img.Rect.Dx()), float64(img.Rect.Dy())
	steps := int(math.Hypot((to[0]-from[0])*w, (to[1]-from[1])*h)) + 1
	for s := range steps + 1 {
		t := float64(s) / float64(steps)
		x, y := int((from[0]+t*(to[0]-from[0]))*w), int((from[1]+t*(to[1]-from[1]))*h)
		square(img, x, y, 1, outline)
	}
}

// clip keeps the part of a line near the unit square (Liang and Barsky, 1984): an outline may reach
// far beyond the picture.
func clip(from, to [2]float64) (_, _ [2]float64, ok bool) {
	const margin = 0.01
	first, last := 0.0, 1.0
	for axis := range 2 {
		delta := to[axis] - from[axis]
		for _, edge := range [2][2]float64{{-delta, from[axis] + margin}, {delta, 1 + margin - from[axis]}} {
			switch t := edge[1] / edge[0]; {
			case edge[0] == 0 && edge[1] < 0:
				return from, to, false
			case edge[0] < 0:
				first = max(first, t)
			case edge[0] > 0:
				last = min(last, t)
			}
		}
	}
	at := func(t float64) [2]float64 {
		return [2]float64{from[0] + t*(to[0]-from[0]), from[1] + t*(to[1]-from[1])}
	}
	return at(first), at(last), first <= last
}

func mark(img *image.NRGBA, at [2]float64) {
	square(img, int(at[0]*float64(img.Rect.Dx())), int(at[1]*float64(img.Rect.Dy())), 2, dot)
}

// square fills what lies in the picture of a square around (x, y).
func square(img *image.NRGBA, x, y, radius int, c color.NRGBA) {
	r := image.Rect(x-radius, y-radius, x+radius+1, y+radius+1).Intersect(img.Rect)
	draw.Draw(img, r, image.NewUniform(c), image.Point{}, draw.Src)
}

func beside(pictures ...*image.NRGBA) *image.NRGBA {
	width, height := gap, 0
	for _, p := range pictures {
		width, height = width+p.Rect.Dx()+gap, max(height, p.Rect.Dy())
	}
	out := image.NewNRGBA(image.Rect(0, 0, width, height+2*gap))
	draw.Draw(out, out.Rect, image.NewUniform(paper), image.Point{}, draw.Src)
	x := gap
	for _, p := range pictures {
		draw.Draw(out, p.Rect.Add(image.Pt(x, gap)), p, image.Point{}, draw.Src)
		x += p.Rect.Dx() + gap
	}
	return out
}
