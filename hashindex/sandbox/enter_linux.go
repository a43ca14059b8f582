package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// become builds the cell and turns into the program; it never returns.
func become(text string) {
	runtime.LockOSThread() // it alone survives exec: what is set for it is set for the program
	unix.CloseOnExec(3)    // its end tells Start that exec went well
	telling := os.NewFile(3, "report")
	err := enter(text, func(c Confinement) { json.NewEncoder(telling).Encode(report{Confinement: c}) })
	json.NewEncoder(telling).Encode(report{Error: err.Error()})
	os.Exit(127)
}

// enter returns only with an error.
func enter(text string, tell func(Confinement)) error {
	var c cell
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		return err
	}
	program := file{path: c.Path}
	if c.Path == "" {
		program.path = self
	}
	if err := program.open(); err != nil {
		return err
	}
	reads := make([]file, len(c.Reads))
	for i, path := range c.Reads {
		reads[i].path = path
		if err := reads[i].open(); err != nil {
			return err
		}
	}
	tell(c.build(program, reads))
	return fmt.Errorf("%s: %w", c.name(), execute(program, append([]string{c.name()}, c.Args...)))
}

var errNoMounts = errors.New("it takes a mount namespace")

// build goes step by step, in the order in which each can still be taken: a root takes the privileges
// of the namespace, seccomp forbids most of what comes before it.
func (c *cell) build(program file, reads []file) (made Confinement) {
	if c.OwnNamespaces {
		made.note(Namespaces, nil)
		made.note(Root, makeRoot(reads, c.Path == ""))
	} else {
		made.note(Root, errNoMounts)
	}
	made.note(Account, leaveAccount(c.Account))
	made.note(Privileges, dropPrivileges())
	made.note(Landlock, restrict(append(reads, program)))
	made.note(Rlimits, c.Limits.set(c.OwnUsers))
	made.note(Seccomp, filterCalls())
	return made
}

func leaveAccount(to int) error {
	if to == 0 {
		return nil
	}
	if err := unix.Setgroups(nil); err != nil {
		return err
	}
	if err := unix.Setresgid(to, to, to); err != nil {
		return err
	}
	return unix.Setresuid(to, to, to)
}

// dropPrivileges gives up all capabilities, and the way back by files with set-user-id bits.
func dropPrivileges() error {
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var none [2]unix.CapUserData
	return unix.Capset(&header, &none[0])
}

// addressSpace is what a program may map beyond its memory: code, and what is reserved but never
// written to, of which Go makes much.
const addressSpace = 4 << 30

// maxThreads bounds tasks where they are counted for this child alone.
const maxThreads = 256

// set sets the limits. A child is killed at the first second over its processor time; there is no
// warning. Data are what counts of its memory: see addressSpace.
func (l Limits) set(alone bool) error {
	limits := map[int]uint64{
		unix.RLIMIT_CPU:    uint64((l.CPU + 999_999_999) / 1_000_000_000),
		unix.RLIMIT_DATA:   uint64(l.Memory),
		unix.RLIMIT_AS:     uint64(l.Memory + addressSpace),
		unix.RLIMIT_NOFILE: uint64(l.OpenFiles),
		unix.RLIMIT_FSIZE:  0,
		unix.RLIMIT_CORE:   0,
	}
	if alone {
		limits[unix.RLIMIT_NPROC] = maxThreads
	}
	for which, most := range limits {
		if err := unix.Setrlimit(which, &unix.Rlimit{Cur: most, Max: most}); err != nil {
			return err
		}
	}
	return nil
}

// execute turns into the program, which is open: its path may lie outside the cell. Its environment is
// empty.
func execute(program file, args []string) error {
	argv, err := syscall.SlicePtrFromStrings(args)
	if err != nil {
		return err
	}
	var none [1]*byte
	var path [1]byte
	_, _, code := unix.Syscall6(unix.SYS_EXECVEAT, uintptr(program.fd), uintptr(unsafe.Pointer(&path)),
		uintptr(unsafe.Pointer(&argv[0])), uintptr(unsafe.Pointer(&none)), unix.AT_EMPTY_PATH, 0)
	return code
}
