package record

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"time"

	"touchstone/hashindex"
)

// Append appends the change's encoding to dst. ErrInvalid names a field that the encoding cannot
// hold; whether the values make sense is the business of others. Digest is not part of it.
func Append(dst []byte, c hashindex.Change) ([]byte, error) { return encode(dst, &c) }

// encode reads the change, which is large, where it lies.
func encode(dst []byte, c *hashindex.Change) ([]byte, error) {
	if c.Seq < 1 || c.Seq > maxSeq {
		return nil, unwritable("seq", c.Seq)
	}
	e := encoder{version: versionOf(c)}
	e.out = append(dst, e.version)
	e.uvarint(uint64(c.Seq))
	e.out = append(e.out, c.Prev[:]...)
	e.time("time", c.Time)
	e.text(c.Actor)
	e.out = append(e.out, byte(c.Kind))
	switch {
	case c.Kind.OfCollection():
		e.collection(&c.Collection)
	case c.Kind.OfReference():
		e.reference(c)
	case c.Kind == hashindex.Noted:
		e.note(c.Note)
	default:
		e.refuse("kind", uint8(c.Kind))
	}
	return e.out, e.err
}

// An encoder keeps the first error, so that the layout reads as a list of fields.
type encoder struct {
	version byte
	out     []byte
	err     error
}

func (e *encoder) collection(c *hashindex.Collection) {
	e.uvarint(uint64(c.ID))
	e.text(c.Name)
	e.text(string(c.Purpose))
	e.number("policy.radius", c.Policy.Radius)
	e.number("policy.copy_radius", c.Policy.CopyRadius)
	e.number("policy.radius64", c.Policy.Radius64)
	if e.version >= 2 {
		e.partial(c.Policy.Partial)
	}
}

func (e *encoder) partial(p hashindex.PartialPolicy) {
	enabled := byte(0)
	if p.Enabled {
		enabled = partialOn
	}
	if !covers(p.MinCoverage) {
		e.refuse("policy.partial.min_coverage", p.MinCoverage)
	}
	e.out = append(e.out, enabled)
	e.out = binary.BigEndian.AppendUint64(e.out, math.Float64bits(p.MinCoverage))
}

// covers reports whether it is a share of something, and one that has a single encoding.
func covers(share float64) bool { return share >= 0 && share <= 1 && !math.Signbit(share) }

func (e *encoder) reference(c *hashindex.Change) {
	r := &c.Reference
	if r.ID < 1 || uint64(r.ID) > uint64(c.Seq) {
		e.refuse("id", r.ID)
	}
	e.uvarint(uint64(c.Seq) - uint64(r.ID))
	e.uvarint(uint64(r.Collection))
	e.text(r.ExternalID)
	e.text(r.Note)
	e.meta(r.Meta)
	e.sinceChange(r.Added, c.Time)
	e.time("disabled_until", r.DisabledUntil)
	e.content(r.Content)
	e.text(r.Format)
	e.number("width", r.Width)
	e.number("height", r.Height)
	e.frames(r.Frames)
}

func (e *encoder) note(n hashindex.Note) {
	e.text(n.Topic)
	e.text(n.Subject)
	e.text(string(n.Body))
}

// meta is written in the order of its keys: a map has none, and the bytes must have one.
func (e *encoder) meta(meta map[string]string) {
	keys := make([]string, 0, 16)
	for key := range meta {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	e.uvarint(uint64(len(keys)))
	for _, key := range keys {
		e.text(key)
		e.text(meta[key])
	}
}

// sinceChange writes a time near that of the change in a byte or a few.
func (e *encoder) sinceChange(t, change time.Time) {
	at, ok := micros(t)
	if !ok {
		e.refuse("added", t)
	}
	from, _ := micros(change)
	e.out = binary.AppendVarint(e.out, int64(at-from))
}

func (e *encoder) content(d hashindex.Digest) {
	if d.IsZero() {
		e.out = append(e.out, 0)
		return
	}
	e.out = append(e.out, 1)
	e.out = append(e.out, d[:]...)
}

// frames writes each recipe once, in the order of first use; all frames share one as a rule.
func (e *encoder) frames(frames []hashindex.StoredFrame) {
	if len(frames) > hashindex.MaxFrames {
		e.refuse("frames", len(frames))
		return
	}
	recipes := make([]hashindex.Recipe, 0, 4)
	for i := range frames {
		if recipe := frames[i].Recipe; !slices.Contains(recipes, recipe) {
			recipes = append(recipes, recipe)
		}
	}
	e.uvarint(uint64(len(recipes)))
	for _, recipe := range recipes {
		e.text(string(recipe))
	}
	e.uvarint(uint64(len(frames)))
	for i := range frames {
		e.frame(&frames[i], recipes)
	}
}

func (e *encoder) frame(f *hashindex.StoredFrame, recipes []hashindex.Recipe) {
	if f.At < 0 {
		e.refuse("at", f.At)
	}
	if f.Quality < hashindex.QualityUnknown || f.Quality > 100 {
		e.refuse("quality", f.Quality)
	}
	e.uvarint(uint64(f.At))
	if len(recipes) > 1 {
		e.uvarint(uint64(slices.Index(recipes, f.Recipe)))
	}
	e.out = append(e.out, byte(f.Quality+1), 0)
	mask := len(e.out) - 1
	for a := range f.Hashes {
		h := &f.Hashes[a]
		if h.IsZero() {
			continue
		}
		if h.Bits() != hashindex.Algorithm(a).Bits() {
			e.refuse("hashes", h.Bits())
		}
		e.out[mask] |= 1 << a
		e.out = h.AppendBytes(e.out)
	}
	if hasFeatures(f) {
		e.out[mask] |= withFeatures
		e.out = append(e.out, f.Features[:]...)
	}
}

func (e *encoder) time(field string, t time.Time) {
	at, ok := micros(t)
	if !ok {
		e.refuse(field, t)
	}
	e.uvarint(at)
}

// micros counts from the zero time; false for a time outside the years 1 to 9999.
func micros(t time.Time) (uint64, bool) {
	if seconds := t.Unix(); seconds < zeroMicros/1e6 || seconds > lastSecond {
		return 0, false
	}
	return uint64(t.UnixMicro() - zeroMicros), true
}

func (e *encoder) number(field string, n int) {
	if n < 0 || n > maxNumber {
		e.refuse(field, n)
	}
	e.uvarint(uint64(n))
}

func (e *encoder) text(s string) {
	e.uvarint(uint64(len(s)))
	e.out = append(e.out, s...)
}

func (e *encoder) uvarint(n uint64) { e.out = binary.AppendUvarint(e.out, n) }

func (e *encoder) refuse(field string, value any) {
	if e.err == nil {
		e.err = unwritable(field, value)
	}
}

func unwritable(field string, value any) error {
	return &hashindex.InputError{Field: field, Reason: fmt.Sprintf("%v cannot be stored", value)}
}
