package jpegplanes

import "golang.org/x/sys/cpu"

var hasAVX2 = cpu.X86.HasAVX2

// inverse does what inversePortable does.
func inverse(block *[64]int16, steps *[64]int32, out []uint8, stride int) {
	if !hasAVX2 {
		inversePortable(block, steps, out, stride)
		return
	}
	_ = out[7*stride+7]
	inverseAVX2(block, steps, &out[0], stride)
}

// inverseAVX2 writes 8 bytes to each of 8 rows.
//
//go:noescape
func inverseAVX2(block *[64]int16, steps *[64]int32, out *uint8, stride int)
