package bolt

import (
	"encoding/binary"
	"errors"
	"math/bits"
	"slices"
	"sort"

	"touchstone/hashindex"
)

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

// find is the place of the first hint with this digest or a later one. Digests are spread evenly, so
// three guesses come within a few places of it; then it widens around the last.
func (r run) find(digest uint64) int { return r.around(r.guess(digest), digest) }

// around is what find is, from a place near it.
func (r run) around(low int, digest uint64) int {
	n := r.len()
	high := low
	for step := 2; low > 0 && r.digest(low-1) >= digest; step *= 2 {
		high, low = low, max(0, low-step)
	}
	for step := 2; high < n && r.digest(high) < digest; step *= 2 {
		low, high = high+1, min(n, high+step)
	}
	return low + sort.Search(high-low, func(i int) bool { return r.digest(low+i) >= digest })
}

// guess starts where an even spread would have the digest and goes on from there by the same rule.
func (r run) guess(digest uint64) int {
	n := r.len()
	at, _ := bits.Mul64(digest, uint64(n))
	for range 2 {
		if at >= uint64(n) {
			return n
		}
		if here := r.digest(int(at)); here <= digest {
			on, _ := bits.Mul64(digest-here, uint64(n))
			at += on
		} else {
			back, _ := bits.Mul64(here-digest, uint64(n))
			at -= min(at, back)
		}
	}
	return min(int(at), n)
}

// putHints writes the transaction's hints as a run, merged with its like.
func (w *writer) putHints() error {
	if len(w.pending.hints) == 0 {
		return nil
	}
	sortHints(w.pending.hints)
	merged := make(run, 0, len(w.pending.hints)*hintSize)
	for _, h := range w.pending.hints {
		merged = merged.append(h)
	}
	number, err := w.takeIn(&merged)
	if err != nil {
		return err
	}
	if merged, err = w.prune(merged); err != nil {
		return err
	}
	b, err := w.open[hints].CreateBucket(binary.BigEndian.AppendUint64(nil, number))
	if err != nil {
		return err
	}
	return b.Put(runKey, appendChecksum(runKey, merged))
}

// takeIn merges the runs before this one into it and deletes them; the number is the new run's.
func (w *writer) takeIn(merged *run) (number uint64, err error) {
	cursor := w.open[hints].Cursor()
	number = 1
	var taken [][]byte
	for key, _ := cursor.Last(); key != nil; key, _ = cursor.Prev() {
		if len(key) != 8 {
			return 0, damaged("hints %x", key)
		}
		number = max(number, binary.BigEndian.Uint64(key)+1)
		sealed := w.open[hints].Bucket(key).Get(runKey)
		older := len(sealed) / hintSize
		if older >= 2*merged.len() || older+merged.len() > maxRun {
			break
		}
		value, err := checked(hints, runKey, sealed)
		if err != nil {
			return 0, err
		}
		*merged = merge(value, *merged)
		taken = append(taken, slices.Clone(key))
	}
	for _, key := range taken {
		if err := w.open[hints].DeleteBucket(key); err != nil {
			return 0, err
		}
	}
	return number, nil
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
