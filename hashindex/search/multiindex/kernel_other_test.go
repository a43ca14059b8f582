//go:build !amd64

package multiindex

// fastKernels are none but the portable ones, which the tests compare with what they find one by one.
func fastKernels() map[string]func() (undo func()) {
	return map[string]func() (undo func()){"portable": func() (undo func()) { return func() {} }}
}
