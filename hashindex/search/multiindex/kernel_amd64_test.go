package multiindex

// fastKernels are the kinds of kernels that this machine can run, each with what makes the index use
// it, until what that returns is called.
func fastKernels() map[string]func() (undo func()) {
	kinds := map[string]func() (undo func()){}
	choose := func(avx512 bool) func() (undo func()) {
		return func() (undo func()) {
			best := hasAVX512
			hasAVX512 = avx512
			return func() { hasAVX512 = best }
		}
	}
	if hasAVX512 {
		kinds["AVX-512"] = choose(true)
	}
	if hasAVX2 {
		kinds["AVX2"] = choose(false)
	}
	return kinds
}
