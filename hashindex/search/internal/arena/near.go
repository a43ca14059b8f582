package arena

import (
	"fmt"
	"math/bits"

	"touchstone/hashindex"
	"touchstone/hashindex/search/internal/nearest"
)

// MaxProbes is how many probes look at a block in one pass: as many as a picture has symmetries.
const MaxProbes = 8

// Probes are up to MaxProbes hashes that look at blocks together, with the scope they look within.
type Probes struct {
	Scope  hashindex.Scope
	radius int // the scope's largest
	planes int
	n      int
	words  [MaxProbes * 4]uint64 // planes words each
	number [MaxProbes]int        // each one's place among the caller's probes
	masks  [MaxProbes]uint64     // the last block's answers
	keeper *nearest.Keeper       // of what is found; nil keeps all
}

// NewProbes holds none yet.
func NewProbes(width int, scope hashindex.Scope) Probes {
	return Probes{Scope: scope, radius: scope.MaxRadius(), planes: width / 64}
}

// Keep leaves to the keeper what of the answers is kept.
func (p *Probes) Keep(k *nearest.Keeper) { p.keeper = k }

// Reset lets the probes go.
func (p *Probes) Reset() { p.n = 0 }

// Len is how many there are.
func (p *Probes) Len() int { return p.n }

// Add adds the caller's probe of that number.
func (p *Probes) Add(number int, h hashindex.Hash) {
	if h.Bits() != p.planes*64 {
		panic(fmt.Sprintf("arena: a probe of %d bits among hashes of %d", h.Bits(), p.planes*64))
	}
	copy(p.words[p.n*p.planes:], h.Words[:p.planes])
	p.number[p.n] = number
	p.n++
}

// Words are those of the i-th.
func (p *Probes) Words(i int) []uint64 { return p.words[i*p.planes:][:p.planes] }

// Pick holds those of the other probes whose bits are set.
func (p *Probes) Pick(from *Probes, set uint) {
	p.n = 0
	for ; set != 0; set &= set - 1 {
		i := bits.TrailingZeros(set)
		copy(p.words[p.n*p.planes:], from.Words(i))
		p.number[p.n] = from.number[i]
		p.n++
	}
}

// Near appends what the probes find among the first n entries of the block.
func (e *Entries) Near(block, n int, p *Probes, found []hashindex.Found) []hashindex.Found {
	size := Size * e.planes
	near(e.words[block*size:(block+1)*size], p)
	filled := ^uint64(0) >> (Size - n) // none for n = 0: a shift by 64 leaves nothing
	for i := range p.n {
		for m := p.masks[i] & filled; m != 0; m &= m - 1 {
			found = e.keep(block*Size+bits.TrailingZeros64(m), i, p, found)
		}
	}
	if p.keeper != nil && p.keeper.Full(found) {
		found = p.keeper.Trim(found)
	}
	return found
}

// Prefetch asks for the block's words from memory without waiting for them.
func (e *Entries) Prefetch(block int) {
	size := Size * e.planes
	prefetch(e.words[block*size : (block+1)*size])
}

// keep appends the entry if its own collection reaches as far: near knows the largest radius only.
func (e *Entries) keep(place, i int, p *Probes, found []hashindex.Found) []hashindex.Found {
	d := e.distance(place, p.words[i*p.planes:])
	if d > p.Scope.Radius(e.collections[place]) || p.keeper != nil && p.keeper.Beyond(p.number[i], d, e.frames[place]) {
		return found
	}
	return append(found, hashindex.Found{Probe: p.number[i], Entry: e.At(place), Distance: d})
}

func (e *Entries) distance(place int, words []uint64) int {
	at, d := e.word(place), 0
	for p := range e.planes {
		d += bits.OnesCount64(e.words[at+p*Size] ^ words[p])
	}
	return d
}
