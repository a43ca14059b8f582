package multiindex

import (
	"syscall"
	"unsafe"
)

// spacious is make for slices that are read in no order. Nearly every read of a large one misses the
// processor's table of small pages too, so the kernel is asked for large ones, which it gives to memory
// that is touched for the first time: what the program used before it is told to forget first, and what is
// forgotten reads as zeros, as make left it. It may decline.
func spacious[T any](n int) []T {
	const (
		worthwhile   = 4 << 20 // bytes
		madvHugepage = 14
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
	_ = syscall.Madvise(whole, syscall.MADV_DONTNEED)
	return s
}
