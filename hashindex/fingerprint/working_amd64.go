package fingerprint

// weigh does what weighPortable does.
func weigh(sums []uint32, row []uint8, weight uint32) {
	done := 0
	if hasAVX2 && len(sums) >= 16 {
		done = len(sums) &^ 15
		weighAVX2(&sums[0], &row[:done][0], done, weight)
	}
	weighPortable(sums[done:], row[done:], weight)
}

// weighAVX2 adds the first n of the row, a multiple of 16 and at least that.
//
//go:noescape
func weighAVX2(sums *uint32, row *uint8, n int, weight uint32)
