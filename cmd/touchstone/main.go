// Touchstone keeps fingerprints of brand pictures and copyrighted works, and says for any listing
// picture which of them it copies. This is the single binary: server, client and tools.
//
// Each verb has a file of its own and is written once, against api/client: with --server it asks
// that server; with --data the same handler answers in this process, over the data folder.
// File wire.go alone picks implementations.
package main

import (
	"context"
	"fmt"
	"os"

	decoding "touchstone/hashindex/fingerprint/worker"
	"touchstone/hashindex/sandbox"
)

func main() {
	becomeChild()
	os.Exit(run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// becomeChild turns a process that was started as a child into what it is to be: a cell, or a decoding worker.
func becomeChild() {
	sandbox.Enter()
	if len(os.Args) != 3 || os.Args[1] != decoding.Verb {
		return
	}
	if err := decoding.Serve(os.Args[2], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(exitOther)
	}
	os.Exit(exitOK)
}
