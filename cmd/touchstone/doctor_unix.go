//go:build unix

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// lookAtRoom wants room for a compaction, which writes the file a second time, and some more.
func lookAtRoom(_ context.Context, folder string) []diagnosis {
	var disk syscall.Statfs_t
	if err := syscall.Statfs(folder, &disk); err != nil {
		return nil // there is no folder, and that was said
	}
	room, needed := int64(disk.Bavail)*int64(disk.Bsize), int64(1<<30)
	if info, err := os.Stat(filepath.Join(folder, "touchstone.db")); err == nil {
		needed += info.Size()
	}
	d := diagnosis{About: "room", State: good, What: bytesText(room) + " free on the disk"}
	if room < 64<<20 {
		d.State, d.Remedy = bad, "make room: writes are refused when the disk is full"
	} else if room < needed {
		d.State, d.Remedy = fair, "make room: compacting, and growing for a while, take "+bytesText(needed)
	}
	return []diagnosis{d}
}

// lookAtLimits looks at what this process may have: each connection is a file.
func lookAtLimits(context.Context, string) []diagnosis {
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil {
		return nil
	}
	d := diagnosis{About: "open files", State: good, What: fmt.Sprint("up to ", files.Max)}
	if files.Max < 4096 {
		d.State, d.Remedy = fair, "raise the limit of open files (ulimit -n, or LimitNOFILE= of the service): each connection is one"
	}
	return []diagnosis{d}
}
