package bolt

import (
	"encoding/binary"
	"fmt"

	"touchstone/hashindex"
	"touchstone/hashindex/store/record"
)

// blockSize is when a block of records is full, in bytes. A key for each record would cost an import
// a third of its time and an eighth of the file: 24 bytes and one bbolt Put each.
const blockSize = 32 << 10

// block is some records in a row, each with its checksum, as FORMAT.md has them under one key.
type block struct {
	first hashindex.Seq
	raw   []byte // the records, then where each ends, then how many they are
	n     int
}

// blockOf reads a key, which has the last Seq so that seeking one finds its block, and a value. It
// believes neither the count nor, in record, the places.
func blockOf(key, raw []byte) (block, error) {
	if len(key) != 8 || len(raw) < 4 {
		return block{}, damaged("changes up to %x: %d bytes", key, len(raw))
	}
	last, n := binary.BigEndian.Uint64(key), uint64(binary.BigEndian.Uint32(raw[len(raw)-4:]))
	if n == 0 || n > last || n > uint64(len(raw)-4)/4 {
		return block{}, damaged("changes up to %d: %d of them in %d bytes", last, n, len(raw))
	}
	return block{first: hashindex.Seq(last - n + 1), raw: raw, n: int(n)}, nil
}

func (b block) holds(seq hashindex.Seq) bool {
	return seq >= b.first && uint64(seq-b.first) < uint64(b.n)
}

// record is the encoding of a change that the block holds.
func (b block) record(seq hashindex.Seq) ([]byte, error) {
	table := len(b.raw) - 4 - 4*b.n
	end := func(i int) int {
		if i < 0 {
			return 0
		}
		return int(binary.BigEndian.Uint32(b.raw[table+4*i:]))
	}
	i := int(seq - b.first)
	from, to := end(i-1), end(i)
	if from > to || to > table {
		return nil, damaged("change %d: from %d to %d of %d bytes", seq, from, to, table)
	}
	return checked(changes, seqKey(seq), b.raw[from:to])
}

// builder is the block that a writer is filling.
type builder struct {
	first hashindex.Seq
	raw   []byte
	ends  []int
}

func (b *builder) add(seq hashindex.Seq, withRecord []byte) {
	if len(b.ends) == 0 {
		b.first = seq
	}
	start := 0
	if len(b.ends) > 0 {
		start = b.ends[len(b.ends)-1]
	}
	b.raw = binary.BigEndian.AppendUint32(withRecord, checksum(seqKey(seq), withRecord[start:]))
	b.ends = append(b.ends, len(b.raw))
}

func (b *builder) holds(seq hashindex.Seq) bool { return len(b.ends) > 0 && seq >= b.first }

func (b *builder) record(seq hashindex.Seq) ([]byte, error) {
	i, start := int(seq-b.first), 0
	if i > 0 {
		start = b.ends[i-1]
	}
	return checked(changes, seqKey(seq), b.raw[start:b.ends[i]])
}

// value ends the block.
func (b *builder) value() []byte {
	for _, end := range b.ends {
		b.raw = binary.BigEndian.AppendUint32(b.raw, uint32(end))
	}
	return binary.BigEndian.AppendUint32(b.raw, uint32(len(b.ends)))
}

// putBlock writes the block under the Seq of its last record.
func (w *writer) putBlock() error {
	b := &w.block
	if len(b.ends) == 0 {
		return nil
	}
	last := b.first + hashindex.Seq(len(b.ends)) - 1
	full := len(b.raw) >= blockSize
	err := w.open[changes].Put(seqKey(last), b.value())
	*b = builder{} // bbolt refers to the bytes until the commit
	if full {
		b.raw = make([]byte, 0, blockSize+blockSize/8) // there will be more
	}
	return err
}

// record is a change's encoding in the file or the block under way: not to be kept or returned.
func (r *reader) record(seq hashindex.Seq) ([]byte, error) {
	if r.block.holds(seq) {
		return r.block.record(seq)
	}
	if !r.recent.holds(seq) {
		if r.history == nil {
			r.history = r.open[changes].Cursor()
		}
		last, raw := r.history.Seek(seqKey(seq))
		b, err := blockOf(last, raw)
		if err == nil && !b.holds(seq) {
			err = damaged("the next is %d", b.first)
		}
		if err != nil {
			return nil, fmt.Errorf("change %d is missing: %w", seq, err)
		}
		r.recent = b
	}
	return r.recent.record(seq)
}

// change reads one entry of the history, without its digest.
func (r *reader) change(seq hashindex.Seq) (hashindex.Change, error) {
	raw, err := r.record(seq)
	if err != nil {
		return hashindex.Change{}, err
	}
	c, err := record.Decode(raw)
	if err == nil && c.Seq != seq {
		err = damaged("says that it is %d", c.Seq)
	}
	if err != nil {
		return hashindex.Change{}, fmt.Errorf("change %d: %w", seq, err)
	}
	return c, nil
}
