// Touchstone keeps fingerprints of brand pictures and copyrighted works, and says for any listing
// picture which of them it copies. This is the single binary: server, client and tools.
//
// Each verb has a file of its own and is written once, against api/client: with --server it asks
// that server; with --data the same handler answers in this process, over the data folder.
// File wire.go alone picks implementations.
package main

import (
	"context"
	"os"

	"touchstone/hashindex/sandbox"
)

func main() {
	sandbox.Enter()
	os.Exit(run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
