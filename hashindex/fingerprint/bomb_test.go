package fingerprint

import (
	"runtime"
	"testing"

	"touchstone/fixtures"
)

// TestBombsAreRefusedForWhatTheyAskFor has a maker that takes everything look at each bomb: it says which limit or
// reason, having allocated next to nothing beside what the file itself takes.
func TestBombsAreRefusedForWhatTheyAskFor(t *testing.T) {
	const most = 64 << 20
	m := NewWith(Options{TIFF: true, Contained: true})
	for _, b := range fixtures.Bombs() {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := m.Picture(t.Context(), b.Content)
		runtime.ReadMemStats(&after)
		if got := refusalOf(err); got != b.Refusal {
			t.Errorf("%s, %s: got %q (%v), want %q", b.Name, b.Why, got, err, b.Refusal)
		}
		if allocated := after.TotalAlloc - before.TotalAlloc; allocated > most {
			t.Errorf("%s, %s: %d MiB allocated", b.Name, b.Why, allocated>>20)
		}
	}
}

// TestPicturesOfPhonesAreNoBombs looks at the boxes of one alone: tiles of a grid, and what is derived from that.
func TestPicturesOfPhonesAreNoBombs(t *testing.T) {
	h, err := NewWith(Options{Contained: true}).inspect(fixtures.HEICBoxes())
	if err != nil || h.width != 1024 || h.height != 1024 {
		t.Errorf("%d×%d, %v", h.width, h.height, err)
	}
}
