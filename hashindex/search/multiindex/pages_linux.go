package multiindex

import (
	"syscall"
	"unsafe"
)

// spacious is make for slices that are read in no order. Nearly every read of a large one misses the
// processor's table of small pages too, so the kernel is asked for large ones: for memory not touched
// yet by the first advice, for memory that the program used before by the second, known since Linux
// 6.1. It may decline.
func spacious[T any](n int) []T {
	const (
		worthwhile                 = 4 << 20 // bytes
		madvHugepage, madvCollapse = 14, 25
	)
	s := make([]T, n)
	var one T
	size := uintptr(n) * unsafe.Sizeof(one)
	if size < worthwhile {
		return s
	}
	page := uintptr(syscall.Getpagesize())
	start := unsafe.Pointer(unsafe.SliceData(s))
	skip := -uintptr(start) % page
	whole := unsafe.Slice((*byte)(unsafe.Add(start, skip)), (size-skip)/page*page)
	_ = syscall.Madvise(whole, madvHugepage)
	_ = syscall.Madvise(whole, madvCollapse)
	return s
}
