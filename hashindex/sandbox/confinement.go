package sandbox

import (
	"slices"
	"strings"
)

// Layer is one part of the cell around a child.
type Layer string

const (
	Namespaces Layer = "namespaces" // of its own: network, mounts, processes, IPC, names
	Root       Layer = "root"       // a file system that holds what it may read
	Account    Layer = "account"    // an account that owns nothing, or this process is not root
	Privileges Layer = "privileges" // none, and none to be gained
	Landlock   Layer = "landlock"   // files, TCP and signals, by the kernel's own rules
	Seccomp    Layer = "seccomp"    // system calls
	Rlimits    Layer = "rlimits"    // processor time, memory, files
)

// Confinement is what holds for a child.
type Confinement struct {
	Holds   []Layer          `json:"holds"`
	Missing map[Layer]string `json:"missing,omitempty"` // and why
}

// Has reports whether the layer holds.
func (c Confinement) Has(l Layer) bool { return slices.Contains(c.Holds, l) }

// Offline reports whether the child reaches no network: it has none, or it cannot make a socket.
func (c Confinement) Offline() bool { return c.Has(Namespaces) || c.Has(Seccomp) }

// Fileless reports whether the child reaches no file but those that it was given.
func (c Confinement) Fileless() bool { return c.Has(Root) || c.Has(Landlock) }

// String is one line for people.
func (c Confinement) String() string {
	var text strings.Builder
	for i, layer := range c.Holds {
		if i > 0 {
			text.WriteString(", ")
		}
		text.WriteString(string(layer))
	}
	if len(c.Holds) == 0 {
		text.WriteString("none")
	}
	for i, layer := range c.missing() {
		text.WriteString([]string{"; without ", ", "}[min(i, 1)] + string(layer) + " (" + c.Missing[layer] + ")")
	}
	return text.String()
}

func (c Confinement) missing() (layers []Layer) {
	for layer := range c.Missing {
		layers = append(layers, layer)
	}
	slices.Sort(layers)
	return layers
}

// note records how setting up a layer went.
func (c *Confinement) note(l Layer, err error) {
	if err == nil {
		c.Holds = append(c.Holds, l)
		return
	}
	if c.Missing == nil {
		c.Missing = map[Layer]string{}
	}
	c.Missing[l] = err.Error()
}
