package searchtest

import (
	"math/rand/v2"

	"touchstone/fixtures/codes"
	"touchstone/hashindex"
)

// Codes and Queries are what tests and benchmarks of searchers look for, and with.
var (
	Codes   = codes.Clustered
	Queries = codes.Queries
)

var (
	random = codes.Random
	flip   = codes.Flip
)

// shapes are the sets that every radius is tried on.
func shapes(bits int) map[string][]hashindex.Hash {
	const n = 3000
	rng := rand.New(rand.NewPCG(7, uint64(bits)))
	zero := flip(rng, random(rng, bits), 0)
	zero.Words = [4]uint64{}
	sets := map[string][]hashindex.Hash{
		"empty":     nil,
		"one":       {random(rng, bits)},
		"clustered": Codes(1, bits, n),
		"deep":      Codes(17, bits, 5*n), // enough for inner nodes below inner nodes
	}
	centre, equal := random(rng, bits), random(rng, bits)
	for range n {
		sets["uniform"] = append(sets["uniform"], random(rng, bits))
		sets["all zero"] = append(sets["all zero"], zero)
		sets["all equal"] = append(sets["all equal"], equal)
		sets["one ball"] = append(sets["one ball"], flip(rng, centre, 4))
		sets["shared substrings"] = append(sets["shared substrings"], sharing(rng, centre))
		sets["two centres"] = append(sets["two centres"], flip(rng, [2]hashindex.Hash{zero, equal}[rng.IntN(2)], rng.IntN(3)))
	}
	return sets
}

// sharing is the hash with a new sixteenth of its bits: all other substrings are everybody's.
func sharing(rng *rand.Rand, h hashindex.Hash) hashindex.Hash {
	width := h.Bits() / 16
	first := rng.IntN(16) * width
	for bit := first; bit < first+width; bit++ {
		h.Words[bit/64] ^= rng.Uint64N(2) << (bit % 64)
	}
	return h
}

// probesOf are near the set, far from it, in it and its opposite.
func probesOf(seed uint64, bits int, set []hashindex.Hash) []hashindex.Hash {
	rng := rand.New(rand.NewPCG(seed, uint64(bits)+2))
	probes := []hashindex.Hash{random(rng, bits)}
	if len(set) > 0 {
		opposite := set[0]
		for w := range bits / 64 {
			opposite.Words[w] = ^opposite.Words[w]
		}
		probes = append(probes, set[rng.IntN(len(set))], opposite)
		probes = append(probes, Queries(seed, set, 7)...)
	}
	return probes
}

// frame spreads frames over references as a store does; a few of a video's frames in a row.
func frame(i int) hashindex.FrameID {
	return hashindex.FrameOf(hashindex.ReferenceID(1+i/3), i%3)
}

// addAll are edits that add the hashes, to the collections 1, 2, ..., spread in turn.
func addAll(set []hashindex.Hash, collections int) []hashindex.Edit {
	edits := make([]hashindex.Edit, len(set))
	for i, h := range set {
		edits[i].Entry = hashindex.Entry{Frame: frame(i), Collection: hashindex.CollectionID(1 + i%collections), Hash: h}
	}
	return edits
}
