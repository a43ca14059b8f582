package multiindex

import (
	"syscall"
	"time"
)

// threadTime is the processor time that this thread has had: on a machine that others use too, a
// truer measure than the clock.
func threadTime() time.Duration {
	const rusageThread = 1
	return usedTime(rusageThread)
}

// processTime is that of all threads.
func processTime() time.Duration { return usedTime(syscall.RUSAGE_SELF) }

func usedTime(who int) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(who, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
