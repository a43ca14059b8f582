package arena

import "golang.org/x/sys/cpu"

// hasPopcount512 is whether one instruction counts the bits of eight words.
var hasPopcount512 = cpu.X86.HasAVX512F && cpu.X86.HasAVX512DQ && cpu.X86.HasAVX512VPOPCNTDQ

// near sets the probes' masks as nearPortable does.
func near(block []uint64, p *Probes) {
	switch {
	case p.n == 0:
	case !hasPopcount512:
		nearPortable(block, p)
	case p.planes == 1:
		near64AVX512(&block[0], &p.words[0], p.n, p.radius, &p.masks[0])
	default:
		near256AVX512(&block[0], &p.words[0], p.n, p.radius, &p.masks[0])
	}
}

// near64AVX512 compares a block of one plane with n probes, at least one.
//
//go:noescape
func near64AVX512(block, words *uint64, n, radius int, masks *uint64)

// near256AVX512 compares a block of four planes with n probes, at least one. It reads the second
// half of eight hashes only if one of them is near enough in the first.
//
//go:noescape
func near256AVX512(block, words *uint64, n, radius int, masks *uint64)

// prefetch asks for the words that near reads of every block: two planes at most, for near leaves
// the others out where nothing is near.
func prefetch(block []uint64) { prefetchLines(&block[0], min(len(block), 2*Size)/8) }

// prefetchLines asks for that many cache lines of 64 bytes.
//
//go:noescape
func prefetchLines(words *uint64, lines int)
