package multiindex

import (
	"syscall"
	"time"
)

// threadTime is the processor time that this thread has had: on a machine that others use too, a
// truer measure than the clock.
func threadTime() time.Duration {
	const rusageThread = 1
	var u syscall.Rusage
	if err := syscall.Getrusage(rusageThread, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
