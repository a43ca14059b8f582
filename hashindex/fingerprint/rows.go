package fingerprint

import (
	"image"
	"image/color"
	"slices"
)

// rowReader reads rows of luma, 8 bits, over white, as the picture is stored.
func rowReader(img image.Image, f format) func(y int, out []uint8) {
	switch m := img.(type) {
	case *image.Gray:
		return func(y int, out []uint8) { copy(out, m.Pix[y*m.Stride:]) }
	case *image.YCbCr:
		return brightness(m, f)
	case *image.NYCbCrA:
		read := brightness(&m.YCbCr, f)
		return func(y int, out []uint8) {
			read(y, out)
			for x, alpha := range m.A[y*m.AStride:][:len(out)] {
				out[x] = overWhite8(out[x], alpha)
			}
		}
	case *image.NRGBA:
		return func(y int, out []uint8) {
			row := m.Pix[y*m.Stride:][:4*len(out)]
			for x := range out {
				p := row[4*x:][:4:4]
				out[x] = overWhite8(luma8(p[0], p[1], p[2]), p[3])
			}
		}
	case *image.RGBA:
		return func(y int, out []uint8) {
			row := m.Pix[y*m.Stride:][:4*len(out)]
			for x := range out {
				p := row[4*x:][:4:4]
				out[x] = luma8(p[0], p[1], p[2]) + 255 - p[3]
			}
		}
	case *image.Paletted:
		table := paletteLuma(m.Palette)
		return func(y int, out []uint8) {
			for x, index := range m.Pix[y*m.Stride:][:len(out)] {
				out[x] = table[index]
			}
		}
	}
	at, origin := colours(img), img.Bounds().Min
	return func(y int, out []uint8) {
		for x := range out {
			out[x] = lumaOver(at(origin.X+x, origin.Y+y))
		}
	}
}

// brightness reads the Y plane, stretched where it is in studio range.
func brightness(m *image.YCbCr, f format) func(y int, out []uint8) {
	if f != formatWebP {
		return func(y int, out []uint8) { copy(out, m.Y[y*m.YStride:]) }
	}
	var stretched [256]uint8
	for v := range stretched {
		stretched[v] = uint8(max(0, min(((v-16)*255+109)/219, 255)))
	}
	return func(y int, out []uint8) {
		for x, v := range m.Y[y*m.YStride:][:len(out)] {
			out[x] = stretched[v]
		}
	}
}

func luma8(r, g, b uint8) uint8 {
	return uint8((19595*uint32(r) + 38470*uint32(g) + 7471*uint32(b) + 1<<15) >> 16)
}

func overWhite8(v, alpha uint8) uint8 {
	return uint8((uint32(v)*uint32(alpha) + 255*uint32(255-alpha) + 127) / 255)
}

// lumaOver is the luma of a premultiplied colour over white.
func lumaOver(c color.RGBA64) uint8 {
	return luma8(uint8(c.R>>8), uint8(c.G>>8), uint8(c.B>>8)) + 255 - uint8(c.A>>8)
}

func paletteLuma(p color.Palette) []uint8 {
	table := slices.Grow([]uint8(nil), 256)[:256]
	for i, c := range p[:min(len(p), 256)] {
		table[i] = lumaOver(color.RGBA64Model.Convert(c).(color.RGBA64))
	}
	return table
}
