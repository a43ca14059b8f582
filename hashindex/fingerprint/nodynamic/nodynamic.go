// Package purego stands in for the module of this name, by a replace directive of go.mod. The AVIF and HEIC
// decoders use that one to load a library of the system where there is one, in place of the WebAssembly
// that they carry: then another decoder would make the fingerprints on every machine (I4), outside of
// WebAssembly's bounds, and the binary would need a dynamic linker. This one loads nothing, whatever the
// build tags.
package purego

import "errors"

// Modes of Dlopen; they have no meaning here.
const (
	RTLD_NOW    = 0
	RTLD_GLOBAL = 0
)

var errNothing = errors.New("no library is loaded")

// Dlopen refuses.
func Dlopen(string, int) (uintptr, error) { return 0, errNothing }

// RegisterLibFunc is for functions of a library that was loaded: there is none.
func RegisterLibFunc(any, uintptr, string) { panic(errNothing) }
