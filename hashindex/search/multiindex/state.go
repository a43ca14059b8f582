package multiindex

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"slices"

	"touchstone/hashindex"
	"touchstone/hashindex/search/linear"
)

// The saved state, little-endian throughout. Entries stand in the order of their frames, each frame
// once. Tables are made anew: reading them back would take longer.
//
//	offset  bytes  what
//	0       8      magic
//	8       4      bits: 64 or 256
//	12      4      entries
//	16      bits/8 each entries' hashes, least significant word first
//	        8 each entries' frames
//	        4 each entries' collections
//	        4      CRC-32C of all before
const (
	magic    = "tsmulti1" // the digit is the format version
	headSize = 16
	sumSize  = 4
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// stateSize is how long the state of so many entries is.
func stateSize(bits, n int) int { return headSize + n*(bits/8+8+4) + sumSize }

// AppendState appends the entries as LoadState reads them, as they were when it was called: edits
// do not wait for it.
func (ix *Index) AppendState(dst []byte) []byte {
	sources := ix.sources()
	n := 0
	for _, s := range sources {
		n += s.live()
	}
	dst = slices.Grow(dst, stateSize(ix.bits, n))
	state := dst[len(dst) : len(dst)+stateSize(ix.bits, n)]
	copy(state, magic)
	binary.LittleEndian.PutUint32(state[8:], uint32(ix.bits))
	binary.LittleEndian.PutUint32(state[12:], uint32(n))
	putEntries(state[headSize:], n, ix.bits/64, newRun(sources))
	body := len(state) - sumSize
	binary.LittleEndian.PutUint32(state[body:], crc32.Checksum(state[:body], castagnoli))
	return dst[:len(dst)+len(state)]
}

func putEntries(dst []byte, n, words int, run *run) {
	hashes, frames := dst, dst[n*words*8:]
	collections := frames[n*8:]
	for i := 0; run.next(); i++ {
		e := run.level.at(run.place)
		for w := range words {
			binary.LittleEndian.PutUint64(hashes[(i*words+w)*8:], e.Hash.Words[w])
		}
		binary.LittleEndian.PutUint64(frames[i*8:], uint64(e.Frame))
		binary.LittleEndian.PutUint32(collections[i*4:], uint32(e.Collection))
	}
}

// LoadState replaces the entries by those that AppendState wrote. Searches go on in the old ones
// until the new tables are made. For any other bytes the error is hashindex.ErrDamaged.
func (ix *Index) LoadState(state []byte) error {
	l, err := load(state, ix.bits)
	if err != nil {
		return fmt.Errorf("multiindex state: %w", err)
	}
	l.tabulate()
	ix.writing.Lock()
	defer ix.writing.Unlock()
	ix.mu.Lock()
	defer ix.mu.Unlock()
	ix.merge, ix.merging = nil, 0
	ix.levels, ix.delta = nil, linear.New(ix.bits)
	if l.size() > 0 {
		ix.levels = []*level{l}
	}
	return nil
}

// load believes nothing before the checksum, and the count only when it makes the length: no more
// is allocated than a small multiple of what was given.
func load(state []byte, bits int) (*level, error) {
	if len(state) < headSize+sumSize || string(state[:len(magic)]) != magic {
		return nil, damaged("not a state of format %s", magic)
	}
	body := state[:len(state)-sumSize]
	if crc32.Checksum(body, castagnoli) != binary.LittleEndian.Uint32(state[len(body):]) {
		return nil, damaged("checksum")
	}
	if got := binary.LittleEndian.Uint32(state[8:]); int(got) != bits {
		return nil, damaged("hashes of %d bits, want %d", got, bits)
	}
	n := int(binary.LittleEndian.Uint32(state[12:]))
	if len(state) != stateSize(bits, n) {
		return nil, damaged("%d bytes, but %d entries make %d", len(state), n, stateSize(bits, n))
	}
	l := readEntries(body[headSize:], bits, n)
	for i := 1; i < n; i++ {
		if l.frame(i-1) >= l.frame(i) {
			return nil, damaged("the order of frames")
		}
	}
	return l, nil
}

func readEntries(body []byte, bits, n int) *level {
	l := newLevel(bits, n)
	hashes, frames := body, body[n*l.words*8:]
	collections := frames[n*8:]
	l.records = l.records[:n*l.stride]
	for i := range n {
		record := l.records[i*l.stride:][:l.stride]
		for w := range l.words {
			record[w] = binary.LittleEndian.Uint64(hashes[(i*l.words+w)*8:])
		}
		record[l.words] = binary.LittleEndian.Uint64(frames[i*8:])
		record[l.words+1] = uint64(binary.LittleEndian.Uint32(collections[i*4:]))
	}
	return l
}

func damaged(format string, args ...any) error {
	return fmt.Errorf("%s: %w", fmt.Sprintf(format, args...), hashindex.ErrDamaged)
}
