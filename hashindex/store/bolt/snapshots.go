package bolt

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"slices"

	"go.etcd.io/bbolt"

	"touchstone/hashindex"
)

const (
	chunkSize = 64 << 10 // bytes of a snapshot under one key: a freed page run of this size finds use
	saveRun   = 8 << 20  // bytes written in one transaction: what an Update may have to wait for
)

// placed says where a snapshot's chunks are and what they must add up to.
type placed struct {
	generation uint64
	seq        hashindex.Seq
	size       uint64
	checksum   uint32
}

func (p placed) value() []byte {
	raw := binary.BigEndian.AppendUint64(nil, p.generation)
	raw = binary.BigEndian.AppendUint64(raw, uint64(p.seq))
	raw = binary.BigEndian.AppendUint64(raw, p.size)
	return binary.BigEndian.AppendUint32(raw, p.checksum)
}

// key is the generation's, in the bucket of chunks.
func (p placed) key() []byte { return binary.BigEndian.AppendUint64(nil, p.generation) }

func chunkKey(n int) []byte { return binary.BigEndian.AppendUint32(nil, uint32(n)) }

func parsePlaced(name, sealed []byte) (placed, error) {
	raw, err := checked(snapshots, name, sealed)
	if err == nil && len(raw) != 28 {
		err = damaged("snapshot %q: %d bytes", name, len(raw))
	}
	if err != nil {
		return placed{}, err
	}
	return placed{
		generation: binary.BigEndian.Uint64(raw),
		seq:        hashindex.Seq(binary.BigEndian.Uint64(raw[8:])),
		size:       binary.BigEndian.Uint64(raw[16:]),
		checksum:   binary.BigEndian.Uint32(raw[24:]),
	}, nil
}

// SaveSnapshot implements hashindex.Snapshots. The chunks are written under a new generation in
// short transactions, so that no Update waits long, and the last one turns the name to them. A
// crash before that leaves litter, which the next save sweeps up.
func (s *Store) SaveSnapshot(name string, seq hashindex.Seq, state []byte) error {
	s.saving.Lock()
	defer s.saving.Unlock()
	p := placed{seq: seq, size: uint64(len(state)), checksum: crc32.Checksum(state, castagnoli)}
	err := s.write(func(tx *bbolt.Tx) (err error) {
		b := tx.Bucket([]byte(chunks.String()))
		if p.generation, err = b.NextSequence(); err != nil {
			return err
		}
		_, err = b.CreateBucket(p.key())
		return err
	})
	for from := 0; from < len(state) && err == nil; from += saveRun {
		err = s.write(func(tx *bbolt.Tx) error {
			return putChunks(tx, p, from/chunkSize, state[from:min(from+saveRun, len(state))])
		})
	}
	if err != nil {
		return err
	}
	return s.write(func(tx *bbolt.Tx) error {
		key := []byte(name)
		if err := tx.Bucket([]byte(snapshots.String())).Put(key, appendChecksum(key, p.value())); err != nil {
			return err
		}
		return sweep(tx)
	})
}

func putChunks(tx *bbolt.Tx, p placed, first int, state []byte) error {
	b := tx.Bucket([]byte(chunks.String())).Bucket(p.key())
	b.FillPercent = 1
	n := first
	for chunk := range slices.Chunk(state, chunkSize) {
		if err := b.Put(chunkKey(n), chunk); err != nil {
			return err
		}
		n++
	}
	return nil
}

// sweep deletes the generations that no snapshot names.
func sweep(tx *bbolt.Tx) error {
	named := map[string]bool{}
	err := tx.Bucket([]byte(snapshots.String())).ForEach(func(name, sealed []byte) error {
		p, err := parsePlaced(name, sealed)
		named[string(p.key())] = true
		return err
	})
	if err != nil {
		return err
	}
	b := tx.Bucket([]byte(chunks.String()))
	var litter [][]byte
	err = b.ForEachBucket(func(generation []byte) error {
		if !named[string(generation)] {
			litter = append(litter, slices.Clone(generation))
		}
		return nil
	})
	for _, generation := range litter {
		err = errors.Join(err, b.DeleteBucket(generation))
	}
	return err
}

// LoadSnapshot implements hashindex.Snapshots.
func (s *Store) LoadSnapshot(name string) (hashindex.Seq, []byte, error) {
	var p placed
	var state []byte
	err := s.view(func(_ *opened, tx *bbolt.Tx) (err error) {
		p, state, err = loadSnapshot(tx, name)
		return err
	})
	if err != nil {
		return 0, nil, err
	}
	return p.seq, state, nil
}

func loadSnapshot(tx *bbolt.Tx, name string) (placed, []byte, error) {
	sealed := tx.Bucket([]byte(snapshots.String())).Get([]byte(name))
	if sealed == nil {
		return placed{}, nil, notFound("snapshot", name)
	}
	p, err := parsePlaced([]byte(name), sealed)
	if err != nil {
		return p, nil, err
	}
	if p.size > uint64(tx.Size()) { // before allocating for it
		return p, nil, damaged("snapshot %q: %d bytes", name, p.size)
	}
	state := make([]byte, 0, p.size)
	b := tx.Bucket([]byte(chunks.String())).Bucket(p.key())
	if b == nil {
		return p, nil, damaged("snapshot %q: generation %d is missing", name, p.generation)
	}
	for n := 0; uint64(len(state)) < p.size; n++ {
		chunk := b.Get(chunkKey(n))
		if len(chunk) == 0 {
			return p, nil, damaged("snapshot %q: chunk %d is missing", name, n)
		}
		state = append(state, chunk...)
	}
	if uint64(len(state)) != p.size || crc32.Checksum(state, castagnoli) != p.checksum {
		return p, nil, damaged("snapshot %q: wrong checksum", name)
	}
	return p, state, nil
}
