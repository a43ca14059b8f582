package hashindex

import (
	"context"
	"encoding/binary"
	"fmt"
	"hash/fnv"
)

// Finding is one thing that Check found wrong.
type Finding struct {
	Invariant string // "I1".."I6" as numbered in the package comment, or "store" for damaged bytes
	What      string
}

// CheckReport is what Check looked at and what it found.
type CheckReport struct {
	Seq         Seq
	References  int
	OtherRecipe int // references of another recipe: kept, never compared (I4)
	Searchers   map[string]int
	Findings    []Finding
}

// maxFindings bounds a report on a store that is damaged everywhere.
const maxFindings = 1000

// Check walks the store and compares every searcher with it (I2). It needs a ready index; writers
// wait only while the searchers are summed.
func (ix *Index) Check(ctx context.Context) (CheckReport, error) {
	if err := ix.Ready(); err != nil {
		return CheckReport{}, err
	}
	report := CheckReport{Searchers: map[string]int{}}
	found := func(f Finding) {
		if len(report.Findings) < maxFindings {
			report.Findings = append(report.Findings, f)
		}
	}
	if err := ix.store.Check(ctx, found); err != nil {
		return report, err
	}
	// The view must be of the very state that the searchers were summed at.
	ix.commits.lead.Lock()
	unlock := ix.commits.lead.Unlock
	held, partial := ix.sumSearchers(), ix.sumPartial()
	err := ix.store.View(func(r Reader) error {
		unlock()
		unlock = func() {}
		return ix.compareSums(ctx, r, held, partial, &report, found)
	})
	unlock()
	return report, err
}

// sum is a set of entries in little: two sets of the same sum are the same but for a chance of one
// in 2^64.
type sum struct {
	entries int
	digest  uint64
}

func (s *sum) add(e Entry) {
	var raw [48]byte
	bytes := binary.BigEndian.AppendUint64(raw[:0], uint64(e.Frame))
	bytes = binary.BigEndian.AppendUint32(bytes, uint32(e.Collection))
	h := fnv.New64a()
	h.Write(e.Hash.AppendBytes(bytes))
	s.entries++
	s.digest += h.Sum64()
}

// addFeatures is add for an entry of tier partial.
func (s *sum) addFeatures(e FeatureEntry) {
	var raw [20]byte
	bytes := binary.BigEndian.AppendUint64(raw[:0], uint64(e.Frame))
	bytes = binary.BigEndian.AppendUint32(bytes, uint32(e.Collection))
	h := fnv.New64a()
	h.Write(binary.BigEndian.AppendUint64(bytes, e.Sum))
	s.entries++
	s.digest += h.Sum64()
}

// sumSearchers sums those that are live: what is still loading is not searched either.
func (ix *Index) sumSearchers() map[*feed]sum {
	sums := map[*feed]sum{}
	for _, f := range ix.all() {
		if f.live.Load() {
			var held sum
			f.Entries(func(e Entry) bool { held.add(e); return true })
			sums[f.feed] = held
		}
	}
	return sums
}

// sumPartial sums what tier partial holds, nil when it is not searched.
func (ix *Index) sumPartial() *sum {
	if ix.partial == nil || !ix.partial.live.Load() {
		return nil
	}
	held := &sum{}
	ix.partial.Entries(func(e FeatureEntry) bool { held.addFeatures(e); return true })
	return held
}

func (ix *Index) compareSums(ctx context.Context, r Reader, held map[*feed]sum, partial *sum, report *CheckReport, found func(Finding)) error {
	want, wantPartial, err := ix.sumStore(ctx, r, report)
	if err != nil {
		return err
	}
	if partial != nil {
		report.Searchers[partialName] = partial.entries
		if *partial != wantPartial {
			found(Finding{"I2", fmt.Sprintf("%s of %s holds features of %d frames that are not the %d of the store: remove its snapshot and open again",
				ix.partial.Stats().Name, partialName, partial.entries, wantPartial.entries)})
		}
	}
	for i, s := range ix.spaces {
		for _, f := range *s.feeds.Load() {
			got, live := held[f]
			if !live {
				continue
			}
			report.Searchers[s.name] = got.entries
			if got != want[i] {
				found(Finding{"I2", fmt.Sprintf("%s of %s holds %d entries that are not the %d of the store: it is derived, and can be made anew from the history",
					f.Stats().Name, s.name, got.entries, want[i].entries)})
			}
		}
	}
	return nil
}

// sumStore sums what every searcher ought to hold.
func (ix *Index) sumStore(ctx context.Context, r Reader, report *CheckReport) (sums []sum, partial sum, _ error) {
	report.Seq, _ = r.Head()
	sums = make([]sum, len(ix.spaces))
	collections, err := r.Collections()
	if err != nil {
		return nil, partial, err
	}
	for _, c := range collections {
		for reference, err := range r.References(c.ID, 0) {
			if err = orElse(err, ctx.Err()); err != nil {
				return nil, partial, err
			}
			report.References++
			if reference.Frames[0].Recipe != ix.recipe {
				report.OtherRecipe++
			}
			ix.sumReference(sums, reference)
			if ix.partial == nil {
				continue
			}
			edits, _, err := additions(ix.recipe, &reference, nil, storedFeatures(r))
			if err != nil {
				return nil, partial, err
			}
			for _, e := range edits {
				partial.addFeatures(FeatureEntry{e.Frame, e.Collection, e.Features.Sum()})
			}
		}
	}
	return sums, partial, nil
}

func (ix *Index) sumReference(sums []sum, reference Reference) {
	for i, s := range ix.spaces {
		for _, e := range s.entries(nil, ix.recipe, &reference) {
			sums[i].add(e)
		}
	}
}
