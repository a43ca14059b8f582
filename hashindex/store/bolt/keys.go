package bolt

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"touchstone/hashindex"
)

// The buckets of FORMAT.md. Their numbers index reader.open only; the names are on disk.
type bucket int

const (
	meta        bucket = iota // identity, head
	changes                   // Seq of the last -> a block of records
	members                   // collection, last reference of a span -> its first
	changed                   // reference -> Seq of the change that describes it now
	hints                     // number -> a bucket with a run: which references may have a name or a content
	collections               // collection -> Seq of the change that describes it, count
	names                     // collection name -> collection
	snapshots                 // name -> where its chunks are
	chunks                    // generation -> a bucket: number -> bytes
	features                  // frame -> its encoded features
	runs                      // name, 0, Seq -> a run of pages about the changes after it
	pages                     // run -> a bucket: number -> page
	rows                      // table -> a bucket: key -> value
	bucketCount
)

var bucketNames = [bucketCount]string{
	"meta", "changes", "members", "changed", "hints", "collections", "names", "snapshots", "chunks", "features",
	"runs", "pages", "rows",
}

// since is the format that brought the bucket, where that is not the first.
var since = [bucketCount]uint32{features: 2, runs: 2, pages: 2, rows: 3}

// appendOnly buckets grow at their end: pages are filled to the brim, for no key will come between.
// With bbolt's default the file would be twice as large and written at 0.7 of the speed.
var appendOnly = [bucketCount]bool{changes: true, features: true}

func (b bucket) String() string { return bucketNames[b] }

// Numbers in keys are big-endian, so that the order of keys is that of the numbers.

func seqKey(seq hashindex.Seq) []byte { return binary.BigEndian.AppendUint64(nil, uint64(seq)) }

func collectionKey(c hashindex.CollectionID) []byte {
	return binary.BigEndian.AppendUint32(nil, uint32(c))
}

func idKey(id hashindex.ReferenceID) []byte { return binary.BigEndian.AppendUint64(nil, uint64(id)) }

func frameKey(f hashindex.FrameID) []byte { return binary.BigEndian.AppendUint64(nil, uint64(f)) }

func memberKey(c hashindex.CollectionID, id hashindex.ReferenceID) []byte {
	key := make([]byte, 0, 12)
	key = binary.BigEndian.AppendUint32(key, uint32(c))
	return binary.BigEndian.AppendUint64(key, uint64(id))
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

const checksumSize = 4

// appendChecksum closes a value with the CRC-32C of its key and itself, so that neither a flipped
// bit nor a value under another's key is believed.
func appendChecksum(key, value []byte) []byte {
	return binary.BigEndian.AppendUint32(value, checksum(key, value))
}

// checked is the value without its checksum; ErrDamaged when that is wrong.
func checked(b bucket, key, sealed []byte) ([]byte, error) {
	if len(sealed) < checksumSize {
		return nil, damaged("%v %x: %d bytes", b, key, len(sealed))
	}
	value := sealed[: len(sealed)-checksumSize : len(sealed)-checksumSize]
	if binary.BigEndian.Uint32(sealed[len(value):]) != checksum(key, value) {
		return nil, damaged("%v %x: wrong checksum", b, key)
	}
	return value, nil
}

func checksum(key, value []byte) uint32 {
	return crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, value)
}

func damaged(format string, args ...any) error {
	return fmt.Errorf(format+": %w", append(args, hashindex.ErrDamaged)...)
}
