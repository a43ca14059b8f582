package hashindex

import (
	"testing"
	"time"
)

func TestHistogramCountsWhatTookAsLongOrLess(t *testing.T) {
	var d durations
	for _, took := range []time.Duration{0, 100 * time.Microsecond, 101 * time.Microsecond, time.Second, time.Minute} {
		d.add(took)
	}
	h := d.histogram()
	want := map[time.Duration]uint64{100 * time.Microsecond: 2, 250 * time.Microsecond: 3, 500 * time.Millisecond: 3, time.Second: 4, 10 * time.Second: 4}
	for bound, count := range want {
		if h.Buckets[bound] != count {
			t.Errorf("%v or less: %d, want %d", bound, h.Buckets[bound], count)
		}
	}
	if wantSum := time.Minute + time.Second + 201*time.Microsecond; h.Count != 5 || h.Sum != wantSum {
		t.Errorf("%d times, %v in all, want 5 and %v", h.Count, h.Sum, wantSum)
	}
}
