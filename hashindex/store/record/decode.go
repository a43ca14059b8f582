package record

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"

	"touchstone/hashindex"
)

// Decode reads one record and keeps no part of it. It trusts nothing: ErrDamaged for bytes that
// Append does not write, ErrNewer for a version that it does not know. The change's Digest is left
// zero: it costs a SHA-256 that most readers do not need.
func Decode(raw []byte) (hashindex.Change, error) {
	d := decoder{rest: raw}
	c := d.change()
	if d.err == nil && len(d.rest) > 0 {
		d.fail("%d bytes too many", len(d.rest))
	}
	if oldest := versionOf(&c); d.err == nil && d.version != oldest {
		d.fail("version %d, where %d would do", d.version, oldest)
	}
	if d.err != nil {
		return hashindex.Change{}, d.err
	}
	return c, nil
}

// A decoder keeps the first error and answers zeros after it.
type decoder struct {
	version byte
	rest    []byte
	err     error
}

func (d *decoder) change() hashindex.Change {
	d.readVersion()
	c := hashindex.Change{Seq: hashindex.Seq(d.uvarint(1, maxSeq)), Prev: d.digest(), Time: d.time()}
	c.Actor = d.text()
	switch c.Kind = d.kind(); {
	case d.err != nil:
	case c.Kind.OfCollection():
		c.Collection = d.collection()
	case c.Kind.OfReference():
		c.Reference = d.reference(c)
	default:
		c.Note = hashindex.Note{Topic: d.text(), Subject: d.text(), Body: []byte(d.text())}
	}
	return c
}

func (d *decoder) readVersion() {
	d.version = d.byte()
	if d.version > Version {
		d.err = fmt.Errorf("record version %d: %w", d.version, hashindex.ErrNewer)
	} else if d.version < 1 {
		d.fail("version %d", d.version)
	}
}

func (d *decoder) kind() hashindex.ChangeKind {
	kind := hashindex.ChangeKind(d.byte())
	if kind < hashindex.CollectionCreated || kind > hashindex.Noted {
		d.fail("kind %d", kind)
	}
	return kind
}

// id counts back from the change's own number.
func (d *decoder) id(seq hashindex.Seq) hashindex.ReferenceID {
	return hashindex.ReferenceID(uint64(seq) - d.uvarint(0, max(uint64(seq), 1)-1))
}

func (d *decoder) collection() hashindex.Collection {
	return hashindex.Collection{
		ID:      hashindex.CollectionID(d.uvarint(0, 1<<32-1)),
		Name:    d.text(),
		Purpose: hashindex.Purpose(d.text()),
		Policy: hashindex.Policy{
			Radius:     int(d.uvarint(0, maxNumber)),
			CopyRadius: int(d.uvarint(0, maxNumber)),
			Radius64:   int(d.uvarint(0, maxNumber)),
			Partial:    d.partial(),
		},
	}
}

func (d *decoder) partial() hashindex.PartialPolicy {
	if d.version < 2 {
		return partialOf1
	}
	p := hashindex.PartialPolicy{Enabled: d.byteAtMost(partialOn) == partialOn}
	if raw := d.take(8); raw != nil {
		p.MinCoverage = math.Float64frombits(binary.BigEndian.Uint64(raw))
	}
	if !covers(p.MinCoverage) {
		d.fail("a share of %v", p.MinCoverage)
	}
	return p
}

func (d *decoder) reference(c hashindex.Change) hashindex.Reference {
	r := hashindex.Reference{
		ID:            d.id(c.Seq),
		Collection:    hashindex.CollectionID(d.uvarint(0, 1<<32-1)),
		ExternalID:    d.text(),
		Note:          d.text(),
		Meta:          d.meta(),
		Added:         d.sinceChange(c.Time),
		DisabledUntil: d.time(),
	}
	if d.byteAtMost(1) == 1 {
		r.Content = d.digest()
		if r.Content.IsZero() {
			d.fail("a content digest of zeros")
		}
	}
	r.Format = d.text()
	r.Width = int(d.uvarint(0, maxNumber))
	r.Height = int(d.uvarint(0, maxNumber))
	r.Frames = d.frames()
	return r
}

// meta demands ascending keys: any other order would be a second encoding of one change.
func (d *decoder) meta() map[string]string {
	n := d.count(2)
	if n == 0 {
		return nil
	}
	meta := make(map[string]string, n)
	last := ""
	for i := range n {
		key := d.text()
		if i > 0 && key <= last {
			d.fail("meta keys out of order")
			return nil
		}
		meta[key], last = d.text(), key
	}
	return meta
}

func (d *decoder) frames() []hashindex.StoredFrame {
	recipes := make([]hashindex.Recipe, d.count(1))
	for i := range recipes {
		recipes[i] = hashindex.Recipe(d.text())
		for _, before := range recipes[:i] {
			if recipes[i] == before {
				d.fail("recipe %d is there twice", i)
				return nil
			}
		}
	}
	n := d.count(3)
	if n > hashindex.MaxFrames || n < len(recipes) || n > 0 && len(recipes) == 0 {
		d.fail("%d frames of %d recipes", n, len(recipes))
	}
	if n == 0 || d.err != nil {
		return nil
	}
	frames := make([]hashindex.StoredFrame, n)
	used := 0
	for i := range frames {
		which := 0
		frames[i], which = d.frame(recipes, used)
		used = max(used, which+1)
	}
	if used != len(recipes) {
		d.fail("%d recipes, %d of them used", len(recipes), used)
	}
	return frames
}

// frame reads one frame and the place of its recipe, which is one of those used before or the next.
func (d *decoder) frame(recipes []hashindex.Recipe, used int) (hashindex.StoredFrame, int) {
	f := hashindex.StoredFrame{At: time.Duration(d.uvarint(0, 1<<63-1))}
	recipe := 0
	if len(recipes) > 1 {
		recipe = int(d.uvarint(0, uint64(min(used, len(recipes)-1))))
	}
	f.Recipe = recipes[recipe]
	f.Quality = int(d.byteAtMost(101)) - 1
	mask := d.mask()
	for a := range f.Hashes {
		if mask&(1<<a) != 0 {
			f.Hashes[a] = d.hash(hashindex.Algorithm(a))
		}
	}
	if mask&withFeatures != 0 {
		if f.Features = d.digest(); f.Features.IsZero() {
			d.fail("a features digest of zeros")
		}
	}
	return f, recipe
}

// mask says which hashes a frame has, and whether features.
func (d *decoder) mask() byte {
	if d.version < 2 {
		return d.byteAtMost(allHashes)
	}
	return d.byteAtMost(allHashes | withFeatures)
}

func (d *decoder) hash(a hashindex.Algorithm) hashindex.Hash {
	raw := d.take(a.Bits() / 8)
	if raw == nil {
		return hashindex.Hash{}
	}
	h, err := hashindex.HashFromBytes(raw)
	if err != nil {
		d.fail("%v", err)
	}
	return h
}

func (d *decoder) time() time.Time { return fromMicros(d.uvarint(0, maxMicros)) }

func (d *decoder) sinceChange(change time.Time) time.Time {
	delta, size := binary.Varint(d.rest)
	if !d.skipVarint(size) {
		return time.Time{}
	}
	from, _ := micros(change)
	at := from + uint64(delta)
	if at > maxMicros {
		d.fail("a time outside the years 1 to 9999")
		return time.Time{}
	}
	return fromMicros(at)
}

func fromMicros(at uint64) time.Time { return time.UnixMicro(int64(at) + zeroMicros).UTC() }

func (d *decoder) digest() (digest hashindex.Digest) {
	copy(digest[:], d.take(len(digest)))
	return digest
}

func (d *decoder) text() string { return string(d.take(d.count(1))) }

// count reads how many items follow, each of at least size bytes: a length that the rest cannot
// hold is refused before anything is allocated for it.
func (d *decoder) count(size int) int {
	return int(d.uvarint(0, uint64(len(d.rest)/size)))
}

func (d *decoder) uvarint(least, most uint64) uint64 {
	n, size := binary.Uvarint(d.rest)
	if !d.skipVarint(size) {
		return 0
	}
	if n < least || n > most {
		d.fail("%d is not within %d..%d", n, least, most)
		return 0
	}
	return n
}

// skipVarint refuses a varint that ends too early, or in a zero byte: it has a shorter form.
func (d *decoder) skipVarint(size int) bool {
	if d.err != nil {
		return false
	}
	if size <= 0 || size > 1 && d.rest[size-1] == 0 {
		d.fail("a broken number")
		return false
	}
	d.rest = d.rest[size:]
	return true
}

func (d *decoder) byteAtMost(most byte) byte {
	b := d.byte()
	if b > most {
		d.fail("%d is more than %d", b, most)
		return 0
	}
	return b
}

func (d *decoder) byte() byte {
	raw := d.take(1)
	if raw == nil {
		return 0
	}
	return raw[0]
}

// take is the next n bytes, or nil after an error.
func (d *decoder) take(n int) []byte {
	if d.err == nil && n > len(d.rest) {
		d.fail("ends %d bytes early", n-len(d.rest))
	}
	if d.err != nil {
		return nil
	}
	taken := d.rest[:n:n]
	d.rest = d.rest[n:]
	return taken
}

func (d *decoder) fail(format string, args ...any) {
	if d.err == nil {
		d.err = fmt.Errorf("record: %s: %w", fmt.Sprintf(format, args...), hashindex.ErrDamaged)
	}
}
