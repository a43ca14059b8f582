package pdq

import "touchstone/hashindex"

// Mirroring a picture left to right negates its odd horizontal frequencies, turning it upside down
// the odd vertical ones, and transposing it transposes them. Index 0 holds frequency 1, so the even
// indices are the odd frequencies.

// variants are the hashes of the picture with each transform undone.
//
// Undoing a clockwise quarter turn is a turn the other way: transpose, then upside down, which
// is to mirror, then transpose. The mirrored transforms undo themselves.
func variants(f *[kept][kept]float32) (out [hashindex.TransformCount]hashindex.Hash) {
	var (
		same     = signs(f, 0, 0)
		mirrored = signs(f, 0, 1)
		flipped  = signs(f, 1, 0)
		half     = signs(f, 1, 1)
	)
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

// signs compares the frequencies with their median, after negating the even rows, the even
// columns, or both.
func signs(f *[kept][kept]float32, rows, columns int) (out grid) {
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
