//go:build race

package worker_test

// racing says that the race detector is on: it makes compiling the WebAssembly of the AVIF and HEIC decoders take
// half a minute a child, so that tests which need them are left out.
const racing = true
