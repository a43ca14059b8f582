package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestListIsAddedInItsOrderUpToTheChunkThatIsRefused gives a row of the second chunk an external id
// that the server refuses, while the third is on its way already; then the list is mended and goes on
// where it stopped. In both formats, which spell the same rows.
func TestListIsAddedInItsOrderUpToTheChunkThatIsRefused(t *testing.T) {
	const rows = 2*chunkRows + 500
	for _, format := range []string{"csv", "ndjson"} {
		t.Run(format, func(t *testing.T) {
			data, list := t.TempDir(), filepath.Join(t.TempDir(), "list."+format)
			write := func(bad int) {
				var text strings.Builder
				if format == "csv" {
					text.WriteString("phash,external_id\n")
				}
				for n := range rows {
					id := fmt.Sprintf("ref-%d", n)
					if n == bad {
						id = strings.Repeat("x", 300)
					}
					if format == "csv" {
						fmt.Fprintf(&text, "%016X,\"%s\"\n", n, id)
					} else {
						fmt.Fprintf(&text, "{\"phash\":\"%016X\", \"external_id\":%q}\n", n, id)
					}
				}
				if err := os.WriteFile(list, []byte(text.String()), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			added := func(want int) {
				t.Helper()
				held := heldIn(t, data)
				if len(held) != want {
					t.Fatalf("%d references, want %d", len(held), want)
				}
				ids := make([]int, len(held))
				for name, id := range held {
					n, _ := strconv.Atoi(strings.TrimPrefix(name, "ref-"))
					ids[n], _ = strconv.Atoi(id)
				}
				if !slices.IsSorted(ids) {
					t.Error("the references are not in the order of the list")
				}
			}
			write(chunkRows + 7)
			touchstone(t, 3, "import", "--collection", "c", "--purpose", "brand", "--data", data, list)
			added(chunkRows)
			write(-1)
			touchstone(t, 0, "import", "--collection", "c", "--data", data, list)
			added(rows)
			touchstone(t, 0, "match", "--data", data, "--hash", fmt.Sprintf("%016x", rows-1), "--radius", "0")
		})
	}
}
