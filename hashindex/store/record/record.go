// Package record writes a change as bytes and reads it back: the one encoding that every store
// keeps, hashes and sends, so that two stores with the same history have the same digests.
//
// The encoding is canonical: one change has one encoding, and bytes that Decode accepts are the
// ones that Append writes for what they mean. The digest of a change is the SHA-256 of its bytes,
// which hold the digest of the change before. The bytes are described in ../bolt/FORMAT.md.
package record

import (
	"slices"
	"time"

	"touchstone/hashindex"
)

// Version is the highest first byte of a record. A change that an older version can hold is written
// in that, so that it has one encoding whoever writes it.
//
//	1  the first
//	2  a collection's policy on tier partial; the digests of a frame's features
//	3  notes
const Version = 3

// partialOf1 is the policy on tier partial that a collection in a record of version 1 stands for.
// It can never change; the default for new collections can.
var partialOf1 = hashindex.PartialPolicy{Enabled: true, MinCoverage: 0.1}

// versionOf is the oldest version that can hold the change.
func versionOf(c *hashindex.Change) byte {
	if c.Kind == hashindex.Noted {
		return 3
	}
	if c.Kind.OfCollection() && c.Collection.Policy.Partial != partialOf1 {
		return 2
	}
	if !c.Kind.OfReference() {
		return 1
	}
	for i := range c.Reference.Frames {
		if hasFeatures(&c.Reference.Frames[i]) {
			return 2
		}
	}
	return 1
}

func hasFeatures(f *hashindex.StoredFrame) bool { return !f.Features.IsZero() }

// A time is written as microseconds since the zero time.Time, so that "none" is one zero byte.
var (
	zeroMicros = time.Time{}.UnixMicro()
	lastSecond = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC).Unix()
	maxMicros  = uint64(lastSecond*1e6 + 999_999 - zeroMicros)
)

const (
	maxNumber = 1<<31 - 1 // of a width, a height, a radius
	maxSeq    = 1<<63 - 1

	allHashes    = 1<<hashindex.AlgorithmCount - 1 // the mask of a frame that has every hash
	withFeatures = 1 << hashindex.AlgorithmCount   // the next bit: a digest of features follows the hashes
	partialOn    = 1                               // the byte before the minimum coverage
)

// Seal is what every store does to a change that it admits: it numbers it, chains it to the digest
// of the change before, cuts times to the microsecond and encodes it. For ReferenceAdded the
// reference's id becomes the Seq, and its frames get the digests of their features. The bytes are
// appended to dst, which may be nil. After an error the change is of no use.
func Seal(dst []byte, c *hashindex.Change, seq hashindex.Seq, prev hashindex.Digest) ([]byte, error) {
	c.Seq, c.Prev = seq, prev
	c.Time = toMicros(c.Time)
	strip(c)
	c.Reference.Added = toMicros(c.Reference.Added)
	c.Reference.DisabledUntil = toMicros(c.Reference.DisabledUntil)
	if c.Kind == hashindex.ReferenceAdded {
		c.Reference.ID = hashindex.ReferenceID(seq)
		c.Reference.Frames = digested(c.Reference.Frames, c.Features)
	}
	before := len(dst)
	dst, err := encode(dst, c)
	if err != nil {
		return nil, err
	}
	c.Digest = hashindex.DigestOf(dst[before:])
	return dst, nil
}

// strip leaves the change nothing but what its kind carries.
func strip(c *hashindex.Change) {
	if !c.Kind.OfCollection() {
		c.Collection = hashindex.Collection{}
	}
	if !c.Kind.OfReference() {
		c.Reference = hashindex.Reference{}
	}
	if c.Kind != hashindex.Noted {
		c.Note = hashindex.Note{}
	}
}

// digested are the frames with the digests of these features; the caller's stay as they are.
func digested(frames []hashindex.StoredFrame, features [][]byte) []hashindex.StoredFrame {
	if len(features) == 0 {
		return frames
	}
	frames = slices.Clone(frames)
	for i, encoded := range features {
		if len(encoded) > 0 {
			frames[i].Features = hashindex.DigestOf(encoded)
		}
	}
	return frames
}

func toMicros(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }
