package bolt

import (
	"math/bits"
	"slices"

	"touchstone/hashindex"
)

// sought is an external id that a change under way adds: its digest, and whether there may be another
// reference of that name.
type sought struct {
	digest  uint64
	suspect bool
}

// seek looks for the external ids of all additions at once: one place for each change. Asked one by one, among
// a million, each waits for three or four reads from memory.
func (w *writer) seek(changes []hashindex.Change) ([]sought, error) {
	all := make([]sought, len(changes))
	order := make([]hint, 0, len(changes)) // their places by digest
	for i := range changes {
		c := &changes[i]
		if c.Kind != hashindex.ReferenceAdded || c.Reference.ExternalID == "" {
			continue
		}
		all[i].digest = nameDigest(c.Reference.Collection, c.Reference.ExternalID)
		all[i].suspect = w.pending.holds(all[i].digest)
		order = append(order, hint{all[i].digest, hashindex.ReferenceID(i)})
	}
	if len(order) == 0 {
		return all, nil
	}
	sortHints(order)
	for i := 1; i < len(order); i++ {
		if order[i].digest == order[i-1].digest {
			all[order[i].id].suspect = true
		}
	}
	runs, err := w.hintRuns()
	if err != nil {
		return nil, err
	}
	for _, r := range runs {
		r.meet(order, func(h hint) { all[h.id].suspect = true })
	}
	return all, nil
}

// Taken is part of record.State, in place of the reader's: it is asked about the change that is being appended.
func (w *writer) Taken(c hashindex.CollectionID, externalID string) (bool, error) {
	if !w.next.suspect {
		return false, nil
	}
	return w.reader.Taken(c, externalID)
}

// meet calls met with each of some hints, in ascending order, whose digest the run has. It steps from one to
// the next by what an even spread would have between them.
func (r run) meet(some []hint, met func(hint)) {
	at, before := 0, uint64(0)
	for _, h := range some {
		on, _ := bits.Mul64(h.digest-before, uint64(r.len()))
		at = r.around(min(at+int(on), r.len()), h.digest)
		before = h.digest
		if at < r.len() && r.digest(at) == h.digest {
			met(h)
		}
	}
}

// sortHints deals hints out by the first bits of their digests, which are spread evenly, and then sorts the
// few that share them.
func sortHints(hints []hint) {
	if len(hints) < 64 {
		slices.SortFunc(hints, compareHints)
		return
	}
	shift := 64 - bits.Len(uint(len(hints))/4)
	ends := make([]int, 1<<(64-shift))
	for _, h := range hints {
		ends[h.digest>>shift]++
	}
	sum := 0
	for i, n := range ends {
		ends[i] = sum
		sum += n
	}
	dealt := make([]hint, len(hints))
	for _, h := range hints {
		dealt[ends[h.digest>>shift]] = h
		ends[h.digest>>shift]++
	}
	first := 0
	for _, end := range ends {
		slices.SortFunc(dealt[first:end], compareHints)
		first = end
	}
	copy(hints, dealt)
}
