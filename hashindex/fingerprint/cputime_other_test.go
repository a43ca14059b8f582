//go:build !linux

package fingerprint

import "time"

var started = time.Now()

// processTime is the clock where the processor time is not to be had so simply.
func processTime() time.Duration { return time.Since(started) }
