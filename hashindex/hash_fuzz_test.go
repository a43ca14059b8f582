package hashindex_test

import (
	"strings"
	"testing"

	"touchstone/hashindex"
)

// FuzzParseHash reads text as a hash: one that is accepted is written again as it was, but for capitals.
func FuzzParseHash(f *testing.F) {
	for _, text := range []string{"", "0", strings.Repeat("0", 16), strings.Repeat("F", 64), strings.Repeat("g", 16), strings.Repeat("a", 17), "0x" + strings.Repeat("1", 14), strings.Repeat("é", 8)} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		h, err := hashindex.ParseHash(text)
		if err == nil && h.String() != strings.ToLower(text) {
			t.Errorf("%q was read as %v", text, h)
		}
		for _, a := range hashindex.Algorithms() {
			if got, errFor := hashindex.ParseHashFor(a, text); errFor == nil && (err != nil || got != h || h.Bits() != a.Bits()) {
				t.Errorf("%q for %s: %v, and otherwise %v, %v", text, a, got, h, err)
			}
		}
	})
}
