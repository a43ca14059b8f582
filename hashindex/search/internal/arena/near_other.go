//go:build !amd64 && !arm64

package arena

// near sets the probes' masks.
func near(block []uint64, p *Probes) { nearPortable(block, p) }

func prefetch([]uint64) {}
