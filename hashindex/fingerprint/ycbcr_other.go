//go:build !amd64

package fingerprint

func jpegLuma(out []float32, brightness []uint8, chroma *blend) {
	jpegLumaPortable(out, brightness, chroma, 0)
}
