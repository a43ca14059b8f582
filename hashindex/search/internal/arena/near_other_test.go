//go:build !amd64

package arena

// fastKernels are none.
func fastKernels() map[string]func([]uint64, *Probes) { return map[string]func([]uint64, *Probes){} }
