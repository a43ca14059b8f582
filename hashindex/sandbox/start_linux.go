package sandbox

import (
	"context"
	"debug/elf"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// self is the running binary, also after its file was replaced by a newer one.
const self = "/proc/self/exe"

// cell is what Enter is told to build.
type cell struct {
	Program
	OwnNamespaces bool
	OwnUsers      bool // a user namespace is among them
	Account       int  // to become; 0: stay
}

// report is what Enter tells before it becomes the program; with an error it does not.
type report struct {
	Confinement Confinement
	Error       string
}

// nobody is the account that owns nothing, by convention of the kernel itself.
const nobody = 65534

// isolated are all namespaces but that of users.
const isolated = unix.CLONE_NEWNET | unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS

// start tries namespaces with users of their own, which asks no privilege of this process; then,
// where those are forbidden, the others, which asks for root; then none.
func start(ctx context.Context, p Program) (*Child, error) {
	if p.Path == "" && linked() {
		p.Reads = append(Libraries(), p.Reads...)
	}
	var refused error
	for _, flags := range []uintptr{unix.CLONE_NEWUSER | isolated, isolated, 0} {
		c, err := startIn(ctx, p, flags)
		if err == nil && refused != nil {
			c.Confinement.note(Namespaces, refused)
		}
		if err == nil || !isRefusal(err) {
			return c, err
		}
		refused = errors.Unwrap(err)
	}
	return nil, refused
}

// linked reports whether the running binary needs shared libraries, as one built with cgo does.
var linked = sync.OnceValue(func() bool {
	binary, err := elf.Open(self)
	if err != nil {
		return false
	}
	defer binary.Close()
	return slices.ContainsFunc(binary.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP })
})

// isRefusal reports whether a kernel that does not grant namespaces answers so.
func isRefusal(err error) bool {
	for _, code := range []error{unix.EPERM, unix.EACCES, unix.EINVAL, unix.ENOSPC, unix.EUSERS, unix.ENOSYS} {
		if errors.Is(err, code) {
			return true
		}
	}
	return false
}

func startIn(ctx context.Context, p Program, flags uintptr) (*Child, error) {
	order := cell{Program: p, OwnNamespaces: flags != 0, OwnUsers: flags&unix.CLONE_NEWUSER != 0}
	attributes := &syscall.SysProcAttr{Cloneflags: flags, Setpgid: true}
	if os.Geteuid() == 0 {
		order.Account = nobody
	}
	if order.OwnUsers {
		attributes.UidMappings, attributes.GidMappings = accounts(os.Geteuid(), order.Account), accounts(os.Getegid(), order.Account)
		attributes.GidMappingsEnableSetgroups = order.Account != 0
	}
	told, telling, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer told.Close()
	defer telling.Close()
	text, err := json.Marshal(order)
	if err != nil {
		return nil, err
	}
	c, err := launch(ctx, p, func(ctx context.Context) *exec.Cmd {
		cmd := exec.CommandContext(ctx, self, enterVerb, string(text))
		cmd.Args[0] = os.Args[0] // a binary may go by its name
		cmd.SysProcAttr = attributes
		cmd.ExtraFiles = []*os.File{telling}
		// The whole group; where the child is the first of its process namespace, all in that die too.
		cmd.Cancel = func() error { return unix.Kill(-cmd.Process.Pid, unix.SIGKILL) }
		return cmd
	})
	if err != nil {
		return nil, err
	}
	telling.Close()
	if err := c.listen(told); err != nil {
		c.Kill()
		return nil, errors.Join(err, c.Wait())
	}
	return c, nil
}

// accounts maps this process's account to root of the namespace, and nobody to itself.
func accounts(us, other int) []syscall.SysProcIDMap {
	maps := []syscall.SysProcIDMap{{ContainerID: 0, HostID: us, Size: 1}}
	if other != 0 {
		maps = append(maps, syscall.SysProcIDMap{ContainerID: other, HostID: other, Size: 1})
	}
	return maps
}

// listen waits for the child to be the program, and hears what holds for it.
func (c *Child) listen(told *os.File) error {
	if deadline, ok := c.ctx.Deadline(); ok {
		told.SetReadDeadline(deadline)
	}
	stop := context.AfterFunc(c.ctx, func() { told.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	for texts := json.NewDecoder(told); ; {
		var r report
		switch err := texts.Decode(&r); {
		case err == io.EOF && len(c.Confinement.Holds) > 0:
			return nil // the pipe was closed by exec
		case err != nil:
			return fmt.Errorf("sandbox: no report of the child: %w", err)
		case r.Error != "":
			return fmt.Errorf("sandbox: %s", r.Error)
		}
		c.Confinement = r.Confinement
	}
}
