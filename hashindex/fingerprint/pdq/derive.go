package pdq

import "touchstone/hashindex"

// Derive approximates Result.Dihedral for a hash whose picture is not at hand. Transposing moves
// bits exactly; negating a frequency becomes inverting its bit, which is right for every frequency
// farther from zero than the median is. Of the reference vectors half come within 4 bits of the
// true variants, 95 % within 12 and all within 24: TestDerivedVariantsOfTheReferenceVectors.
func Derive(h hashindex.Hash) [hashindex.TransformCount]hashindex.Hash {
	const odd, even = 0xaaaa, 0x5555 // columns of a row, or rows, that hold even and odd frequencies
	same := gridOf(h)
	var mirrored, flipped, half grid
	for i, row := range same {
		mirrored[i] = row ^ even
		flipped[i], half[i] = ^row, row^odd
		if i%2 == 1 {
			flipped[i], half[i] = row, row^even
		}
	}
	return spread(same, mirrored, flipped, half)
}
