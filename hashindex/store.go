package hashindex

import (
	"context"
	"iter"
	"time"
)

// Store is the truth: durable, in commit order. Implementations are safe for concurrent use, let
// one Update run at a time and never make a View wait for it.
type Store interface {
	// View calls read with an unchanging picture of the store, which must not be used after. Views,
	// those of Pages among them, are not nested.
	View(read func(Reader) error) error

	// Update calls write in one transaction. When it returns nil, all that was appended is on the
	// disk (I1); when it returns an error, nothing is.
	Update(write func(Writer) error) error

	// Check walks everything and reports what is damaged to found.
	Check(ctx context.Context, found func(Finding)) error

	Close() error
}

// Reader is an unchanging picture of a store. What it returns belongs to the caller.
// ErrNotFound, ErrDamaged and the disk's errors come from every method.
type Reader interface {
	Head() (Seq, Digest) // of the last change; zeros when there is none

	Collections() ([]Collection, error) // by name
	CollectionNamed(name string) (Collection, error)
	Count(CollectionID) (int, error) // references in it

	Reference(ReferenceID) (Reference, error)

	// Label is what a match of the frame's hash needs of its reference, read without the rest: a
	// quarter of the time of Reference, and of a video none of the other frames.
	// ErrNotFound when the reference is not there or has no such frame.
	Label(FrameID, Algorithm) (Label, error)

	ReferenceNamed(c CollectionID, externalID string) (Reference, error)
	References(c CollectionID, after ReferenceID) iter.Seq2[Reference, error] // ascending

	// Features are the encoded features of the frame. Unlike all else they belong to the store and
	// end with the view. ErrNotFound for a frame that has none or is not there.
	Features(FrameID) ([]byte, error)

	// Holds reports whether any reference has this content.
	Holds(Digest) (bool, error)

	Changes(after Seq) iter.Seq2[Change, error]

	// Row is ErrNotFound when the table has no such key.
	Row(table, key string) ([]byte, error)
	Rows(table, from string) iter.Seq2[Row, error] // ascending by key, from the first that is not below from
}

// Row is an entry of a table: the place for what is neither a collection nor a reference, such as keys
// and rights. The store does not know what rows mean, and the history does not hold them. A table is
// there as soon as it has a row.
type Row struct {
	Key   string // any bytes
	Value []byte
}

// What a row may take, in bytes.
const (
	MaxTable    = 64
	MaxRowKey   = 1 << 10
	MaxRowValue = 16 << 20
)

// Label is whose hash that is.
type Label struct {
	Collection CollectionID
	ExternalID string
	Hash       Hash // of the frame and the algorithm asked for; zero: it has none

	DisabledUntil time.Time // as that of Reference
}

// Enabled reports whether the reference may be answered at that time.
func (l Label) Enabled(at time.Time) bool { return !at.Before(l.DisabledUntil) }

// Writer is a transaction under way: a Reader that sees its own additions.
type Writer interface {
	Reader

	// Append adds the change to the history and carries it out. It sets Seq, Prev and Digest; for
	// CollectionCreated also the collection's ID, for ReferenceAdded the reference's and the digests
	// of its features, which it keeps until the reference is removed. The caller leaves the features'
	// bytes alone until the transaction has ended.
	Append(Change) (Change, error)

	// AppendAll is Append for each, in place and in less time: a list has ten thousand. Those before one
	// that is refused have been appended, and that one is of no more use.
	AppendAll([]Change) error

	// PutRow adds the row or gives it another value, of which it keeps a copy.
	PutRow(table, key string, value []byte) error
	RemoveRow(table, key string) error // no error when there is none
}

// Snapshots keep the saved state of searchers, so that opening loads instead of replaying. They
// are derived: losing one costs time, never an answer.
type Snapshots interface {
	// SaveSnapshot replaces the snapshot of that name in one step.
	SaveSnapshot(name string, seq Seq, state []byte) error

	// LoadSnapshot is ErrNotFound without one and ErrDamaged when it is not as it was saved.
	LoadSnapshot(name string) (Seq, []byte, error)
}

// Pages keep what searchers are searched from: under a name, runs of pages that never change, each
// about a stretch of the history. They are derived: losing one costs time, never an answer.
type Pages interface {
	// SaveRun makes a run durable that is about the changes after one up to another, and in the same
	// step drops those of the name that begin there or later. One that begins earlier must end there
	// or before. Each page is a multiple of 8 bytes, valid until the next is asked for; none is asked
	// for when the store is read-only.
	SaveRun(name string, after, upTo Seq, pages iter.Seq[[]byte]) error

	// ViewRuns calls read with the runs of that name, which follow each other from change 1 on
	// without a gap. Neither they nor their pages must be used, or changed, after.
	ViewRuns(name string, read func([]Run) error) error
}

// Run is an unchanging set of pages about a stretch of the history.
type Run struct {
	ID          uint64 // of no other run of the store, ever
	After, UpTo Seq
	Pages       int

	// Page is where the page lies in the store, not a copy, at an address that divides by 8.
	// ErrDamaged when it is not as it was saved.
	Page func(n int) ([]byte, error)
}

// Blobs keep encoded pictures under their digests.
type Blobs interface {
	// PutBlobs makes the contents durable; those already there cost nothing.
	PutBlobs(ctx context.Context, contents [][]byte) error
	Blob(Digest) ([]byte, error)
	RemoveBlob(Digest) error // no error when there is none
}
