package main

import (
	"bufio"
	"bytes"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestServeAnswersUntilItIsToldToStop(t *testing.T) {
	data := filepath.Join(t.TempDir(), "new", "data")
	child := exec.Command(os.Args[0], "serve", "--data", data, "--listen", "127.0.0.1:0")
	child.Env = append(os.Environ(), "TOUCHSTONE_RUN_AS_COMMAND=1")
	var stderr bytes.Buffer
	child.Stderr = &stderr
	stdout, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	defer child.Process.Kill()
	base := listensOn(t, bufio.NewReader(stdout))

	touchstone(t, exitOK, "collections", "create", "bags", "--purpose", "brand", "--server", base)
	response, err := http.Get(base + "/readyz")
	if err != nil || response.StatusCode != http.StatusOK {
		t.Errorf("readyz: %v, %v", response, err)
	}
	var out bytes.Buffer
	address := strings.TrimPrefix(base, "http://")
	code := run(t.Context(), []string{"serve", "--data", t.TempDir(), "--listen", address}, nil, &out, &out)
	if code != exitOther || !strings.Contains(out.String(), "listens on "+address+" already") {
		t.Errorf("a second server: exit code %d, %s", code, &out)
	}

	child.Process.Signal(syscall.SIGTERM)
	if err := child.Wait(); err != nil {
		t.Errorf("%v\n%s", err, &stderr)
	}
	if log := stderr.String(); strings.Count(log, "msg=serving") != 1 || !strings.Contains(log, "listen="+address) {
		t.Errorf("the configuration is not logged once: %s", log)
	}
	if list := touchstone(t, exitOK, "collections", "list", "--data", data); !strings.Contains(list, "bags") {
		t.Errorf("what was acknowledged is gone: %s", list)
	}
}

// listensOn is the address in the first line that serve prints.
func listensOn(t *testing.T, stdout *bufio.Reader) string {
	t.Helper()
	line, err := stdout.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(line, "listens on ")
	base, _, _ := strings.Cut(after, ". ")
	return base
}

func TestOnlyLoopbackAddressesAreServed(t *testing.T) {
	for listen, want := range map[string]bool{
		"127.0.0.1:8080": true, "127.0.0.2:0": true, "[::1]:8080": true, "localhost:80": true,
		":8080": false, "0.0.0.0:8080": false, "[::]:8080": false, "192.168.1.2:8080": false, "example.org:80": false, "8080": false,
	} {
		if err := checkLoopback(listen); (err == nil) != want {
			t.Errorf("%s: %v", listen, err)
		}
	}
}

func TestReachIsReadFromFlags(t *testing.T) {
	for _, c := range []struct {
		reach   reach
		refused bool
		fetches bool
	}{
		{reach{ports: []uint{80}}, false, false},
		{reach{fetch: true, networks: []string{"10.0.0.0/8", "fd00::/8"}, ports: []uint{80, 8443}}, false, true},
		{reach{fetch: true, networks: []string{"10.0.0.1"}}, true, false},
		{reach{networks: []string{"anywhere"}}, true, false},
		{reach{fetch: true, ports: []uint{0}}, true, false},
		{reach{fetch: true, ports: []uint{65536}}, true, false},
	} {
		f, err := c.reach.fetcher()
		if (err != nil) != c.refused || (f != nil) != c.fetches {
			t.Errorf("%+v: fetcher %v, error %v", c.reach, f != nil, err)
		}
	}
}
