package arena

// fastKernels are those that this machine can run.
func fastKernels() map[string]func([]uint64, *Probes) {
	k := map[string]func([]uint64, *Probes){}
	if hasPopcount512 {
		k["AVX-512"] = nearAVX512
	}
	if hasAVX2 {
		k["AVX2"] = nearAVX2
	}
	return k
}
