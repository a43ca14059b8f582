package arena

import "golang.org/x/sys/cpu"

var (
	// hasPopcount512 is whether one instruction counts the bits of eight words.
	hasPopcount512 = cpu.X86.HasAVX512F && cpu.X86.HasAVX512DQ && cpu.X86.HasAVX512VPOPCNTDQ
	hasAVX2        = cpu.X86.HasAVX2
)

// near sets the probes' masks as nearPortable does.
func near(block []uint64, p *Probes) {
	switch {
	case p.n == 0:
	case hasPopcount512:
		nearAVX512(block, p)
	case hasAVX2:
		nearAVX2(block, p)
	default:
		nearPortable(block, p)
	}
}

func nearAVX512(block []uint64, p *Probes) {
	if p.planes == 1 {
		near64AVX512(&block[0], &p.words[0], p.n, p.radius, &p.masks[0])
	} else {
		near256AVX512(&block[0], &p.words[0], p.n, p.radius, &p.masks[0])
	}
}

func nearAVX2(block []uint64, p *Probes) {
	if p.planes == 1 {
		near64AVX2(&block[0], &p.words[0], p.n, p.radius, &p.masks[0])
	} else {
		near256AVX2(&block[0], &p.words[0], p.n, p.radius, &p.masks[0])
	}
}

// The kernels compare a block of one plane, or of four, with n probes, at least one. Those of four
// read the second half of eight hashes only if one of them is near enough in the first.

//go:noescape
func near64AVX512(block, words *uint64, n, radius int, masks *uint64)

//go:noescape
func near256AVX512(block, words *uint64, n, radius int, masks *uint64)

//go:noescape
func near64AVX2(block, words *uint64, n, radius int, masks *uint64)

//go:noescape
func near256AVX2(block, words *uint64, n, radius int, masks *uint64)

// prefetch asks for the words that near reads of every block: two planes at most, for near leaves
// the others out where nothing is near.
func prefetch(block []uint64) { prefetchLines(&block[0], min(len(block), 2*Size)/8) }

// prefetchLines asks for that many cache lines of 64 bytes.
//
//go:noescape
func prefetchLines(words *uint64, lines int)
