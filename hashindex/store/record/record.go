// Package record writes a change as bytes and reads it back: the one encoding that every store
// keeps, hashes and sends, so that two stores with the same history have the same digests.
//
// The encoding is canonical: one change has one encoding, and bytes that Decode accepts are the
// ones that Append writes for what they mean. The digest of a change is the SHA-256 of its bytes,
// which hold the digest of the change before. The bytes are described in ../bolt/FORMAT.md.
package record

import (
	"time"

	"touchstone/hashindex"
)

// Version is the first byte of each record.
//
//	1  the first
const Version = 1

// A time is written as microseconds since the zero time.Time, so that "none" is one zero byte.
var (
	zeroMicros = time.Time{}.UnixMicro()
	maxMicros  = uint64(time.Date(9999, 12, 31, 23, 59, 59, 999_999_000, time.UTC).UnixMicro() - zeroMicros)
)

const (
	maxNumber = 1<<31 - 1 // of a width, a height, a radius
	maxSeq    = 1<<63 - 1

	allHashes = 1<<hashindex.AlgorithmCount - 1 // the mask of a frame that has every hash
)

// Seal is what every store does to a change that it admits: it numbers it, chains it to the digest
// of the change before, cuts times to the microsecond and encodes it. For ReferenceAdded the
// reference's id becomes the Seq. The bytes are appended to dst, which may be nil.
func Seal(dst []byte, c hashindex.Change, seq hashindex.Seq, prev hashindex.Digest) (hashindex.Change, []byte, error) {
	c.Seq, c.Prev = seq, prev
	c.Time = toMicros(c.Time)
	if c.Kind.OfCollection() {
		c.Reference = hashindex.Reference{}
	} else {
		c.Collection = hashindex.Collection{}
		c.Reference.Added = toMicros(c.Reference.Added)
		c.Reference.DisabledUntil = toMicros(c.Reference.DisabledUntil)
	}
	if c.Kind == hashindex.ReferenceAdded {
		c.Reference.ID = hashindex.ReferenceID(seq)
	}
	before := len(dst)
	dst, err := Append(dst, c)
	if err != nil {
		return hashindex.Change{}, nil, err
	}
	c.Digest = hashindex.DigestOf(dst[before:])
	return c, dst, nil
}

func toMicros(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }
