package bolt

import (
	"syscall"
	"unsafe"
)

const madvPopulateRead = 22 // since Linux 5.14; an older kernel declines, and pages come one by one

// willNeed asks the kernel to bring in the page, which is about to be read, and so many bytes that lie
// behind it. bbolt maps its file for reads here and there, where 4 KiB come at a time.
func willNeed(page []byte, behind int) {
	const step = 128 << 10 // of what it is asked for at once the kernel may bring in no more
	for at := 0; at < len(page)+behind; at += step {
		advise(page, at, min(step, len(page)+behind-at), syscall.MADV_WILLNEED)
	}
}

// populate maps the page's memory at once: a fault for every 4 KiB costs more than to compare what is
// there.
func populate(page []byte) { advise(page, 0, len(page), madvPopulateRead) }

// advise gives advice about so many bytes from a place on that is counted from the page's start. Beyond
// the end of the file it does nothing, and where it fails the page is read all the same.
func advise(page []byte, at, length, advice int) {
	size := uintptr(syscall.Getpagesize())
	start := unsafe.Add(unsafe.Pointer(unsafe.SliceData(page)), at)
	skip := uintptr(start) % size
	whole := unsafe.Slice((*byte)(unsafe.Add(start, -int(skip))), length+int(skip))
	_ = syscall.Madvise(whole, advice)
}
