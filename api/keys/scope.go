package keys

import (
	"fmt"
	"strings"

	"touchstone/hashindex"
)

// Scope is a set of what a key is good for.
type Scope uint8

const (
	Match  Scope = 1 << iota // ask: match, match/hash, compare, hash
	Ingest                   // add, change and remove references
	Review                   // look at references, hits and the history, and decide
	Admin                    // everything, collections and keys among it

	Any = Match | Ingest | Review | Admin
)

// scopeNames are in the order of the bits.
var scopeNames = []string{"match", "ingest", "review", "admin"}

// Allows reports whether one of the scopes that are asked for is in s, or Admin.
func (s Scope) Allows(oneOf Scope) bool { return s&(oneOf|Admin) != 0 }

// Names are the names of the scopes in s.
func (s Scope) Names() []string {
	names := []string{}
	for i, name := range scopeNames {
		if s&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return names
}

// String is the names with commas between them.
func (s Scope) String() string { return strings.Join(s.Names(), ",") }

// ParseScopes reads names.
func ParseScopes(names []string) (s Scope, err error) {
	for _, name := range names {
		bit := Scope(0)
		for i, known := range scopeNames {
			if name == known {
				bit = 1 << i
			}
		}
		if bit == 0 {
			return 0, &hashindex.InputError{Field: "scopes", Reason: fmt.Sprintf("%.40q is not one of %s", name, strings.Join(scopeNames, ", "))}
		}
		s |= bit
	}
	if s == 0 {
		return 0, &hashindex.InputError{Field: "scopes", Reason: "none given, want some of " + strings.Join(scopeNames, ", ")}
	}
	return s, nil
}
