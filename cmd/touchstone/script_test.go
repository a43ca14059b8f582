package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"touchstone/api"
	"touchstone/api/fetch"
	"touchstone/fixtures"
)

// TestMain makes this binary the command: in scripts under its name, and for tests that kill it
// by an environment variable.
func TestMain(m *testing.M) {
	becomeChild()
	command := func() { os.Exit(run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }
	if os.Getenv("TOUCHSTONE_RUN_AS_COMMAND") != "" {
		command()
	}
	testscript.Main(m, map[string]func(){"touchstone": command})
}

// TestScripts runs testdata/script: each verb as a person or a program calls it, with what it prints
// and its exit code.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"picture": scriptPicture,
			"server":  scriptServer,
			"site":    scriptSite,
			"exits":   scriptExits,
			"damage":  scriptDamage,
		},
	})
}

// picture FILE KIND N [ATTACK] writes a generated picture.
func scriptPicture(ts *testscript.TestScript, _ bool, args []string) {
	makers := map[string]func(int) *image.NRGBA{
		"product": fixtures.Product, "photo": fixtures.Photo, "logo": fixtures.Logo, "chart": fixtures.SizeChart,
		"noise": func(n int) *image.NRGBA { return fixtures.Noise(n, 120, 120) },
		"flat":  func(n int) *image.NRGBA { return fixtures.Flat(color.Gray{Y: uint8(n)}, 200, 200) },
	}
	n, err := strconv.Atoi(args[2])
	ts.Check(err)
	img := makers[args[1]](n)
	content := fixtures.EncodePNG(img)
	if len(args) > 3 {
		content = altered(img, args[3])
	}
	name := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(filepath.Dir(name), 0o777))
	ts.Check(os.WriteFile(name, content, 0o666))
}

// server FOLDER [PORT] serves the folder until the script ends and sets $SERVER. Its webhooks reach that port of this
// machine.
func scriptServer(ts *testscript.TestScript, _ bool, args []string) {
	var config api.Config
	if len(args) > 1 {
		port, err := strconv.ParseUint(args[1], 10, 16)
		ts.Check(err)
		config.Deliver = fetch.New(fetch.Config{Ports: []uint16{uint16(port)}, Allowed: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}})
	}
	h, err := open(ts.MkAbs(args[0]), writing, plan{searcher: defaultSearcher, config: config}, slog.New(slog.DiscardHandler))
	ts.Check(err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ctx, stop := context.WithCancel(context.Background())
	stopped := make(chan error, 1)
	go func() { stopped <- h.server.Serve(ctx, listener) }()
	ts.Defer(func() {
		stop()
		ts.Check(errors.Join(<-stopped, h.close()))
	})
	ts.Setenv("SERVER", "http://"+listener.Addr().String())
}

// site FOLDER serves the folder's files, not an index, until the script ends and sets $SITE and $SITEPORT.
func scriptSite(ts *testscript.TestScript, _ bool, args []string) {
	site := httptest.NewServer(http.FileServer(http.Dir(ts.MkAbs(args[0]))))
	ts.Defer(site.Close)
	ts.Setenv("SITE", site.URL)
	ts.Setenv("SITEPORT", fmt.Sprint(site.Listener.Addr().(*net.TCPAddr).Port))
}

// exits CODE ARG... runs touchstone and wants that exit code.
func scriptExits(ts *testscript.TestScript, _ bool, args []string) {
	err := ts.Exec("touchstone", args[1:]...)
	got := "0"
	if err != nil {
		got = exitText(err)
	}
	if got != args[0] {
		ts.Fatalf("touchstone %v: %s, want exit code %s", args[1:], got, args[0])
	}
}

func exitText(err error) string {
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return fmt.Sprint(exit.ExitCode())
	}
	return err.Error()
}

// damage FILE TEXT turns over a bit of the first place where the file holds the text.
func scriptDamage(ts *testscript.TestScript, _ bool, args []string) {
	name := ts.MkAbs(args[0])
	content, err := os.ReadFile(name)
	ts.Check(err)
	at := bytes.Index(content, []byte(args[1]))
	if at < 0 {
		ts.Fatalf("%s does not hold %q", name, args[1])
	}
	content[at] ^= 1
	ts.Check(os.WriteFile(name, content, 0o600))
}
