package jpegplanes

// The inverse transform is the one of 32-bit integers that jpegn has, after Wang ("Fast algorithms for
// the discrete W transform and for the discrete Fourier transform", 1984) as the MPEG Software
// Simulation Group wrote it down: its roundings are part of every sample. Sums may wrap around, as
// hostile tables make them; they do so in the same way everywhere.

// The constants are 2048·√2·cos(iπ/16).
const (
	w1 = 2841
	w2 = 2676
	w3 = 2408
	w5 = 1609
	w6 = 1108
	w7 = 565
)

// scaledMost bounds a coefficient after scaling; those of real pictures stay within a quarter of it.
const scaledMost = 1 << 13

func scaled(v int16, step int32) int32 {
	return max(-scaledMost, min(int32(v)*step, scaledMost))
}

// flat fills a block that has a constant part only.
func flat(constant int16, step int32, out []uint8, stride int) {
	v := sample((scaled(constant, step)<<3 + 32) >> 6)
	for y := range 8 {
		row := out[y*stride:][:8:8]
		row[0], row[1], row[2], row[3], row[4], row[5], row[6], row[7] = v, v, v, v, v, v, v, v
	}
}

func sample(v int32) uint8 { return uint8(max(0, min(v+128, 255))) }

// inversePortable scales a block by its steps, both stored column by column, and transforms it back
// into 8 rows of samples.
func inversePortable(block *[64]int16, steps *[64]int32, out []uint8, stride int) {
	var rows [64]int32 // of frequencies down and samples across
	for y := range 8 {
		line := rows[8*y:][:8:8]
		for x := range line {
			line[x] = scaled(block[8*x+y], steps[8*x+y])
		}
		acrossRow((*[8]int32)(line))
	}
	for x := range 8 {
		downColumn(&rows, x, out[x:], stride)
	}
}

func acrossRow(b *[8]int32) {
	if b[1]|b[2]|b[3]|b[4]|b[5]|b[6]|b[7] == 0 {
		v := b[0] << 3
		*b = [8]int32{v, v, v, v, v, v, v, v}
		return
	}
	b[0] = b[0]<<11 + 128
	b[4] <<= 11
	odd17, odd53 := w7*(b[1]+b[7]), w3*(b[5]+b[3])
	a1, a7 := odd17+(w1-w7)*b[1], odd17-(w1+w7)*b[7]
	a5, a3 := odd53-(w3-w5)*b[5], odd53-(w3+w5)*b[3]
	even := w6 * (b[2] + b[6])
	e6, e2 := even-(w2+w6)*b[6], even+(w2-w6)*b[2]
	*b = butterfly(b[0]+b[4], b[0]-b[4], e2, e6, a1, a3, a5, a7)
	for x := range b {
		b[x] >>= 8
	}
}

func downColumn(rows *[64]int32, x int, out []uint8, stride int) {
	b := [8]int32{rows[x], rows[8+x], rows[16+x], rows[24+x], rows[32+x], rows[40+x], rows[48+x], rows[56+x]}
	b[0] = b[0]<<8 + 8192
	b[4] <<= 8
	odd17, odd53 := w7*(b[1]+b[7])+4, w3*(b[5]+b[3])+4
	a1, a7 := (odd17+(w1-w7)*b[1])>>3, (odd17-(w1+w7)*b[7])>>3
	a5, a3 := (odd53-(w3-w5)*b[5])>>3, (odd53-(w3+w5)*b[3])>>3
	even := w6*(b[2]+b[6]) + 4
	e6, e2 := (even-(w2+w6)*b[6])>>3, (even+(w2-w6)*b[2])>>3
	for y, v := range butterfly(b[0]+b[4], b[0]-b[4], e2, e6, a1, a3, a5, a7) {
		out[y*stride] = sample(v >> 14)
	}
}

// butterfly adds up what both directions have in common: the even part from e0, e4, e2 and e6, the odd
// part from a1 to a7.
func butterfly(e0, e4, e2, e6, a1, a3, a5, a7 int32) [8]int32 {
	outer, inner := a1+a5, a7+a3
	a1, a7 = a1-a5, a7-a3
	top, bottom := e0+e2, e0-e2
	high, low := e4+e6, e4-e6
	turned, other := (181*(a1+a7)+128)>>8, (181*(a1-a7)+128)>>8
	return [8]int32{
		top + outer, high + turned, low + other, bottom + inner,
		bottom - inner, low - other, high - turned, top - outer,
	}
}
