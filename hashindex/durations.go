package hashindex

import (
	"sync/atomic"
	"time"
)

// durationBounds are the upper ends of a Histogram's buckets: steps of about 2.5, from what memory answers to
// what a full disk takes.
var durationBounds = [...]time.Duration{
	100 * time.Microsecond, 250 * time.Microsecond, 500 * time.Microsecond,
	time.Millisecond, 2500 * time.Microsecond, 5 * time.Millisecond,
	10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond,
	100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond,
	time.Second, 2500 * time.Millisecond, 5 * time.Second, 10 * time.Second,
}

// Histogram says how long something took, over all times since the index was opened.
type Histogram struct {
	Count   uint64
	Sum     time.Duration
	Buckets map[time.Duration]uint64 // how many took that long or less
}

// durations collect a Histogram. They are safe for concurrent use; the zero value is empty.
type durations struct {
	counts [len(durationBounds) + 1]atomic.Uint64 // by bucket; the last is of what took longer than all bounds
	sum    atomic.Int64
}

func (d *durations) add(took time.Duration) {
	bucket := 0
	for bucket < len(durationBounds) && took > durationBounds[bucket] {
		bucket++
	}
	d.counts[bucket].Add(1)
	d.sum.Add(int64(took))
}

func (d *durations) histogram() Histogram {
	h := Histogram{Sum: time.Duration(d.sum.Load()), Buckets: map[time.Duration]uint64{}}
	for i, bound := range durationBounds {
		h.Count += d.counts[i].Load()
		h.Buckets[bound] = h.Count
	}
	h.Count += d.counts[len(durationBounds)].Load()
	return h
}
