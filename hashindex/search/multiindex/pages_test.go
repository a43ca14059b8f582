package multiindex

import (
	"runtime"
	"slices"
	"testing"
)

// TestSpaciousMemoryIsZero asks for memory that was written before, again and again: whatever the kernel is
// told about its pages, it is what make would give.
func TestSpaciousMemoryIsZero(t *testing.T) {
	for round := range 4 {
		for _, n := range []int{1, 1000, 1 << 20, 5<<20 + 3} {
			s := spacious[uint64](n)
			if len(s) != n {
				t.Fatalf("round %d: %d words, want %d", round, len(s), n)
			}
			if i := slices.IndexFunc(s, func(word uint64) bool { return word != 0 }); i >= 0 {
				t.Fatalf("round %d: word %d of %d is %#x", round, i, n, s[i])
			}
			for i := range s {
				s[i] = ^uint64(i)
			}
			runtime.GC() // what was written must stay, and what is dropped comes back
			if i := slices.IndexFunc(s, func(word uint64) bool { return word == 0 }); i >= 0 || s[n-1] != ^uint64(n-1) {
				t.Fatalf("round %d: word %d of %d was lost", round, i, n)
			}
		}
		runtime.GC()
	}
}
