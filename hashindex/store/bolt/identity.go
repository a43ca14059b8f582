package bolt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"go.etcd.io/bbolt"

	"touchstone/hashindex"
)

// Format is the version of the file's layout: whether this binary can read it. Whether its
// fingerprints are comparable is another question, which the recipe of each frame answers.
//
//	1  the first
//	2  features of frames; records of version 2; searchers are kept as runs of pages, not as snapshots
//	3  rows; records of version 3
const Format = 3

// magic marks a bbolt file as ours.
const magic = "touchstone store"

var identityKey = []byte("identity")

// identity is the value of FORMAT.md that keeps its layout in every format, so that an old binary
// can tell a newer file from a foreign or a damaged one.
type identity struct {
	format  uint32
	created time.Time
}

func (i identity) append(dst []byte) []byte {
	dst = append(dst, magic...)
	dst = binary.BigEndian.AppendUint32(dst, i.format)
	return binary.BigEndian.AppendUint64(dst, uint64(i.created.UnixMicro()))
}

const identitySize = len(magic) + 4 + 8

func parseIdentity(sealed []byte) (identity, error) {
	if len(sealed) < len(magic) || string(sealed[:len(magic)]) != magic {
		return identity{}, hashindex.ErrNotOurs
	}
	value, err := checked(meta, identityKey, sealed)
	if err != nil {
		return identity{}, err
	}
	if len(value) != identitySize {
		return identity{}, damaged("identity: %d bytes", len(value))
	}
	value = value[len(magic):]
	i := identity{
		format:  binary.BigEndian.Uint32(value),
		created: time.UnixMicro(int64(binary.BigEndian.Uint64(value[4:]))).UTC(),
	}
	if i.format > Format {
		return i, fmt.Errorf("format %d, this binary reads up to %d: %w", i.format, Format, hashindex.ErrNewer)
	}
	if i.format < 1 {
		return i, damaged("format %d", i.format)
	}
	return i, nil
}

// upgrade brings a store of an older format to this one, in one transaction. What each format has
// added is empty at first.
func upgrade(db *bbolt.DB, i identity) (identity, error) {
	from := i.format
	i.format = Format
	_, err := guarded(func() (any, error) {
		return nil, db.Update(func(tx *bbolt.Tx) error {
			for b, name := range bucketNames {
				if since[b] == 0 {
					continue
				}
				if _, err := tx.CreateBucketIfNotExists([]byte(name)); err != nil {
					return err
				}
			}
			if from < 2 {
				if err := dropSearchers(tx); err != nil {
					return err
				}
			}
			return tx.Bucket([]byte(meta.String())).Put(identityKey, appendChecksum(identityKey, i.append(nil)))
		})
	})
	return i, err
}

// dropSearchers deletes the snapshots that searchers saved before format 2, named SPACE@RECIPE/SEARCHER:
// nothing loads them any more.
func dropSearchers(tx *bbolt.Tx) error {
	b := tx.Bucket([]byte(snapshots.String()))
	var names [][]byte
	err := b.ForEach(func(name, _ []byte) error {
		if bytes.IndexByte(name, '@') >= 0 {
			names = append(names, slices.Clone(name))
		}
		return nil
	})
	for _, name := range names {
		err = errors.Join(err, b.Delete(name))
	}
	if len(names) == 0 || err != nil {
		return err
	}
	return sweep(tx)
}

func readIdentity(db *bbolt.DB) (identity, error) {
	return guarded(func() (i identity, err error) {
		err = db.View(func(tx *bbolt.Tx) error {
			b := tx.Bucket([]byte(meta.String()))
			if b == nil {
				return hashindex.ErrNotOurs
			}
			i, err = parseIdentity(b.Get(identityKey))
			return err
		})
		return i, err
	})
}

// bbolt's mark is in each of its first two pages, whose size is the machine's that made the file.
const (
	bboltMark       = 0xED0CDAED
	bboltMarkOffset = 16
	smallestFile    = 8 << 10 // of two pages; bbolt has an error of its own for less
)

// recognise looks at the file before bbolt does, which would take an empty file for a new one and
// has one error for a foreign file and for a damaged one.
func recognise(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("not a file: %w", hashindex.ErrNotOurs)
	}
	if info.Size() == 0 {
		return fmt.Errorf("empty: %w", hashindex.ErrNotOurs)
	}
	for offset := int64(0); offset <= 64<<10; offset = max(2*offset, 1<<10) {
		marked, err := hasMark(file, offset+bboltMarkOffset)
		if err != nil {
			return err
		}
		if marked && info.Size() < smallestFile {
			return damaged("cut to %d bytes", info.Size())
		}
		if marked {
			return nil
		}
	}
	return fmt.Errorf("not a bbolt file: %w", hashindex.ErrNotOurs)
}

func hasMark(file io.ReaderAt, offset int64) (bool, error) {
	var raw [4]byte
	if _, err := file.ReadAt(raw[:], offset); errors.Is(err, io.EOF) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	return binary.NativeEndian.Uint32(raw[:]) == bboltMark, nil
}
