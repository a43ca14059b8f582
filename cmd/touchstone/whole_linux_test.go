package main

import (
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func TestPipeIsWrittenToAndStaysAPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Skipf("no pipe can be made here: %v", err)
	}
	got := make(chan string)
	go func() {
		content, err := os.ReadFile(path)
		if err != nil {
			content = []byte(err.Error())
		}
		got <- string(content)
	}()
	if err := replaceWhole(path, func(to io.Writer) error { _, err := to.Write([]byte("through a pipe")); return err }); err != nil {
		t.Error(err)
	}
	if text := <-got; text != "through a pipe" {
		t.Errorf("read %q", text)
	}
	if info, err := os.Stat(path); err != nil || info.Mode()&os.ModeNamedPipe == 0 {
		t.Errorf("it has become %v, %v", info, err)
	}
}
