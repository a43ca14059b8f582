//go:build !linux

package bolt

func willNeed([]byte, int) {}
func populate([]byte)      {}
