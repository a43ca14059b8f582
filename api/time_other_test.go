//go:build !unix

package api_test

import "time"

func processTime() time.Duration { return 0 }
