package fingerprint

import (
	"encoding/binary"
	"slices"
)

// What AV1 and HEVC data say of their size, read where the decoders read it.

// av1Size is the largest frame that any sequence header among these units allows: the AV1 specification, sections
// 5.3 to 5.5.
func av1Size(units []byte) (most size) {
	const sequenceHeader, extended, sized = 1, 4, 2
	for len(units) >= 2 {
		head := units[0]
		units = units[1:]
		if head&extended != 0 {
			units = units[1:]
		}
		length, n := uint64(len(units)), 0
		if head&sized != 0 {
			length, n = binary.Uvarint(units)
		}
		if n < 0 {
			return most
		}
		body := cut(units, uint64(n), max(length, 1))
		if head>>3&15 == sequenceHeader {
			most = most.most(sequenceSize(body))
		}
		units = cut(units, uint64(n)+min(length, uint64(len(units))), 0)
	}
	return most
}

func sequenceSize(header []byte) size {
	b := bitReader{data: header}
	b.read(4) // profile, and whether it is a still
	if reduced := b.read(1); reduced == 1 {
		b.read(5) // level
	} else {
		b.operatingPoints()
	}
	across, down := int(b.read(4))+1, int(b.read(4))+1
	s := size{int(b.read(across)) + 1, int(b.read(down)) + 1}
	if b.short {
		return size{}
	}
	return s
}

// operatingPoints steps over timing and operating points.
func (b *bitReader) operatingPoints() {
	model, delay := uint32(0), 0
	if timing := b.read(1); timing == 1 {
		b.read(32) // units of a tick
		b.read(32) // ticks of a second
		if equal := b.read(1); equal == 1 {
			b.golomb()
		}
		if model = b.read(1); model == 1 {
			delay = int(b.read(5)) + 1
			b.read(32)
			b.read(10)
		}
	}
	display := b.read(1)
	for range b.read(5) + 1 {
		b.read(12)
		if level := b.read(5); level > 7 {
			b.read(1)
		}
		if model == 1 && b.read(1) == 1 {
			b.read(delay)
			b.read(delay)
			b.read(1)
		}
		if display == 1 && b.read(1) == 1 {
			b.read(4)
		}
	}
}

// hevcConfigured is the largest picture of a decoder's configuration: ISO/IEC 14496-15, section 8.3.3.
func hevcConfigured(config []byte) (most size) {
	const arrays = 22
	r := reader{rest: config[min(arrays, len(config)):]}
	for range r.number(1) {
		r.number(1) // their kind, which each says too
		for range r.number(2) {
			unit := r.unit(2)
			most = most.most(parameterSize(unit))
			if r.short {
				return most
			}
		}
	}
	return most
}

// hevcSize is the largest picture among units, each behind its length in so many bytes.
func hevcSize(units []byte, lengthBytes int) (most size) {
	for r := (reader{rest: units}); len(r.rest) > lengthBytes; {
		most = most.most(parameterSize(r.unit(lengthBytes)))
	}
	return most
}

// unit takes what lies behind its length in so many bytes, as far as it is there.
func (r *reader) unit(lengthBytes int) []byte {
	length := int(r.number(lengthBytes))
	unit := r.rest[:min(length, len(r.rest))]
	r.rest = r.rest[len(unit):]
	return unit
}

// parameterSize reads a sequence parameter set, if it is one: ITU-T H.265, section 7.3.2.2.
func parameterSize(unit []byte) size {
	const head, parameters = 2, 33
	if len(unit) < head || unit[0]>>1&63 != parameters {
		return size{}
	}
	b := bitReader{data: unstuffed(unit[head:])}
	b.read(4)
	layers := int(b.read(3))
	b.read(1)
	b.profiles(layers)
	b.golomb() // its number
	if chroma := b.golomb(); chroma == 3 {
		b.read(1)
	}
	s := size{int(min(b.golomb(), 1<<30)), int(min(b.golomb(), 1<<30))}
	if b.short {
		return size{}
	}
	return s
}

// profiles steps over profile, tier and level, and those of the layers below: section 7.3.3.
func (b *bitReader) profiles(layers int) {
	const profile, level = 88, 8
	b.at += profile + level
	if layers == 0 {
		return
	}
	var has [8]uint32
	for i := range has { // there are eight, less the highest, with padding for those that are not
		has[i] = b.read(2)
	}
	for _, each := range has[:layers] {
		if each&2 != 0 {
			b.at += profile
		}
		if each&1 != 0 {
			b.at += level
		}
	}
}

// unstuffed is the beginning of a unit without the bytes that keep it from looking like another's start.
func unstuffed(unit []byte) []byte {
	const enough = 512 // for a parameter set as far as its size
	unit = slices.Clone(unit[:min(len(unit), enough)])
	out, zeros := unit[:0], 0
	for _, v := range unit {
		if zeros >= 2 && v == 3 {
			zeros = 0
			continue
		}
		if zeros++; v != 0 {
			zeros = 0
		}
		out = append(out, v)
	}
	return out
}

// bitReader reads numbers of bits, the highest first; past the end they are 0, and it is short.
type bitReader struct {
	data  []byte
	at    int // bits that were read
	short bool
}

func (b *bitReader) read(n int) (v uint32) {
	for range n {
		if b.at>>3 >= len(b.data) {
			b.short = true
			return 0
		}
		v = v<<1 | uint32(b.data[b.at>>3]>>(7-b.at&7))&1
		b.at++
	}
	return v
}

// golomb reads a number in Golomb's exponential code.
func (b *bitReader) golomb() uint32 {
	zeros := 0
	for b.read(1) == 0 {
		if zeros++; b.short || zeros > 31 {
			b.short = true
			return 0
		}
	}
	return 1<<zeros - 1 + b.read(zeros)
}
