package jpegplanes

// table holds quantisation steps, in the order in which a block is stored here.
type table struct {
	defined bool
	steps   [64]int32
}

// order is where the coefficients lie in a block, by their place in the zigzag: column by column, as
// the inverse transform begins with the rows and takes all eight at once.
var order = func() (places [64]uint8) {
	column, row, up := 0, 0, true
	for i := range places {
		places[i] = uint8(8*column + row)
		switch {
		case up && column == 7:
			row, up = row+1, false
		case up && row == 0:
			column, up = column+1, false
		case up:
			column, row = column+1, row-1
		case row == 7:
			column, up = column+1, true
		case column == 0:
			row, up = row+1, true
		default:
			column, row = column-1, row+1
		}
	}
	return places
}()

// readTables reads quantisation tables of 8 or 16 bits.
func (d *decoder) readTables(body []byte) bool {
	for len(body) > 0 {
		wide, to := body[0]>>4, body[0]&15
		size := 1 + 64*(1+int(wide))
		if wide > 1 || to > 3 || len(body) < size {
			return false
		}
		t := &d.tables[to]
		t.defined = true
		for i := range 64 {
			if wide == 1 {
				t.steps[order[i]] = int32(body[1+2*i])<<8 | int32(body[2+2*i])
			} else {
				t.steps[order[i]] = int32(body[1+i])
			}
		}
		body = body[size:]
	}
	return true
}
