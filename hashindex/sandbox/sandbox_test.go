package sandbox_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"touchstone/hashindex/sandbox"
)

// TestMain is also the children's main: each does one thing and says how it went.
func TestMain(m *testing.M) {
	sandbox.Enter()
	if len(os.Args) > 2 && os.Args[1] == "child" {
		fmt.Print(deeds[os.Args[2]](os.Args[3:]))
		return
	}
	os.Exit(m.Run())
}

// deeds are what children do.
var deeds = map[string]func(args []string) string{
	"echo": func([]string) string {
		all, err := io.ReadAll(os.Stdin)
		return outcome(string(all), err)
	},
	"environment": func([]string) string { return strings.Join(os.Environ(), " ") },
	"account":     func([]string) string { return strconv.Itoa(os.Getuid()) },
	"dial": func(args []string) string {
		_, err := net.Dial(args[0], args[1])
		return outcome("connected", err)
	},
	"listen": func(args []string) string {
		_, err := net.Listen(args[0], args[1])
		return outcome("listening", err)
	},
	"read": func(args []string) string {
		content, err := os.ReadFile(args[0])
		return outcome("read "+string(content), err)
	},
	"list": func(args []string) string {
		entries, err := os.ReadDir(args[0])
		return outcome(fmt.Sprint("listed ", entries), err)
	},
	"write": func(args []string) string {
		return outcome("written", os.WriteFile(args[0], []byte("x"), 0o666))
	},
	"start": func(args []string) string {
		return outcome("started", exec.Command(args[0], args[1:]...).Run())
	},
	"signal": func(args []string) string {
		pid, _ := strconv.Atoi(args[0])
		process, err := os.FindProcess(pid)
		if err == nil {
			err = process.Signal(os.Interrupt)
		}
		return outcome("signalled", err)
	},
	"allocate": func(args []string) string {
		n, _ := strconv.Atoi(args[0])
		held := make([]byte, n)
		for i := range held {
			held[i] = byte(i)
		}
		return outcome("allocated", nil)
	},
	"spin": func([]string) string {
		for n := 0; ; n++ {
		}
	},
	"sleep": func([]string) string {
		fmt.Println("asleep")
		time.Sleep(time.Hour)
		return ""
	},
	"talk": func([]string) string {
		for {
			if _, err := os.Stdout.Write(make([]byte, 64<<10)); err != nil {
				return ""
			}
		}
	},
	"fail": func([]string) string {
		fmt.Fprint(os.Stderr, strings.Repeat("noise ", 10_000), "the reason")
		os.Exit(3)
		return ""
	},
}

func outcome(well string, err error) string {
	if err != nil {
		return "refused: " + err.Error()
	}
	return well
}

func child(deed ...string) sandbox.Program {
	return sandbox.Program{Args: append([]string{"child"}, deed...), Limits: patient}
}

// patient are limits that a slow machine does not reach.
var patient = sandbox.Limits{Wall: 5 * time.Minute, CPU: 5 * time.Minute}

func run(t *testing.T, p sandbox.Program) string {
	t.Helper()
	output, err := sandbox.Run(t.Context(), p, strings.NewReader(""))
	if err != nil {
		t.Fatal(err)
	}
	return string(output)
}

// needs skips a test of what this kernel, or whatever this test runs in, does not grant.
func needs(t *testing.T, holds func(sandbox.Confinement) bool) {
	t.Helper()
	c, err := sandbox.Start(t.Context(), child("echo"))
	if err != nil {
		t.Fatal(err)
	}
	c.Stdin.Close()
	if err := c.Wait(); err != nil {
		t.Fatal(err)
	}
	if !holds(c.Confinement) {
		t.Skip("not granted here: ", c.Confinement)
	}
}

func has(l sandbox.Layer) func(sandbox.Confinement) bool {
	return func(c sandbox.Confinement) bool { return c.Has(l) }
}

func TestAChildReadsItsInputAndAnswers(t *testing.T) {
	sent := bytes.Repeat([]byte("0123456789"), 100_000)
	got, err := sandbox.Run(t.Context(), child("echo"), bytes.NewReader(sent))
	if err != nil || !bytes.Equal(got, sent) {
		t.Errorf("%d bytes came back of %d: %v", len(got), len(sent), err)
	}
}

func TestAChildThatDoesNotReadItsInputIsNoError(t *testing.T) {
	_, err := sandbox.Run(t.Context(), child("environment"), bytes.NewReader(make([]byte, 10<<20)))
	if err != nil {
		t.Error(err)
	}
}

func TestAChildHasAnEmptyEnvironment(t *testing.T) {
	t.Setenv("TOUCHSTONE_SECRET", "canary")
	if got := run(t, child("environment")); got != "" {
		t.Errorf("a child sees %q", got)
	}
}

func TestAChildReachesNoNetwork(t *testing.T) {
	needs(t, sandbox.Confinement.Offline)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	for _, deed := range [][]string{
		{"dial", "tcp", listener.Addr().String()}, {"dial", "udp", "127.0.0.1:53"}, {"dial", "tcp", "[::1]:80"},
		{"listen", "tcp", "127.0.0.1:0"}, {"listen", "unix", "/tmp/socket"}, {"listen", "unix", "@abstract"},
	} {
		if got := run(t, child(deed...)); !strings.HasPrefix(got, "refused") {
			t.Errorf("%v: %s", deed, got)
		}
	}
}

func TestAChildReachesNoFile(t *testing.T) {
	needs(t, sandbox.Confinement.Fileless)
	for _, deed := range [][]string{
		{"read", "/etc/passwd"}, {"list", "/"}, {"list", "/tmp"}, {"read", "/proc/self/maps"}, {"write", "/tmp/x"}, {"write", "/dev/null"},
		{"start", "/bin/true"}, {"start", os.Args[0], "child", "environment"},
	} {
		if got := run(t, child(deed...)); !strings.HasPrefix(got, "refused") {
			t.Errorf("%v: %.200s", deed, got)
		}
	}
}

func TestAChildReachesTheFilesThatItIsGivenAlone(t *testing.T) {
	needs(t, sandbox.Confinement.Fileless)
	folder := t.TempDir()
	given, kept := folder+"/given", folder+"/kept"
	for _, path := range []string{given, kept} {
		if err := os.WriteFile(path, []byte("content"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for deed, want := range map[[2]string]string{{"read", given}: "read content", {"read", kept}: "refused", {"write", given}: "refused", {"list", folder}: "refused", {"read", "/etc/passwd"}: "refused"} {
		p := child(deed[:]...)
		p.Reads = []string{given}
		if got := run(t, p); !strings.HasPrefix(got, want) {
			// The folder on the way is shown where there is a root, with nothing in it but what was given.
			if deed[0] == "list" && !strings.Contains(got, "kept") {
				continue
			}
			t.Errorf("%v: %.200s, want %s", deed, got, want)
		}
	}
}

func TestAMissingFileIsToldAtTheStart(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("nothing is closed to a child here")
	}
	p := child("environment")
	p.Reads = []string{"/no/such/file"}
	if _, err := sandbox.Run(t.Context(), p, strings.NewReader("")); err == nil || !strings.Contains(err.Error(), "/no/such/file") {
		t.Errorf("the error is %v", err)
	}
	if _, err := sandbox.Run(t.Context(), sandbox.Program{Path: "/no/such/program"}, strings.NewReader("")); err == nil || !strings.Contains(err.Error(), "/no/such/program") {
		t.Errorf("the error is %v", err)
	}
}

func TestAProgramOfTheSystemStartsWithItsLibraries(t *testing.T) {
	path, err := exec.LookPath("cat")
	if err != nil {
		t.Skip(err)
	}
	p := sandbox.Program{Path: path, Reads: sandbox.Libraries(), Limits: patient}
	got, err := sandbox.Run(t.Context(), p, strings.NewReader("meow"))
	if err != nil || string(got) != "meow" {
		t.Errorf("it answers %q: %v", got, err)
	}
	p.Args = []string{"/etc/passwd"}
	needs(t, sandbox.Confinement.Fileless)
	if got, err = sandbox.Run(t.Context(), p, strings.NewReader("")); err == nil {
		t.Errorf("it reads %.100q", got)
	}
}

func TestAChildOfRootIsNobody(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root has an account to leave")
	}
	needs(t, has(sandbox.Account))
	if got := run(t, child("account")); got != "65534" {
		t.Errorf("it runs as %s", got)
	}
}

func TestAChildSignalsNobody(t *testing.T) {
	needs(t, has(sandbox.Seccomp))
	if got := run(t, child("signal", strconv.Itoa(os.Getpid()))); !strings.HasPrefix(got, "refused") {
		t.Error(got)
	}
}

func TestMemoryIsLimited(t *testing.T) {
	needs(t, has(sandbox.Rlimits))
	p := child("allocate", strconv.Itoa(100<<20))
	p.Limits.Memory = 256 << 20
	if got := run(t, p); got != "allocated" {
		t.Errorf("100 of 256 MiB: %s", got)
	}
	p = child("allocate", strconv.Itoa(300<<20))
	p.Limits.Memory = 256 << 20
	wantDeath(t, p, sandbox.ErrFailed)
}

func TestProcessorTimeIsLimited(t *testing.T) {
	needs(t, has(sandbox.Rlimits))
	p := child("spin")
	p.Limits.CPU = time.Second
	wantDeath(t, p, sandbox.ErrCPU)
}

func TestTimeIsLimited(t *testing.T) {
	p := child("sleep")
	p.Limits.Wall = time.Second
	wantDeath(t, p, sandbox.ErrTime)
}

func TestOutputIsLimited(t *testing.T) {
	p := child("talk")
	p.Limits.Output = 1 << 20
	if _, err := sandbox.Run(t.Context(), p, strings.NewReader("")); !errors.Is(err, sandbox.ErrOutput) {
		t.Errorf("the error is %v", err)
	}
}

func wantDeath(t *testing.T, p sandbox.Program, want error) {
	t.Helper()
	output, err := sandbox.Run(t.Context(), p, strings.NewReader(""))
	if death, ok := errors.AsType[*sandbox.Death](err); !ok || !errors.Is(death, want) {
		t.Errorf("%v: %.100s: the error is %v, want %v", p.Args, output, err, want)
	}
}

func TestAFailureTellsItsLastWords(t *testing.T) {
	_, err := sandbox.Run(t.Context(), child("fail"), strings.NewReader(""))
	death, ok := errors.AsType[*sandbox.Death](err)
	if !ok || death.Status != "exit status 3" || !strings.HasSuffix(death.Words, "the reason") || len(death.Words) > 4<<10 {
		t.Errorf("the error is %#v", err)
	}
}

func TestAChildDiesWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	c, err := sandbox.Start(ctx, child("sleep"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(c.Stdout, make([]byte, len("asleep\n"))); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := c.Wait(); !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v", err)
	}
}

func TestAChildThatIsKilledSaysSo(t *testing.T) {
	c, err := sandbox.Start(t.Context(), child("sleep"))
	if err != nil {
		t.Fatal(err)
	}
	c.Kill()
	if err := c.Wait(); !errors.Is(err, sandbox.ErrKilled) {
		t.Errorf("the error is %v", err)
	}
}

func TestAContextThatEndedStartsNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := sandbox.Start(ctx, child("sleep")); !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v", err)
	}
}

func TestADeadlineEndsAReadAndLeavesTheChild(t *testing.T) {
	c, err := sandbox.Start(t.Context(), child("echo"))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.SetDeadline(time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Stdout.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the read ends with %v", err)
	}
	if err := c.SetDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	io.WriteString(c.Stdin, "still here")
	c.Stdin.Close()
	got, err := io.ReadAll(c.Stdout)
	if err != nil || string(got) != "still here" {
		t.Errorf("it says %q: %v", got, err)
	}
	if err := c.Wait(); err != nil {
		t.Error(err)
	}
}

func TestConfinementSaysWhatHoldsAndWhatDoesNot(t *testing.T) {
	c := sandbox.Confinement{Holds: []sandbox.Layer{sandbox.Rlimits, sandbox.Privileges}, Missing: map[sandbox.Layer]string{sandbox.Seccomp: "no", sandbox.Landlock: "old kernel"}}
	if got, want := c.String(), "rlimits, privileges; without landlock (old kernel), seccomp (no)"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
