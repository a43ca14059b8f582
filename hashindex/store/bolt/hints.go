package bolt

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"slices"

	"touchstone/hashindex"
)

// A hint says that a reference may have an external id or a content, of which it holds 64 bits of a
// digest. The reference itself says whether it does, so hints are never changed or deleted: one for
// a reference that is gone does no harm.
//
// They are kept in sorted runs, as a log-structured merge tree does: a commit adds one run and
// merges it with the ones before while those are not twice as long. A B+ tree of external ids in
// random order has to rewrite most of its pages for a batch: 39,000 rows/s up to a million
// references, against 300,000 (BenchmarkAppend/random, in memory-backed files).
type hint struct {
	digest uint64
	id     hashindex.ReferenceID
}

const hintSize = 16

// maxRun bounds what one commit may have to merge and write, in hints: 32 MiB.
const maxRun = 2 << 20

func compareHints(a, b hint) int {
	return cmp.Or(cmp.Compare(a.digest, b.digest), cmp.Compare(a.id, b.id))
}

func nameDigest(c hashindex.CollectionID, externalID string) uint64 {
	var room [128]byte
	text := append(room[:0], 'n')
	text = binary.BigEndian.AppendUint32(text, uint32(c))
	return digest64(append(text, externalID...))
}

func contentDigest(d hashindex.Digest) uint64 {
	var room [1 + len(d)]byte
	return digest64(append(append(room[:0], 'c'), d[:]...))
}

// digest64 resists people who pick external ids that collide.
func digest64(text []byte) uint64 {
	full := sha256.Sum256(text)
	return binary.BigEndian.Uint64(full[:])
}

// candidates calls try with each reference that has the hint, the youngest runs first, until it
// answers true.
func (r *reader) candidates(digest uint64, try func(hashindex.ReferenceID) (bool, error)) error {
	r.pending.index()
	for i := r.pending.first[digest]; i > 0; i = r.pending.next[i-1] {
		if done, err := try(r.pending.hints[i-1].id); done || err != nil {
			return err
		}
	}
	runs, err := r.hintRuns()
	if err != nil {
		return err
	}
	for _, run := range slices.Backward(runs) {
		for i := run.find(digest); i < run.len() && run.digest(i) == digest; i++ {
			if done, err := try(run.hint(i).id); done || err != nil {
				return err
			}
		}
	}
	return nil
}

// hintRuns finds the runs once a transaction. They are not checked here, which would read them all:
// a hint that is not true is ignored, and one that is missing is for Check to find.
func (r *reader) hintRuns() ([]run, error) {
	if r.runs != nil {
		return r.runs, nil
	}
	runs := []run{}
	err := r.open[hints].ForEachBucket(func(number []byte) error {
		sealed := r.open[hints].Bucket(number).Get(runKey)
		if len(sealed)%hintSize != checksumSize {
			return damaged("hints %x: %d bytes", number, len(sealed))
		}
		runs = append(runs, run(sealed[:len(sealed)-checksumSize]))
		return nil
	})
	r.runs = runs
	return runs, err
}

// runKey is the only key of a run's bucket. A run needs a bucket of its own: bbolt rewrites the
// values that share a page with one that changes, be they of megabytes.
var runKey = []byte("run")

// pending holds the hints of a transaction under way.
type pending struct {
	hints []hint

	// What index has seen of them: a list that is alone is never asked about.
	next  []int          // the place + 1 in hints of the one before with the same digest
	first map[uint64]int // and of the last one with it
}

func (p *pending) add(digest uint64, id hashindex.ReferenceID) {
	p.hints = append(p.hints, hint{digest, id})
}

func (p *pending) holds(digest uint64) bool {
	p.index()
	return p.first[digest] > 0
}

// index makes all hints known to first and next.
func (p *pending) index() {
	if p.first == nil {
		p.first = map[uint64]int{}
	}
	for _, h := range p.hints[len(p.next):] {
		p.next = append(p.next, p.first[h.digest])
		p.first[h.digest] = len(p.next)
	}
}
