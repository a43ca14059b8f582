package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"touchstone/hashindex"
)

// listSize is how many rows the lists of the benchmarks have: TOUCHSTONE_BENCH_N, or a number that
// takes seconds.
func listSize() int {
	if n, err := strconv.Atoi(os.Getenv("TOUCHSTONE_BENCH_N")); err == nil {
		return n
	}
	return 100_000
}

// writeList writes a list of random hashes of these algorithms.
func writeList(b *testing.B, name string, n int, algorithms ...hashindex.Algorithm) {
	b.Helper()
	var text bytes.Buffer
	text.WriteString("external_id")
	for _, a := range algorithms {
		text.WriteString("," + a.String())
	}
	rng := rand.New(rand.NewPCG(1, uint64(n)))
	for i := range n {
		fmt.Fprintf(&text, "\nref-%d", i)
		for _, a := range algorithms {
			text.WriteByte(',')
			for range a.Bits() / 64 {
				fmt.Fprintf(&text, "%016x", rng.Uint64())
			}
		}
	}
	if err := os.WriteFile(name, text.Bytes(), 0o600); err != nil {
		b.Fatal(err)
	}
}

// runVerb runs the program with these arguments.
func runVerb(b *testing.B, args ...string) {
	b.Helper()
	var out bytes.Buffer
	if code := run(b.Context(), args, nil, &out, &out); code > 1 {
		b.Fatalf("%v: exit code %d: %s", args, code, out.Bytes())
	}
}

// BenchmarkImport adds a list to a new data folder, from the start of the verb until all of it is on the
// disk and the searchers are kept.
func BenchmarkImport(b *testing.B) {
	all := hashindex.Algorithms()
	for name, algorithms := range map[string][]hashindex.Algorithm{"pdq": all[:1], "four": all} {
		b.Run(name, func(b *testing.B) {
			n := listSize()
			list := filepath.Join(b.TempDir(), "list.csv")
			writeList(b, list, n, algorithms...)
			for b.Loop() {
				runVerb(b, "import", "--data", b.TempDir(), "--collection", "c", "--purpose", "brand", list)
			}
			b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}
