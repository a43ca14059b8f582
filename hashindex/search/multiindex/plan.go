package multiindex

import (
	"math/bits"
	"sync"
)

// plan shares out a radius r among the pieces: u[0] + u[1] + ... = r+1.
//
// Let d[i] be the distance in piece i of an entry within r. The differences d[i]-u[i] add up to less
// than 0, so one of their partial sums around the ring is the largest for the last time, and every
// run of pieces that begins there has a sum below 0. In particular d[i] < u[i] and
// d[i]+d[i+1] < u[i]+u[i+1] for that piece: it is enough to look, in each piece, for such entries.
//
// Any sharing is right; the best has the fewest postings to look at.
type plan struct {
	pieces int
	u      [maxPieces]int
}

// maxReach bounds the distance in one piece that is looked for: 6,885 keys are within 5.
const maxReach = 5

// evenly shares equally.
func evenly(pieces, radius int) plan {
	p := plan{pieces: pieces}
	for i := range pieces {
		p.u[i] = (radius + pieces - i) / pieces
	}
	return p
}

// cheaply spares the pieces whose own buckets are so full that farther keys of others cost less:
// sizes are those of the probe's own buckets, mean that of any other. Each unit goes where it costs
// least just then.
func cheaply(radius, width, mean int, sizes []int) plan {
	p := plan{pieces: len(sizes)}
	for range radius + 1 {
		best, least := 0, 0
		for i, size := range sizes {
			cost := choose(width, p.u[i]) * (visitCost + mean)
			if p.u[i] == 0 {
				cost = visitCost + size
			}
			if i == 0 || cost < least {
				best, least = i, cost
			}
		}
		p.u[best]++
	}
	return p
}

// reach is the distance of the keys to look at in piece i; negative for none.
func (p *plan) reach(i int) int { return p.u[i] - 1 }

// spare is the distance left for the piece after i in an entry whose distance in i is 0. A bit
// that differs in i leaves one less.
func (p *plan) spare(i int) int { return p.u[i] + p.u[(i+1)%p.pieces] - 1 }

// visits is how many keys will be looked at.
func (p *plan) visits(width int) int {
	n := 0
	for i := range p.pieces {
		for k := range min(p.u[i], width+1) {
			n += choose(width, k)
		}
	}
	return n
}

// choose is how many keys of so many bits have k set.
func choose(width, k int) int {
	c := 1
	for i := range k {
		c = c * (width - i) / (i + 1)
	}
	return c
}

// masks are what keys of some width differ by, and their buckets.
type masks struct {
	keys, buckets []uint16 // ascending by how many bits of the keys are set
	ends          [maxReach + 1]int
}

// within are those of at most k bits.
func (m *masks) within(k int) (keys, buckets []uint16) {
	return m.keys[:m.ends[k]], m.buckets[:m.ends[k]]
}

// masksOf are those of that order, made once.
func masksOf(o order) *masks {
	m := &madeMasks[o.shift]
	if o.even != 0 {
		m = &madeTurned[o.shift]
	}
	m.once.Do(func() { m.masks = makeMasks(o) })
	return &m.masks
}

type onceMasks struct {
	once sync.Once
	masks
}

var madeMasks, madeTurned [pieceBits]onceMasks

func makeMasks(o order) masks {
	var m masks
	for k := range m.ends {
		for v := range 1 << (pieceBits - o.shift) {
			if bits.OnesCount(uint(v)) == k {
				m.keys = append(m.keys, uint16(v))
				m.buckets = append(m.buckets, o.ofKey(uint16(v)))
			}
		}
		m.ends[k] = len(m.keys)
	}
	return m
}
