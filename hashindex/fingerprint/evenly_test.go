package fingerprint

import "testing"

func TestEvenlyPicksAsManyAsItMayEvenly(t *testing.T) {
	for total := 1; total < 200; total++ {
		picked, last := 0, -1
		for n := range total {
			if !evenly(n, total, 8) {
				continue
			}
			if picked > 0 && total > 8 && (n-last < total/8 || n-last > total/8+1) {
				t.Errorf("of %d: %d follows %d", total, n, last)
			}
			picked, last = picked+1, n
		}
		if want := min(total, 8); picked != want {
			t.Errorf("of %d: %d picked, want %d", total, picked, want)
		}
	}
}
