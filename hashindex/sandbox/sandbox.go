// Package sandbox runs a program that reads hostile bytes: a decoder of our own, or ffmpeg. The
// child gets an empty environment, three pipes, hard limits, and as much of a cell as the kernel
// grants:
//
//   - namespaces of its own: user, network (with no device in it), mounts, processes, IPC, names
//   - a root that holds what Program.Reads names, and nothing else
//   - an account that owns nothing (65534), where this process is root
//   - no privileges, and none to be gained
//   - Landlock: reading what Program.Reads names; no TCP; no signals, no sockets out of the cell
//   - seccomp: the system calls of a program that computes; no sockets, no new processes
//   - rlimits: processor time, memory, open files, files written (none)
//
// What the kernel refuses is left out and said: Child.Confinement is what holds for that child. Where
// there is no Linux, the limits of time and output alone hold.
//
// Go cannot run code between fork and exec, so the running binary is started again: Enter, at the
// start of its main, builds the cell around itself and then becomes the program. That is one exec
// more, and the only way that every limit holds before the program's first instruction.
//
// Landlock and seccomp are set by system calls of golang.org/x/sys. A library for them would have to
// change all threads of a process that goes on; here one thread does it, and takes it along through exec.
package sandbox

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"os"
	"time"
)

// Program is what is run, and within which bounds.
type Program struct {
	Path   string   // absolute; empty: the binary that is running
	Args   []string // after its name
	Reads  []string // files and folders that it may read and execute besides itself; see Libraries
	Limits Limits
}

// Limits bound a child. The zero value of a field stands for its default.
type Limits struct {
	Wall      time.Duration // from its start to its end; a minute
	CPU       time.Duration // processor time, in whole seconds; a minute
	Memory    int64         // bytes that it may write to: heap, stacks, private mappings; 1 GiB
	Output    int64         // bytes that are read of its output; 1 GiB
	OpenFiles int           // 64
}

func (l Limits) withDefaults() Limits {
	return Limits{
		Wall:      cmp.Or(l.Wall, time.Minute),
		CPU:       cmp.Or(l.CPU, time.Minute),
		Memory:    cmp.Or(l.Memory, 1<<30),
		Output:    cmp.Or(l.Output, 1<<30),
		OpenFiles: cmp.Or(l.OpenFiles, 64),
	}
}

// The verb that Enter looks for.
const enterVerb = "enter-sandbox"

// entered says that this program's main calls Enter: started again without it, it would do whatever
// it usually does.
var entered bool

var errNoEnter = errors.New("sandbox: this program does not call Enter at its start")

// Enter must be the first thing that main does, and TestMain in packages whose tests start children.
// It returns at once, except in a child on its way to become a program.
func Enter() {
	entered = true
	if len(os.Args) == 3 && os.Args[1] == enterVerb {
		become(os.Args[2])
	}
}

// Start starts the program. Whoever calls it must call Wait, which also frees what the child holds,
// and may call Kill. When ctx ends, or Limits.Wall is over, it is killed with all that it started.
func Start(ctx context.Context, p Program) (*Child, error) {
	if !entered {
		return nil, errNoEnter
	}
	p.Limits = p.Limits.withDefaults()
	return start(ctx, p)
}

// name is what the program is called, to itself and in errors.
func (p Program) name() string { return cmp.Or(p.Path, os.Args[0]) }

// Run is a program from its start to its end: stdin goes in, all of its output comes back. A child that
// does not read all of stdin is no error.
func Run(ctx context.Context, p Program, stdin io.Reader) ([]byte, error) {
	child, err := Start(ctx, p)
	if err != nil {
		return nil, err
	}
	fed := make(chan struct{})
	go func() {
		defer close(fed)
		io.Copy(child.Stdin, stdin) // fails when the child is gone: Wait says why
		child.Stdin.Close()
	}()
	var output bytes.Buffer
	_, tooMuch := output.ReadFrom(child.Stdout)
	if tooMuch != nil {
		child.Kill()
	}
	err = child.Wait()
	<-fed
	return output.Bytes(), cmp.Or(tooMuch, err)
}
