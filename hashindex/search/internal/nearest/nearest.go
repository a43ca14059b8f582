// Package nearest bounds what a search holds when its scope asks for the nearest answers only: a
// probe in a crowd of a million equal hashes has a million answers, of which a few are wanted.
package nearest

import (
	"cmp"
	"math"
	"slices"

	"touchstone/hashindex"
)

// Keeper keeps of what each probe of a group finds at least the nearest, by distance and then by
// frame, as many as the scope's limit says, and never much more. The zero Keeper, and one of a scope
// without a limit, keeps all.
type Keeper struct {
	limit  int
	room   int // for the answers of the group
	first  int // number of the group's first probe
	mark   int // where its answers begin
	bounds []candidate
	order  []candidate // scratch
}

// candidate is what orders answers: it is a third of one.
type candidate struct {
	probe, distance int32
	frame           hashindex.FrameID
	at              int32
}

func (a candidate) compare(b candidate) int {
	switch { // cmp.Or would compare all three always
	case a.probe != b.probe:
		return int(a.probe - b.probe)
	case a.distance != b.distance:
		return int(a.distance - b.distance)
	}
	return cmp.Compare(a.frame, b.frame)
}

// fewest is the least room: to sort is worth while only then.
const fewest = 4096

// Begin begins with a group of probes, numbered from first, whose answers will stand behind those
// found so far.
func (k *Keeper) Begin(limit, first, probes int, found []hashindex.Found) {
	k.limit, k.first, k.mark = limit, first, len(found)
	k.room = max(fewest, 2*limit*probes)
	k.bounds = slices.Grow(k.bounds[:0], probes)[:probes]
	for i := range k.bounds {
		k.bounds[i].distance = math.MaxInt32
	}
}

// Beyond reports whether the probe has enough nearer answers.
func (k *Keeper) Beyond(probe, distance int, frame hashindex.FrameID) bool {
	b := &k.bounds[probe-k.first]
	return distance > int(b.distance) || distance == int(b.distance) && frame > b.frame
}

// Full reports whether found ought to be trimmed.
func (k *Keeper) Full(found []hashindex.Found) bool {
	return k.limit > 0 && len(found)-k.mark > k.room
}

// Trim drops from the group's answers those beyond the limit, and what is there twice.
func (k *Keeper) Trim(found []hashindex.Found) []hashindex.Found {
	if k.limit == 0 {
		return found
	}
	answers := found[k.mark:]
	kept := k.nearest(answers)
	for i, c := range kept {
		answers[i] = answers[c.at] // ascending, so that none is overwritten before it is moved
	}
	return found[:k.mark+len(kept)]
}

// nearest are the answers to keep, in the order in which they stand. It draws the bounds.
func (k *Keeper) nearest(answers []hashindex.Found) []candidate {
	k.order = k.order[:0]
	for i := range answers {
		f := &answers[i]
		k.order = append(k.order, candidate{int32(f.Probe - k.first), int32(f.Distance), f.Entry.Frame, int32(i)})
	}
	slices.SortFunc(k.order, candidate.compare)
	kept, count := k.order[:0], 0
	for _, c := range k.order {
		if len(kept) > 0 && kept[len(kept)-1].probe != c.probe {
			count = 0
		}
		if count == k.limit || count > 0 && kept[len(kept)-1].frame == c.frame {
			continue
		}
		kept = append(kept, c)
		if count++; count == k.limit {
			k.bounds[c.probe] = c
		}
	}
	slices.SortFunc(kept, func(a, b candidate) int { return cmp.Compare(a.at, b.at) })
	return kept
}
