package fingerprint

import "golang.org/x/sys/cpu"

var hasAVX2 = cpu.X86.HasAVX2

// jpegLuma does what jpegLumaPortable does, from the first sample on.
func jpegLuma(out []float32, brightness []uint8, chroma *blend) {
	done := 0
	if hasAVX2 && len(out) >= 16 {
		done = len(out) &^ 15
		jpegLumaAVX2(&out[0], &brightness[:done][0], done, chroma)
	}
	jpegLumaPortable(out, brightness, chroma, done)
}

// jpegLumaAVX2 converts the first n samples, a multiple of 16 and at least that.
//
//go:noescape
func jpegLumaAVX2(out *float32, brightness *uint8, n int, chroma *blend)
