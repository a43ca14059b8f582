//go:build !linux

package bolt

func willNeed([]byte) {}
