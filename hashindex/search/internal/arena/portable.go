package arena

import "math/bits"

// nearPortable sets in each probe's mask the bits of the block's places within the probes' radius.
// It is what every faster near must equal.
func nearPortable(block []uint64, p *Probes) {
	if p.planes == 1 {
		near64(block, p)
		return
	}
	near256(block, p)
}

func near64(block []uint64, p *Probes) {
	block = block[:Size]
	for i, word := range p.words[:p.n] {
		var mask uint64
		for j := range block {
			if bits.OnesCount64(block[j]^word) <= p.radius {
				mask |= 1 << (j & 63)
			}
		}
		p.masks[i] = mask
	}
}

func near256(block []uint64, p *Probes) {
	w0, w1, w2, w3 := block[:Size], block[Size:][:Size], block[2*Size:][:Size], block[3*Size:][:Size]
	for i := range p.n {
		q := p.words[4*i:][:4]
		var mask uint64
		for j := range Size {
			d := bits.OnesCount64(w0[j]^q[0]) + bits.OnesCount64(w1[j]^q[1])
			if d > p.radius { // most are already too far at half of the bits
				continue
			}
			if d+bits.OnesCount64(w2[j]^q[2])+bits.OnesCount64(w3[j]^q[3]) <= p.radius {
				mask |= 1 << (j & 63)
			}
		}
		p.masks[i] = mask
	}
}
