package record

import "touchstone/hashindex"

// Outline is the part of a change of a reference that DecodeOutline reads.
type Outline struct {
	Seq   hashindex.Seq
	Kind  hashindex.ChangeKind
	ID    hashindex.ReferenceID
	Frame bool // the reference has the frame asked for
	hashindex.Label
}

// DecodeOutline reads as much of the record of a change of a reference as a Label takes: it keeps
// nothing else, builds no frames and stops at the frame it was asked for. Of any other change
// it reads the kind. What it reads it trusts no more than Decode.
func DecodeOutline(raw []byte, frame int, a hashindex.Algorithm) (Outline, error) {
	d := decoder{rest: raw}
	o := d.outline(frame, a)
	if d.err != nil {
		return Outline{}, d.err
	}
	return o, nil
}

func (d *decoder) outline(frame int, a hashindex.Algorithm) (o Outline) {
	d.readVersion()
	o.Seq = hashindex.Seq(d.uvarint(1, maxSeq))
	d.take(len(hashindex.Digest{}))
	d.uvarint(0, maxMicros)
	d.skipText() // the actor
	if o.Kind = d.kind(); !o.Kind.OfReference() {
		return o
	}
	o.ID = d.id(o.Seq)
	o.Collection = hashindex.CollectionID(d.uvarint(0, 1<<32-1))
	o.ExternalID = d.text()
	d.skipText() // the note
	for range d.count(2) {
		d.skipText() // a key of meta and its value
		d.skipText()
	}
	d.skipNumber() // when it was added
	o.DisabledUntil = d.time()
	if d.byteAtMost(1) == 1 {
		d.take(len(hashindex.Digest{}))
	}
	d.skipText() // the format
	d.uvarint(0, maxNumber)
	d.uvarint(0, maxNumber)
	o.Hash, o.Frame = d.hashOf(frame, a)
	return o
}

// hashOf reads the frames up to the one asked for; false when there are not so many.
func (d *decoder) hashOf(frame int, a hashindex.Algorithm) (hash hashindex.Hash, found bool) {
	recipes := d.count(1)
	for range recipes {
		d.skipText()
	}
	if n := d.count(3); frame >= n {
		return hash, false
	}
	for range frame {
		d.hashIn(recipes, hashindex.AlgorithmCount)
	}
	return d.hashIn(recipes, a), d.err == nil
}

// hashIn reads one frame for the hash of that algorithm, if it has one.
func (d *decoder) hashIn(recipes int, a hashindex.Algorithm) (hash hashindex.Hash) {
	d.skipNumber() // its time
	if recipes > 1 {
		d.skipNumber()
	}
	d.byte() // its quality
	mask := d.mask()
	for _, each := range hashindex.Algorithms() {
		switch {
		case mask&(1<<each) == 0:
		case each == a:
			hash = d.hash(each)
		default:
			d.take(each.Bits() / 8)
		}
	}
	if mask&withFeatures != 0 {
		d.take(len(hashindex.Digest{}))
	}
	return hash
}

func (d *decoder) skipText() { d.take(d.count(1)) }

// skipNumber steps over a number, signed or not.
func (d *decoder) skipNumber() { d.uvarint(0, 1<<64-1) }
