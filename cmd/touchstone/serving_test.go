package main

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"testing"

	"touchstone/api/client"
)

// serving is a server in a process of its own, which can be killed.
type serving struct {
	*exec.Cmd
	base   string
	stderr bytes.Buffer // to be read once it has ended
}

// serveChild starts a server on the data folder and returns once it answers searches.
func serveChild(t *testing.T, data string) *serving {
	t.Helper()
	s := &serving{Cmd: exec.Command(os.Args[0], "serve", "--data", data, "--listen", "127.0.0.1:0")}
	s.Env = append(os.Environ(), "TOUCHSTONE_RUN_AS_COMMAND=1")
	s.Stderr = &s.stderr
	stdout, err := s.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.kill() })
	s.base = listensOn(t, bufio.NewReader(stdout))
	if err := client.New(s.base, nil).Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

// kill ends it as a crash would, and returns once it is gone: nothing that it was asked happens later.
func (s *serving) kill() {
	s.Process.Kill()
	s.Wait()
}
