//go:build !unix || aix || solaris

package bolt

import "os"

// unlock leaves the lock of a file that bbolt panicked on to the end of the process.
func unlock(*os.File) {}
