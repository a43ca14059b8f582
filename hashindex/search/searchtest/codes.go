package searchtest

import (
	"math/rand/v2"

	"touchstone/hashindex"
)

// Codes are n hashes as a store of pictures has them: most pictures alone, some with copies that
// differ in a few bits, a few with very many. The same arguments give the same codes.
func Codes(seed uint64, bits, n int) []hashindex.Hash {
	rng := rand.New(rand.NewPCG(seed, uint64(bits)))
	codes := make([]hashindex.Hash, 0, n)
	for len(codes) < n {
		centre := random(rng, bits)
		for range min(copies(rng), n-len(codes)) {
			codes = append(codes, flip(rng, centre, rng.IntN(bits/8+1)))
		}
	}
	rng.Shuffle(n, func(i, j int) { codes[i], codes[j] = codes[j], codes[i] })
	return codes
}

// copies is heavy-tailed: half of the pictures have one, a quarter two, ..., one in a thousand 1,024.
func copies(rng *rand.Rand) int {
	n := 1
	for n < 1024 && rng.IntN(2) == 0 {
		n *= 2
	}
	return n
}

// Queries are n of the codes with up to an eighth of their bits changed, as copies asked about
// are: every second one of the codes' neighbourhood, the others of no code's.
func Queries(seed uint64, codes []hashindex.Hash, n int) []hashindex.Hash {
	bits := codes[0].Bits()
	rng := rand.New(rand.NewPCG(seed, uint64(bits)+1))
	queries := make([]hashindex.Hash, n)
	for i := range queries {
		queries[i] = random(rng, bits)
		if i%2 == 0 {
			queries[i] = flip(rng, codes[rng.IntN(len(codes))], rng.IntN(bits/8+1))
		}
	}
	return queries
}

func random(rng *rand.Rand, bits int) hashindex.Hash {
	if bits == 64 {
		return hashindex.Hash64(rng.Uint64())
	}
	return hashindex.Hash256([4]uint64{rng.Uint64(), rng.Uint64(), rng.Uint64(), rng.Uint64()})
}

// flip changes up to n bits of the hash.
func flip(rng *rand.Rand, h hashindex.Hash, n int) hashindex.Hash {
	for range n {
		bit := rng.IntN(h.Bits())
		h.Words[bit/64] ^= 1 << (bit % 64)
	}
	return h
}

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
