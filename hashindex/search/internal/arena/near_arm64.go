package arena

// near sets the probes' masks as nearPortable does.
func near(block []uint64, p *Probes) {
	// The kernels hold a distance in a byte, and every processor of this kind has what they need.
	if p.n == 0 || p.radius < 0 || p.radius >= 255 {
		nearPortable(block, p)
		return
	}
	if p.planes == 1 {
		near64NEON(&block[:Size][0], &p.words[0], p.n, p.radius, &p.masks[0])
	} else {
		near256NEON(&block[:4*Size][0], &p.words[0], p.n, p.radius, &p.masks[0])
	}
}

func prefetch([]uint64) {}

//go:noescape
func near64NEON(block, words *uint64, n, radius int, masks *uint64)

//go:noescape
func near256NEON(block, words *uint64, n, radius int, masks *uint64)
