//go:build !amd64

package fingerprint

func weigh(sums []uint32, row []uint8, weight uint32) { weighPortable(sums, row, weight) }
