package main

import (
	"bufio"
	"bytes"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"

	"touchstone/api/client"
)

// command is this binary as the command, in a process of its own.
func command(args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), "TOUCHSTONE_RUN_AS_COMMAND=1")
	return cmd
}

// serving is a server in a process of its own, which can be stopped and killed. It does not outlive its test.
type serving struct {
	base string // URL

	cmd    *exec.Cmd
	stdout *bufio.Reader
	stderr bytes.Buffer
	once   sync.Once
	ended  error
}

// serveChild starts a server on the data folder, at a port that is free, and returns once it answers searches.
func serveChild(t *testing.T, data string, flags ...string) *serving {
	t.Helper()
	s := startChild(t, data, flags...)
	s.listening(t)
	for loading := true; loading; {
		err := client.New(s.base, nil).Ready(t.Context())
		problem, refused := errors.AsType[*client.Problem](err)
		if loading = refused && problem.Status == http.StatusServiceUnavailable; !loading && err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// startChild starts a server and does not wait for it.
func startChild(t *testing.T, data string, flags ...string) *serving {
	t.Helper()
	s := &serving{cmd: command(append([]string{"serve", "--data", data, "--listen", "127.0.0.1:0"}, flags...)...)}
	s.cmd.Stderr = &s.stderr
	stdout, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	s.stdout = bufio.NewReader(stdout)
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.kill()
		if t.Failed() {
			t.Logf("%s: %v, it said\n%s", s.base, s.cmd.ProcessState, &s.stderr)
		}
	})
	return s
}

// listening waits for the line in which the server says where it listens. What ends it before ends the wait.
func (s *serving) listening(t *testing.T) {
	t.Helper()
	line, err := s.stdout.ReadString('\n')
	if err != nil {
		t.Fatalf("it never listened: %v", err)
	}
	_, after, _ := strings.Cut(line, "listens on ")
	s.base, _, _ = strings.Cut(after, ". ")
}

// kill ends it as a crash would, and returns once it is gone: nothing that it was asked happens later.
func (s *serving) kill() {
	s.cmd.Process.Kill()
	s.wait()
}

// stop asks it to end in good order, as an operator would, and returns what it logged in all its life.
func (s *serving) stop(t *testing.T) string {
	t.Helper()
	s.cmd.Process.Signal(syscall.SIGTERM)
	if err := s.wait(); err != nil {
		t.Errorf("told to stop, it ended with %v", err)
	}
	return s.stderr.String()
}

// wait waits for its end.
func (s *serving) wait() error {
	s.once.Do(func() { s.ended = s.cmd.Wait() })
	return s.ended
}
