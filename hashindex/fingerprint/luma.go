package fingerprint

import (
	"image"
	"image/color"
)

// lumaReader reads luma of a picture that is stored as grey or as colours: columns of row y, both
// counted from the picture's origin. What alpha leaves uncovered is white.
//
// The kinds that decoders make are read from their bytes; asking for colours one by one, as is done
// with the rest, takes six times as long. TestEveryKindOfPixelIsReadAsItsColours holds them equal.
func lumaReader(m image.Image) func(out []float32, y int, columns []int) {
	switch m := m.(type) {
	case *image.Gray:
		return func(out []float32, y int, columns []int) { greyLuma(out, rowOf(m.Pix, m.Stride, y), columns) }
	case *image.RGBA:
		return func(out []float32, y int, columns []int) { rgbaLuma(out, rowOf(m.Pix, m.Stride, y), columns) }
	case *image.NRGBA:
		return func(out []float32, y int, columns []int) { nrgbaLuma(out, rowOf(m.Pix, m.Stride, y), columns) }
	case *image.Paletted:
		palette := paletteLumas(m.Palette)
		return func(out []float32, y int, columns []int) {
			for i, x := range columns {
				out[i] = palette[m.Pix[y*m.Stride+x]]
			}
		}
	}
	return colourReader(m)
}

// rowOf is row y of a picture and what follows it: the first byte of a picture's Pix is its origin.
func rowOf(pix []uint8, stride, y int) []uint8 { return pix[y*stride:] }

func greyLuma(out []float32, row []uint8, columns []int) {
	for i, x := range columns {
		out[i] = float32(row[x])
	}
}

func rgbaLuma(out []float32, row []uint8, columns []int) {
	for i, x := range columns {
		p := row[4*x : 4*x+4 : 4*x+4]
		if p[3] == 0xff {
			out[i] = lumaOf(int32(p[0]), int32(p[1]), int32(p[2]))
			continue
		}
		r, g, b, a := color.RGBA{p[0], p[1], p[2], p[3]}.RGBA()
		out[i] = overWhite(color.RGBA64{uint16(r), uint16(g), uint16(b), uint16(a)})
	}
}

func nrgbaLuma(out []float32, row []uint8, columns []int) {
	for i, x := range columns {
		p := row[4*x : 4*x+4 : 4*x+4]
		if p[3] == 0xff {
			out[i] = lumaOf(int32(p[0]), int32(p[1]), int32(p[2]))
			continue
		}
		r, g, b, a := color.NRGBA{p[0], p[1], p[2], p[3]}.RGBA()
		out[i] = overWhite(color.RGBA64{uint16(r), uint16(g), uint16(b), uint16(a)})
	}
}

// paletteLumas is the luma of each entry; an index past the palette, which decoders refuse, is black.
func paletteLumas(palette color.Palette) (table [256]float32) {
	for i, entry := range palette {
		table[i] = overWhite(color.RGBA64Model.Convert(entry).(color.RGBA64))
	}
	return table
}

func colourReader(m image.Image) func(out []float32, y int, columns []int) {
	at := colours(m)
	origin := m.Bounds().Min
	return func(out []float32, y int, columns []int) {
		for i, x := range columns {
			out[i] = overWhite(at(origin.X+x, origin.Y+y))
		}
	}
}

func colours(m image.Image) func(x, y int) color.RGBA64 {
	if m, ok := m.(image.RGBA64Image); ok {
		return m.RGBA64At
	}
	return func(x, y int) color.RGBA64 { return color.RGBA64Model.Convert(m.At(x, y)).(color.RGBA64) }
}

// overWhite is the luma of a premultiplied colour over white. Lower bytes are dropped, as every
// 8-bit decoder does.
func overWhite(c color.RGBA64) float32 {
	white := 0xffff - c.A
	return lumaOf(int32((c.R+white)>>8), int32((c.G+white)>>8), int32((c.B+white)>>8))
}

// lumaOf is the luma of an 8-bit colour, weighed in whole thousandths so that nothing is lost.
func lumaOf(r, g, b int32) float32 {
	return float32(299*r+587*g+114*b) * 0.001
}
