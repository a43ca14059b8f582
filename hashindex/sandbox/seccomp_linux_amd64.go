package sandbox

import "golang.org/x/sys/unix"

const thisArch = unix.AUDIT_ARCH_X86_64

// Older calls that this architecture has besides.
var computingHere = []uint32{
	unix.SYS_ARCH_PRCTL, unix.SYS_POLL, unix.SYS_SELECT, unix.SYS_EPOLL_WAIT, unix.SYS_PIPE, unix.SYS_DUP2, unix.SYS_TIME,
	unix.SYS_OPEN, unix.SYS_STAT, unix.SYS_LSTAT, unix.SYS_NEWFSTATAT, unix.SYS_ACCESS, unix.SYS_READLINK,
}
