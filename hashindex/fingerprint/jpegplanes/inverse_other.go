//go:build !amd64

package jpegplanes

func inverse(block *[64]int16, steps *[64]int32, out []uint8, stride int) {
	inversePortable(block, steps, out, stride)
}
