package keypoint

import (
	"encoding/binary"
	"hash/crc32"
	"slices"

	"touchstone/hashindex"
)

// The saved state, little-endian throughout. Every posting is saved in the order of its key, removed
// frames left out.
//
//	offset  bytes  what
//	0       8      magic
//	8       4      frames
//	12      4      postings
//	16      24     each frame: its number, its sum, its collection, four bytes of nothing
//	        2^22   how many postings each of the 2^20 keys has
//	        8 each postings' signatures
//	        8 each postings: the frame's place above, where the corner lies (see posting)
//	        4      CRC-32C of all before
const (
	magic     = "tskeypt1" // the digit is the format version
	headSize  = 16
	frameSize = 24
	sumSize   = 4
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func stateSize(frames, postings int) int {
	return headSize + frames*frameSize + 4*keys + 16*postings + sumSize
}

// AppendState implements hashindex.PartialSearcher. Searches do not wait for it, edits do.
func (ix *Index) AppendState(dst []byte) []byte {
	ix.writing.Lock()
	defer ix.writing.Unlock()
	ix.compactIfScattered()
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	l := &level{start: make([]uint32, keys+1)}
	if len(ix.levels) > 0 {
		l = ix.levels[0]
	}
	begin := len(dst)
	dst = slices.Grow(dst, stateSize(len(ix.slots), len(l.postings)))
	dst = append(dst, magic...)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(ix.slots)))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(l.postings)))
	for _, s := range ix.slots {
		dst = binary.LittleEndian.AppendUint64(dst, uint64(s.frame))
		dst = binary.LittleEndian.AppendUint64(dst, s.sum)
		dst = binary.LittleEndian.AppendUint64(dst, uint64(s.collection))
	}
	for key := range keys {
		dst = binary.LittleEndian.AppendUint32(dst, l.start[key+1]-l.start[key])
	}
	for _, signature := range l.signatures {
		dst = binary.LittleEndian.AppendUint64(dst, signature)
	}
	for _, p := range l.postings {
		dst = binary.LittleEndian.AppendUint64(dst, uint64(p.slot)|uint64(p.place)<<32)
	}
	return binary.LittleEndian.AppendUint32(dst, crc32.Checksum(dst[begin:], castagnoli))
}

// compactIfScattered leaves one level that holds all, and no removed frame.
func (ix *Index) compactIfScattered() {
	if len(ix.levels) > 1 || ix.dead > 0 || len(ix.recent.postings) > 0 {
		ix.compact()
	}
}

// LoadState implements hashindex.PartialSearcher: ErrDamaged for what AppendState did not write. It
// believes nothing before the checksum, and counts only when they make the length.
func (ix *Index) LoadState(state []byte) error {
	if len(state) < stateSize(0, 0) || string(state[:len(magic)]) != magic {
		return damaged("not a state of format %s", magic)
	}
	body := state[:len(state)-sumSize]
	if crc32.Checksum(body, castagnoli) != binary.LittleEndian.Uint32(state[len(body):]) {
		return damaged("checksum")
	}
	frames, postings := int(binary.LittleEndian.Uint32(state[8:])), int(binary.LittleEndian.Uint32(state[12:]))
	if len(state) != stateSize(frames, postings) {
		return damaged("%d bytes, but %d frames with %d postings make %d", len(state), frames, postings, stateSize(frames, postings))
	}
	slots, where, err := readSlots(body[headSize:], frames)
	if err != nil {
		return err
	}
	l, err := readLevel(body[headSize+frames*frameSize:], postings, frames)
	if err != nil {
		return err
	}
	ix.writing.Lock()
	defer ix.writing.Unlock()
	ix.mu.Lock()
	defer ix.mu.Unlock()
	ix.slots, ix.where, ix.dead = slots, where, 0
	ix.levels, ix.recent = nil, newRecent()
	if postings > 0 {
		ix.levels = []*level{l}
	}
	return nil
}

func readSlots(body []byte, frames int) ([]slot, map[hashindex.FrameID]uint32, error) {
	slots, where := make([]slot, frames), make(map[hashindex.FrameID]uint32, frames)
	for i := range slots {
		raw := body[i*frameSize:]
		slots[i] = slot{
			frame:      hashindex.FrameID(binary.LittleEndian.Uint64(raw)),
			sum:        binary.LittleEndian.Uint64(raw[8:]),
			collection: hashindex.CollectionID(binary.LittleEndian.Uint64(raw[16:])),
		}
		if _, twice := where[slots[i].frame]; twice {
			return nil, nil, damaged("frame %d twice", slots[i].frame)
		}
		where[slots[i].frame] = uint32(i)
	}
	return slots, where, nil
}

func readLevel(body []byte, postings, frames int) (*level, error) {
	l := &level{start: make([]uint32, keys+1), signatures: make([]uint64, postings), postings: make([]posting, postings)}
	sum := uint64(0)
	for key := range keys {
		sum += uint64(binary.LittleEndian.Uint32(body[4*key:]))
		l.start[key+1] = uint32(sum)
	}
	if sum != uint64(postings) {
		return nil, damaged("keys of %d postings, not %d", sum, postings)
	}
	signatures := body[4*keys:]
	places := signatures[8*postings:]
	for i := range l.postings {
		l.signatures[i] = binary.LittleEndian.Uint64(signatures[8*i:])
		raw := binary.LittleEndian.Uint64(places[8*i:])
		l.postings[i] = posting{uint32(raw), uint32(raw >> 32)}
		if int(uint32(raw)) >= frames {
			return nil, damaged("posting %d is of frame %d of %d", i, uint32(raw), frames)
		}
	}
	return l, nil
}
