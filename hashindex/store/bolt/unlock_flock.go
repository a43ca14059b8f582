//go:build unix && !aix && !solaris

package bolt

import (
	"os"
	"syscall"
)

// unlock gives up the lock of a file that bbolt panicked on. Closing it is not enough: bbolt's map
// of the file, which nobody can undo now, keeps the lock until the process ends.
func unlock(file *os.File) { _ = syscall.Flock(int(file.Fd()), syscall.LOCK_UN) }
