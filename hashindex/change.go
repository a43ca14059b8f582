package hashindex

import "time"

// Seq numbers the changes of a store from 1, in commit order, without gaps.
type Seq uint64

// Change is one entry of the history. It carries the state after it, or for a removal the state
// that it removed, so that apply needs nothing else.
type Change struct {
	Seq   Seq
	Time  time.Time // UTC, to the microsecond
	Actor string    // the key that asked for it; empty on the command line
	Kind  ChangeKind

	Collection Collection // for the collection kinds
	Reference  Reference  // for the reference kinds
	Note       Note       // for Noted

	// Features holds the encoded features of the reference's frames for ReferenceAdded: nil, or one
	// for each frame, nil where there are none. The history keeps their digests alone, in the frames:
	// Append takes the bytes and hands them back, Changes leaves them out.
	Features [][]byte

	// Prev is the digest of the change before (zero for the first) and Digest that of this one,
	// Prev included: a chain that no entry can leave unseen. The store sets both.
	Prev, Digest Digest
}

// ChangeKind says what happened. Its values are written to disk: append, never renumber.
type ChangeKind uint8

const (
	CollectionCreated ChangeKind = 1 + iota
	CollectionChanged
	CollectionRemoved
	ReferenceAdded
	ReferenceChanged
	ReferenceRemoved
	Noted // about rows: what is neither a collection nor a reference
)

var changeKindNames = map[ChangeKind]string{
	CollectionCreated: "collection_created",
	CollectionChanged: "collection_changed",
	CollectionRemoved: "collection_removed",
	ReferenceAdded:    "reference_added",
	ReferenceChanged:  "reference_changed",
	ReferenceRemoved:  "reference_removed",
	Noted:             "noted",
}

// String is the kind's name in JSON and dumps.
func (k ChangeKind) String() string { return changeKindNames[k] }

// OfCollection reports whether Collection is what the change carries.
func (k ChangeKind) OfCollection() bool { return k >= CollectionCreated && k <= CollectionRemoved }

// OfReference reports whether Reference is what the change carries.
func (k ChangeKind) OfReference() bool { return k >= ReferenceAdded && k <= ReferenceRemoved }

// Note is an entry of the history about rows: their state can change without one, but what a person
// may have to answer for is noted in the transaction that changes it.
type Note struct {
	Topic   string // what sort of thing, such as "right"; not empty
	Subject string // which one
	Body    []byte // JSON: what it was and what it is
}

// What a note may take, in bytes.
const (
	MaxNoteTopic   = 64
	MaxNoteSubject = 256
	MaxNoteBody    = 64 << 10
)
