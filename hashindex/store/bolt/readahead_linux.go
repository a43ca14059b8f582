package bolt

import (
	"syscall"
	"unsafe"
)

// readAhead is how much is asked for beyond a page that is read for the first time.
const readAhead = 1 << 20

// willNeed asks the kernel for a page that is about to be read and for what follows it. bbolt maps its
// file for reads here and there, where the kernel brings in 4 KiB at a time.
func willNeed(page []byte) {
	size := uintptr(syscall.Getpagesize())
	start := unsafe.Pointer(unsafe.SliceData(page))
	skip := uintptr(start) % size
	whole := unsafe.Slice((*byte)(unsafe.Add(start, -int(skip))), uintptr(len(page))+skip+readAhead)
	_ = syscall.Madvise(whole, syscall.MADV_WILLNEED) // beyond the end of the file it does nothing
}
