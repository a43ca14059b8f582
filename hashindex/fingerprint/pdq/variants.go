package pdq

import "touchstone/hashindex"

// Mirroring a picture left to right negates its odd horizontal frequencies, turning it upside down
// the odd vertical ones, and transposing it transposes them. Index 0 holds frequency 1, so the even
// indices are the odd frequencies.

// variants are the hashes of the picture with each transform undone. The transpositions only move
// bits, so four comparisons with the median make all eight.
func variants(f *[kept][kept]float32) [hashindex.TransformCount]hashindex.Hash {
	return spread(bits(f, 0, 0), bits(f, 0, 1), bits(f, 1, 0), bits(f, 1, 1))
}

// spread indexes the hashes of the picture as it is, mirrored left to right, upside down, and
// turned by half, and their transpositions, by the transform that each undoes.
//
// A clockwise quarter turn is undone by a turn the other way, which is to mirror, then transpose.
// The half turn and the mirrored transforms undo themselves.
func spread(same, mirrored, flipped, half grid) (out [hashindex.TransformCount]hashindex.Hash) {
	out[hashindex.Upright] = same.hash()
	out[hashindex.Turned90] = mirrored.transposed().hash()
	out[hashindex.Turned180] = half.hash()
	out[hashindex.Turned270] = flipped.transposed().hash()
	out[hashindex.Mirrored] = mirrored.hash()
	out[hashindex.MirroredTurned90] = half.transposed().hash()
	out[hashindex.MirroredTurned180] = flipped.hash()
	out[hashindex.MirroredTurned270] = same.transposed().hash()
	return out
}

// bits compares the frequencies with their median, after negating the odd vertical frequencies
// (rows is 1), the odd horizontal ones (columns is 1), or both, which leaves those odd in both.
func bits(f *[kept][kept]float32, rows, columns int) (out grid) {
	var values [kept * kept]float32
	for i := range kept {
		for j := range kept {
			values[i*kept+j] = negatedIf(((rows&^i)^(columns&^j))&1 == 1, f[i][j])
		}
	}
	sorted := values
	median := lowerMedian(&sorted)
	for k, v := range &values {
		if v > median {
			out[k/kept] |= 1 << (k % kept)
		}
	}
	return out
}

func negatedIf(negate bool, v float32) float32 {
	if negate {
		return -v
	}
	return v
}

// lowerMedian is the 128th smallest of the 256 values, which it reorders: the lower of the two in
// the middle, as the reference takes. Hoare's quickselect.
func lowerMedian(values *[kept * kept]float32) float32 {
	const middle = kept*kept/2 - 1
	for low, high := 0, len(values)-1; low < high; {
		pivot := values[(low+high)/2]
		i, j := low, high
		for i <= j {
			for values[i] < pivot {
				i++
			}
			for values[j] > pivot {
				j--
			}
			if i <= j {
				values[i], values[j] = values[j], values[i]
				i, j = i+1, j-1
			}
		}
		if middle <= j {
			high = j
		} else if middle >= i {
			low = i
		} else {
			break
		}
	}
	return values[middle]
}

// grid is a hash as 16 rows of 16 bits: row i, bit j is frequency (i+1, j+1).
type grid [kept]uint16

func gridOf(h hashindex.Hash) (g grid) {
	for i := range g {
		g[i] = uint16(h.Words[i/4] >> (i % 4 * 16))
	}
	return g
}

// hash packs the rows, the first in the least significant bits, as exchanged lists print it.
func (g grid) hash() hashindex.Hash {
	var words [4]uint64
	for i, row := range g {
		words[i/4] |= uint64(row) << (i % 4 * 16)
	}
	return hashindex.Hash256(words)
}

func (g grid) transposed() (out grid) {
	for i, row := range g {
		for j := range out {
			out[j] |= row >> j & 1 << i
		}
	}
	return out
}
