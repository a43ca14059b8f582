package jpegplanes

// scan is what a scan's header says.
type scan struct {
	components  []*component
	first, last int // coefficients, in zigzag order
	refines     bool
	shift       uint // bits that later scans bring
}

// readScan reads a scan: its header and the data behind it.
func (d *decoder) readScan(body []byte) bool {
	s, ok := d.scanOf(body)
	if !ok {
		return false
	}
	d.scans++
	if !d.progressive {
		d.done = true // a sequential picture is one scan here
		return len(s.components) == len(d.components) && s.first == 0 && s.last == 63 && !s.refines && s.shift == 0 &&
			d.eachUnit(&s, d.sequentialUnits)
	}
	switch {
	case s.first == 0:
		return s.last == 0 && d.eachUnit(&s, d.constantUnits)
	case len(s.components) > 1:
		return false
	case s.refines:
		return d.eachUnit(&s, d.refinedBlocks)
	}
	return d.eachUnit(&s, d.swingingBlocks)
}

// scanOf reads the header. Its components must come in the order of the frame's, with their tables.
func (d *decoder) scanOf(body []byte) (s scan, ok bool) {
	if len(body) < 1 || d.components == nil {
		return s, false
	}
	n := int(body[0])
	if n < 1 || n > len(d.components) || len(body) != 4+2*n {
		return s, false
	}
	tail := body[1+2*n:]
	s.first, s.last, s.refines, s.shift = int(tail[0]), int(tail[1]), tail[2]>>4 != 0, uint(tail[2]&15)
	if s.first > s.last || s.last > 63 || s.shift > 13 || tail[2]>>4 > 13 {
		return s, false
	}
	at := 0
	for spec := body[1 : 1+2*n]; len(spec) > 0; spec = spec[2:] {
		for at < len(d.components) && d.components[at].id != spec[0] {
			at++
		}
		if at == len(d.components) || !d.choose(&d.components[at], spec[1], &s) {
			return s, false
		}
		s.components = append(s.components, &d.components[at])
		at++
	}
	return s, true
}

// choose sets a component's tables for this scan. Those that the scan needs must be defined.
func (d *decoder) choose(c *component, tables byte, s *scan) bool {
	constant, swinging := tables>>4, tables&15
	if constant > 3 || swinging > 3 || !d.tables[c.table].defined {
		return false
	}
	c.dc, c.ac, c.predicted = &d.huffman[0][constant], &d.huffman[1][swinging], 0
	return (c.dc.defined || s.first > 0 || s.refines) && (c.ac.defined || s.last == 0)
}

// units is a part of a scan between two restarts: count units from one on. Units are those of the
// grid where components are interleaved, and else the blocks of the one component that hold a part of
// the picture.
type units struct {
	*scan
	from, count int
}

// eachUnit decodes the data, interval by interval.
func (d *decoder) eachUnit(s *scan, decode func(units) bool) bool {
	total := d.acrossUnits * d.downUnits
	if len(s.components) == 1 {
		total = s.components[0].columns * s.components[0].lines
	}
	step := total
	if d.interval > 0 {
		step = d.interval
	}
	for first := 0; first < total; first += step {
		if first > 0 && !d.restart(first/step-1, s) {
			return false
		}
		rest, ok := d.bits.start(d.left)
		if !ok || !decode(units{s, first, min(step, total-first)}) || !d.bits.ended() {
			return false
		}
		d.left = rest
	}
	return true
}

// restart takes the nth restart marker, after which prediction begins anew.
func (d *decoder) restart(n int, s *scan) bool {
	if d.left[1] != markerRST0+byte(n&7) {
		return false
	}
	d.left = d.left[2:]
	for _, c := range s.components {
		c.predicted = 0
	}
	return true
}
