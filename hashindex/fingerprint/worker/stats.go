package worker

import (
	"errors"
	"maps"
	"os"
	"time"
)

// Stats say what the children of a pool have done since it was opened.
type Stats struct {
	InFlight int           // pictures that children are at
	Pictures uint64        // that children were asked for
	Took     time.Duration // by them all
	Starts   uint64        // of children
	Deaths   map[string]uint64
}

// What children die of. A memory limit cannot be told from a decoder that breaks: both end the process.
const (
	DeadOfTime   = "time"
	DeadOfDecode = "decode"
	DeadAtStart  = "start"
)

// Stats are those of now.
func (p *Pool) Stats() Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	stats := p.stats
	stats.Deaths = map[string]uint64{DeadOfTime: 0, DeadOfDecode: 0, DeadAtStart: 0}
	maps.Copy(stats.Deaths, p.stats.Deaths)
	return stats
}

// asked counts a picture that a child is at, until done is called.
func (p *Pool) asked() (done func()) {
	begun := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stats.InFlight++
	p.stats.Pictures++
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.stats.InFlight--
		p.stats.Took += time.Since(begun)
	}
}

// died counts a child.
func (p *Pool) died(of string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stats.Deaths == nil {
		p.stats.Deaths = map[string]uint64{}
	}
	p.stats.Deaths[of]++
}

func causeOf(err error) string {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return DeadOfTime
	}
	return DeadOfDecode
}
