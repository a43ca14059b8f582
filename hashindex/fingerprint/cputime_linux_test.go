package fingerprint

import (
	"syscall"
	"time"
)

// processTime is the processor time that the process has had, all threads and the collector
// included: on a machine that others use too, a truer measure than the clock.
func processTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
