package sandbox

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

// Child is a program that runs.
type Child struct {
	Stdin       io.WriteCloser // closed, it says that there is no more
	Stdout      io.Reader      // gives ErrOutput past Limits.Output
	Confinement Confinement    // what holds for it

	stdin, stdout *os.File
	ctx           context.Context // ends when the child's time is over
	cancel        context.CancelCauseFunc
	release       context.CancelFunc // of the timer
	cmd           *exec.Cmd
	program       Program
	words         tail
}

// Why a child died, besides the end of the context that it was started with.
var (
	ErrTime   = errors.New("it took too long")
	ErrCPU    = errors.New("it used too much processor time")
	ErrOutput = errors.New("it wrote too much")
	ErrKilled = errors.New("it was killed")
	ErrFailed = errors.New("it failed")
)

// Death is a child that ended otherwise than well.
type Death struct {
	Program string
	Cause   error  // one of the above, or that of the context
	Status  string // as the system tells it: "exit status 1", "signal: killed"
	Words   string // the end of what it wrote to its standard error
}

func (d *Death) Error() string {
	text := fmt.Sprintf("%s: %v (%s)", d.Program, d.Cause, d.Status)
	if d.Words != "" {
		text += ": " + d.Words
	}
	return text
}

func (d *Death) Unwrap() error { return d.Cause }

// SetDeadline ends reads of Stdout and writes to Stdin at this time, with os.ErrDeadlineExceeded. The
// zero time takes that back.
func (c *Child) SetDeadline(at time.Time) error {
	return errors.Join(c.stdin.SetDeadline(at), c.stdout.SetDeadline(at))
}

// Kill ends the child, and all that it started, at once.
func (c *Child) Kill() { c.cancel(ErrKilled) }

// Wait waits for the end of the child. What was not read of its output is lost. The error is a *Death.
func (c *Child) Wait() error {
	c.stdout.Close() // or one that has more to say would wait for ever
	err := c.cmd.Wait()
	cause := context.Cause(c.ctx)
	c.cancel(nil)
	c.release()
	c.stdin.Close()
	if err == nil {
		return nil
	}
	if cause == nil && c.spent() {
		cause = ErrCPU
	}
	return &Death{Program: c.program.name(), Cause: cmp.Or(cause, ErrFailed), Status: c.cmd.ProcessState.String(), Words: c.words.String()}
}

// spent reports whether the processor time is used up. The kernel kills by another account of it than it
// reports, some tenths of a second lower.
func (c *Child) spent() bool {
	state := c.cmd.ProcessState
	return state.ExitCode() < 0 && state.UserTime()+state.SystemTime() >= c.program.Limits.CPU/2
}

// launch starts the command that makes the child, with pipes between.
func launch(ctx context.Context, p Program, command func(context.Context) *exec.Cmd) (*Child, error) {
	c := &Child{program: p}
	ctx, c.release = context.WithTimeoutCause(ctx, p.Limits.Wall, ErrTime)
	c.ctx, c.cancel = context.WithCancelCause(ctx)
	c.cmd = command(c.ctx)
	c.cmd.Env = []string{}
	c.cmd.Stderr = &c.words
	c.cmd.WaitDelay = time.Second // for what the child left behind with its standard error still open
	if err := c.begin(); err != nil {
		c.release()
		return nil, err
	}
	c.Stdin, c.Stdout = c.stdin, &bounded{c.stdout, p.Limits.Output}
	return c, nil
}

func (c *Child) begin() error {
	theirIn, ourIn, err := os.Pipe()
	if err != nil {
		return err
	}
	defer theirIn.Close()
	ourOut, theirOut, err := os.Pipe()
	if err != nil {
		return errors.Join(err, ourIn.Close())
	}
	defer theirOut.Close()
	c.cmd.Stdin, c.cmd.Stdout = theirIn, theirOut
	c.stdin, c.stdout = ourIn, ourOut
	if err := c.cmd.Start(); err != nil {
		ourIn.Close()
		ourOut.Close()
		return err
	}
	return nil
}

// bounded reads so many bytes, and fails where there are more.
type bounded struct {
	from io.Reader
	left int64
}

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.from.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, ErrOutput
	}
	return n, err
}

// tail keeps the end of what is written to it.
type tail struct{ kept []byte }

const maxWords = 4 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.kept = append(t.kept, p...)
	if over := len(t.kept) - maxWords; over > 0 {
		t.kept = append(t.kept[:0], t.kept[over:]...)
	}
	return len(p), nil
}

func (t *tail) String() string { return string(t.kept) }
