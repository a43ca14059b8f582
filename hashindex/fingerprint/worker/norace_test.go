//go:build !race

package worker_test

// racing says that the race detector is on.
const racing = false
