package bolt

import (
	"fmt"

	"touchstone/hashindex"
	"touchstone/hashindex/store/record"
)

// Label implements hashindex.Reader.
func (r *reader) Label(f hashindex.FrameID, a hashindex.Algorithm) (hashindex.Label, error) {
	return guarded(func() (hashindex.Label, error) { return r.label(f, a) })
}

// label goes the way of reference, without decoding what a label does not say.
func (r *reader) label(f hashindex.FrameID, a hashindex.Algorithm) (hashindex.Label, error) {
	id := f.Reference()
	if id == 0 || hashindex.Seq(id) > r.head {
		return hashindex.Label{}, notFound("reference", id)
	}
	now, err := r.outline(hashindex.Seq(id), f.Index(), a)
	if err != nil {
		return hashindex.Label{}, err
	}
	if now.Kind != hashindex.ReferenceAdded {
		return hashindex.Label{}, notFound("reference", id)
	}
	member, err := r.isMember(now.Collection, id)
	if err == nil && !member {
		err = notFound("reference", id)
	}
	if raw := r.open[changed].Get(idKey(id)); err == nil && raw != nil {
		now, err = r.outlineAfter(now, raw, f, a)
	}
	if err == nil && !now.Frame {
		err = notFound("frame", f)
	}
	if err != nil {
		return hashindex.Label{}, err
	}
	return now.Label, nil
}

// outlineAfter is the outline after the last change to the reference.
func (r *reader) outlineAfter(before record.Outline, rawSeq []byte, f hashindex.FrameID, a hashindex.Algorithm) (record.Outline, error) {
	seq, err := describedAt(f.Reference(), rawSeq)
	if err != nil {
		return record.Outline{}, err
	}
	now, err := r.outline(seq, f.Index(), a)
	if err == nil && (now.Kind != hashindex.ReferenceChanged || now.ID != f.Reference() || now.Collection != before.Collection) {
		err = damaged("reference %d: change %d is not about it", f.Reference(), seq)
	}
	return now, err
}

// outline reads of one entry of the history what a label takes.
func (r *reader) outline(seq hashindex.Seq, frame int, a hashindex.Algorithm) (record.Outline, error) {
	raw, err := r.record(seq)
	if err != nil {
		return record.Outline{}, err
	}
	o, err := record.DecodeOutline(raw, frame, a)
	if err == nil && o.Seq != seq {
		err = damaged("says that it is %d", o.Seq)
	}
	if err != nil {
		return record.Outline{}, fmt.Errorf("change %d: %w", seq, err)
	}
	return o, nil
}
