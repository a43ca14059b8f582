//go:build unix

// Package cputime tells how much a process has worked: what benchmarks count on machines that have
// other work too.
package cputime

import (
	"syscall"
	"time"
)

// Process is the CPU time of this process, of all its threads; 0 where the system does not tell.
func Process() time.Duration {
	var used syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &used) != nil {
		return 0
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
