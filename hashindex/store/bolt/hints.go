package bolt

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"math/bits"
	"slices"
	"sort"

	"touchstone/hashindex"
)

// A hint says that a reference may have an external id or a content, of which it holds 64 bits of a
// digest. The reference itself says whether it does, so hints are never changed or deleted: one for
// a reference that is gone does no harm.
//
// They are kept in sorted runs, as a log-structured merge tree does: a commit adds one run and
// merges it with the ones before while those are not twice as long. A B+ tree of external ids in
// random order has to rewrite most of its pages for a batch: 39,000 rows/s at a million references,
// runs take 170,000 (BenchmarkAppend/random).
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

// run is hints in ascending order, as they are in the file.
type run []byte

func (r run) len() int { return len(r) / hintSize }

func (r run) digest(i int) uint64 { return binary.BigEndian.Uint64(r[i*hintSize:]) }

func (r run) hint(i int) hint {
	return hint{r.digest(i), hashindex.ReferenceID(binary.BigEndian.Uint64(r[i*hintSize+8:]))}
}

func (r run) append(h hint) run {
	r = binary.BigEndian.AppendUint64(r, h.digest)
	return binary.BigEndian.AppendUint64(r, uint64(h.id))
}

// find is the place of the first hint with this digest or a later one. Digests are spread evenly,
// so it starts where an even spread would have it, and widens: two or three pages, not twenty.
func (r run) find(digest uint64) int {
	n := r.len()
	guess, _ := bits.Mul64(digest, uint64(n))
	low, high := int(guess), int(guess)
	for step := 8; low > 0 && r.digest(low-1) >= digest; step *= 2 {
		high, low = low, max(0, low-step)
	}
	for step := 8; high < n && r.digest(high) < digest; step *= 2 {
		low, high = high+1, min(n, high+step)
	}
	return low + sort.Search(high-low, func(i int) bool { return r.digest(low+i) >= digest })
}

// candidates calls try with each reference that has the hint, the youngest runs first, until it
// answers true.
func (r *reader) candidates(digest uint64, try func(hashindex.ReferenceID) (bool, error)) error {
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
	err := r.open[hints].ForEach(func(key, sealed []byte) error {
		if len(sealed)%hintSize != checksumSize {
			return damaged("hints %x: %d bytes", key, len(sealed))
		}
		runs = append(runs, run(sealed[:len(sealed)-checksumSize]))
		return nil
	})
	r.runs = runs
	return runs, err
}

// pending holds the hints of a transaction under way.
type pending struct {
	hints []hint
	next  []int          // the place + 1 in hints of the one before with the same digest
	first map[uint64]int // and of the last one with it
}

func (p *pending) add(digest uint64, id hashindex.ReferenceID) {
	if p.first == nil {
		p.first = map[uint64]int{}
	}
	p.hints = append(p.hints, hint{digest, id})
	p.next = append(p.next, p.first[digest])
	p.first[digest] = len(p.hints)
}

// putHints writes the transaction's hints as a run, merged with its like.
func (w *writer) putHints() error {
	if len(w.pending.hints) == 0 {
		return nil
	}
	slices.SortFunc(w.pending.hints, compareHints)
	merged := make(run, 0, len(w.pending.hints)*hintSize)
	for _, h := range w.pending.hints {
		merged = merged.append(h)
	}
	cursor := w.open[hints].Cursor()
	number := uint64(1)
	var replaced [][]byte
	for key, sealed := cursor.Last(); key != nil; key, sealed = cursor.Prev() {
		number = max(number, binary.BigEndian.Uint64(key)+1)
		older := len(sealed) / hintSize
		if older >= 2*merged.len() || older+merged.len() > maxRun {
			break
		}
		value, err := checked(hints, key, sealed)
		if err != nil {
			return err
		}
		merged = merge(value, merged)
		replaced = append(replaced, slices.Clone(key))
	}
	for _, key := range replaced {
		if err := w.open[hints].Delete(key); err != nil {
			return err
		}
	}
	merged, err := w.prune(merged)
	if err != nil {
		return err
	}
	key := binary.BigEndian.AppendUint64(nil, number)
	return w.open[hints].Put(key, appendChecksum(key, merged))
}

func merge(a, b run) run {
	merged := make(run, 0, len(a)+len(b)+checksumSize)
	for len(a) > 0 && len(b) > 0 {
		from := &a
		if compareHints(b.hint(0), a.hint(0)) < 0 {
			from = &b
		}
		merged = append(merged, (*from)[:hintSize]...)
		*from = (*from)[hintSize:]
	}
	return append(append(merged, a...), b...)
}

// prune drops hints to references that are gone where digests are equal: an external id that comes
// and goes for ever must not leave a hint for each time.
func (w *writer) prune(all run) (run, error) {
	kept := all[:0]
	for i := range all.len() {
		digest := all.digest(i)
		alone := (i == 0 || all.digest(i-1) != digest) && (i+1 == all.len() || all.digest(i+1) != digest)
		if !alone {
			_, err := w.reference(all.hint(i).id)
			if errors.Is(err, hashindex.ErrNotFound) {
				continue
			}
			if err != nil {
				return nil, err
			}
		}
		kept = append(kept, all[i*hintSize:(i+1)*hintSize]...)
	}
	return kept, nil
}
