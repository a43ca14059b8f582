package bktree

import (
	"encoding/hex"
	"os"
	"strings"
	"testing"

	"touchstone/hashindex"
)

// TestPagesAreAsTheFormatSays compares the example of FORMAT.md with what is written.
func TestPagesAreAsTheFormatSays(t *testing.T) {
	text, err := os.ReadFile("../../store/bolt/FORMAT.md")
	if err != nil {
		t.Fatal(err)
	}
	c := content{
		words: 1, hashes: []uint64{0x8f373714acfcf4d0},
		frames: []hashindex.FrameID{hashindex.FrameOf(2, 0)}, collections: []hashindex.CollectionID{1},
	}
	_, example, _ := strings.Cut(string(text), "Example: the pages of a run")
	example, _, _ = strings.Cut(example, "## Record")
	n := 0
	for page := range c.pages(64) {
		written := strings.TrimRight(hex.EncodeToString(page), "0")
		for len(written) > 0 {
			part, rest := written[:min(16, len(written))], written[min(16, len(written)):]
			if !strings.Contains(strings.ReplaceAll(example, " ", ""), part) {
				t.Errorf("page %d: %s is not in the example", n, part)
			}
			written = rest
		}
		n++
	}
	if n != 3 {
		t.Errorf("%d pages, want 3", n)
	}
}
