package video

import (
	"image"

	"touchstone/hashindex"
)

// Of every so many pixels one is looked at.
const markStep = 4

// mark tells frames that many works have: black ones, those of one colour, and text on black. They are
// told by how many of their pixels are dark, bright or between.
func mark(picture *image.Gray, quality int) hashindex.Mark {
	var counts [256]int
	all := 0
	for y := 0; y < picture.Rect.Dy(); y += markStep {
		row := picture.Pix[y*picture.Stride:][:picture.Rect.Dx()]
		for x := 0; x < len(row); x += markStep {
			counts[row[x]]++
			all++
		}
	}
	share := func(from, to int) float64 {
		n := 0
		for _, c := range counts[from:to] {
			n += c
		}
		return float64(n) / float64(all)
	}
	dark, between := share(0, 40), share(40, 150)
	switch {
	case dark > 0.995:
		return hashindex.Black
	case quality != hashindex.QualityUnknown && quality < hashindex.PoorQuality:
		return hashindex.Flat
	case dark > 0.85 && between < 0.06:
		return hashindex.Credits
	}
	return hashindex.Telling
}
