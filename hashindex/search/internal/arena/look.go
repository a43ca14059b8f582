package arena

// Look compares the probes with a block that lies elsewhere than in Entries: Size hashes word by word,
// the first words of all, then the second ones. Mask has the answers until the next Look.
func (p *Probes) Look(block []uint64) { near(block, p) }

// Mask has the bits set of the block's places that are within the i-th probe's radius.
func (p *Probes) Mask(i int) uint64 { return p.masks[i] }

// Number is the i-th probe's place among the caller's.
func (p *Probes) Number(i int) int { return p.number[i] }
