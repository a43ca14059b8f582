//go:build !linux

package sandbox

import (
	"context"
	"errors"
	"os"
	"os/exec"
)

var errNoLinux = errors.New("there is none without Linux")

// start runs the program with nothing around it but its limits of time and output.
func start(ctx context.Context, p Program) (*Child, error) {
	path := p.Path
	if path == "" {
		self, err := os.Executable()
		if err != nil {
			return nil, err
		}
		path = self
	}
	c, err := launch(ctx, p, func(ctx context.Context) *exec.Cmd { return exec.CommandContext(ctx, path, p.Args...) })
	if err != nil {
		return nil, err
	}
	for _, layer := range []Layer{Namespaces, Root, Account, Privileges, Landlock, Seccomp, Rlimits} {
		c.Confinement.note(layer, errNoLinux)
	}
	return c, nil
}

// become is called in a child of a Start that there is not here.
func become(string) {}

// Libraries is empty: nothing is closed to a child here.
func Libraries() []string { return nil }
