//go:build !linux

package multiindex

// spacious is make where no other way is known to ask for large pages.
func spacious[T any](n int) []T { return make([]T, n) }
