package keypoint

import "golang.org/x/sys/cpu"

var hasAVX512 = cpu.X86.HasAVX512F && cpu.X86.HasAVX512VL && cpu.X86.HasAVX512VPOPCNTDQ && cpu.X86.HasPOPCNT

// sift does what siftPortable does.
func sift(signatures []uint64, base uint32, want uint64, hits []uint32) int {
	if !hasAVX512 || len(signatures) == 0 {
		return siftPortable(signatures, base, want, hits)
	}
	return siftAVX512(&signatures[0], len(signatures), base, want, &hits[:len(signatures)+hitSlack][0])
}

// Each of these asks for what lies at a place without waiting for it.
//
//go:noescape
func askStarts(at *uint32)

// askSignatures asks for the line after it as well.
//
//go:noescape
func askSignatures(at *uint64)

//go:noescape
func askPosting(at *posting)

// siftAVX512 compares eight signatures at a time.
//
//go:noescape
func siftAVX512(signatures *uint64, n int, base uint32, want uint64, hits *uint32) int
