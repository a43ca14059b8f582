package bolt

import (
	"encoding/binary"
	"hash/crc32"

	"go.etcd.io/bbolt"

	"touchstone/hashindex"
)

const (
	chunkSize = 1 << 20 // bytes of a snapshot under one key
	chunkRun  = 8       // chunks written in one transaction: what an Update may have to wait for
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
		p.generation, err = tx.Bucket([]byte(chunks.String())).NextSequence()
		return err
	})
	if err != nil {
		return err
	}
	const run = chunkRun * chunkSize
	for from := 0; from < len(state); from += run {
		some := state[from:min(from+run, len(state))]
		if err := s.write(func(tx *bbolt.Tx) error { return putChunks(tx, p, from/chunkSize, some) }); err != nil {
			return err
		}
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
	b := tx.Bucket([]byte(chunks.String()))
	b.FillPercent = 1
	for n := first; len(state) > 0; n++ {
		size := min(chunkSize, len(state))
		if err := b.Put(chunkKey(p.generation, n), state[:size]); err != nil {
			return err
		}
		state = state[size:]
	}
	return nil
}

// sweep deletes the chunks that no snapshot names.
func sweep(tx *bbolt.Tx) error {
	named := map[uint64]bool{}
	err := tx.Bucket([]byte(snapshots.String())).ForEach(func(name, sealed []byte) error {
		p, err := parsePlaced(name, sealed)
		named[p.generation] = true
		return err
	})
	if err != nil {
		return err
	}
	b := tx.Bucket([]byte(chunks.String()))
	var litter [][]byte
	err = b.ForEach(func(key, _ []byte) error {
		if len(key) != 12 || !named[binary.BigEndian.Uint64(key)] {
			litter = append(litter, append([]byte(nil), key...))
		}
		return nil
	})
	for _, key := range litter {
		if err == nil {
			err = b.Delete(key)
		}
	}
	return err
}

// write runs our own code in a transaction.
func (s *Store) write(do func(*bbolt.Tx) error) error {
	if err := s.writable(); err != nil {
		return err
	}
	_, err := guarded(func() (any, error) { return nil, s.db.Update(do) })
	return translate(err)
}

// LoadSnapshot implements hashindex.Snapshots.
func (s *Store) LoadSnapshot(name string) (hashindex.Seq, []byte, error) {
	var p placed
	state, err := guarded(func() (state []byte, err error) {
		err = s.db.View(func(tx *bbolt.Tx) error {
			p, state, err = loadSnapshot(tx, name)
			return err
		})
		return state, err
	})
	if err != nil {
		return 0, nil, translate(err)
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
	b := tx.Bucket([]byte(chunks.String()))
	for n := 0; uint64(len(state)) < p.size; n++ {
		chunk := b.Get(chunkKey(p.generation, n))
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
