//go:build !linux

package multiindex

import "time"

var started = time.Now()

// threadTime is the clock where no better is known.
func threadTime() time.Duration { return time.Since(started) }

func processTime() time.Duration { return time.Since(started) }
