package bolt

import (
	"syscall"
	"unsafe"
)

const madvPopulateRead = 22 // since Linux 5.14; an older kernel declines, and pages come one by one

// willNeed asks the kernel to bring in the page, which is about to be read, and so many bytes that lie
// behind it. bbolt maps its file for reads here and there, where 4 KiB come at a time.
func willNeed(page []byte, behind int) { advise(page, behind, syscall.MADV_WILLNEED) }

// populate maps the page's memory at once: a fault for every 4 KiB costs more than to compare what is
// there.
func populate(page []byte) { advise(page, 0, madvPopulateRead) }

// advise gives advice about the page's memory and what is behind it. Beyond the end of the file it does
// nothing, and where it fails the page is read all the same.
func advise(page []byte, behind, advice int) {
	size := uintptr(syscall.Getpagesize())
	start := unsafe.Pointer(unsafe.SliceData(page))
	skip := uintptr(start) % size
	whole := unsafe.Slice((*byte)(unsafe.Add(start, -int(skip))), len(page)+int(skip)+behind)
	_ = syscall.Madvise(whole, advice)
}
