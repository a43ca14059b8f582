//go:build !amd64

package keypoint

func sift(signatures []uint64, base uint32, want uint64, hits []uint32) int {
	return siftPortable(signatures, base, want, hits)
}

func askStarts(*uint32)     {}
func askSignatures(*uint64) {}
func askPosting(*posting)   {}
