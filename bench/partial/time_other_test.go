//go:build !linux

package partial

import "time"

var started = time.Now()

// threadTime is the time that has passed: elsewhere the thread's own is not to be had.
func threadTime() time.Duration { return time.Since(started) }
