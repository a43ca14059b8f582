package searchtest

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"sync"

	"touchstone/hashindex"
)

// Exhaustive is a PartialSearcher in words too simple to be wrong: it proposes every frame there is, as
// it is and mirrored, those first that have most descriptors in common with the query.
type Exhaustive struct {
	mu     sync.RWMutex // guards frames
	frames map[hashindex.FrameID]hashindex.FeatureEdit
}

// NewExhaustive holds nothing yet.
func NewExhaustive() hashindex.PartialSearcher {
	return &Exhaustive{frames: map[hashindex.FrameID]hashindex.FeatureEdit{}}
}

// Propose implements hashindex.PartialSearcher.
func (x *Exhaustive) Propose(ctx context.Context, query hashindex.Features, scope hashindex.Scope, limit int) ([]hashindex.Proposal, error) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	var all []hashindex.Proposal
	for id, f := range x.frames {
		if scope.Radius(f.Collection) < 0 {
			continue
		}
		for _, mirrored := range []bool{false, true} {
			all = append(all, hashindex.Proposal{Frame: id, Mirrored: mirrored, Votes: float64(common(f.Features, query, mirrored))})
		}
	}
	slices.SortFunc(all, func(a, b hashindex.Proposal) int {
		return cmp.Or(cmp.Compare(b.Votes, a.Votes), cmp.Compare(a.Frame, b.Frame), order(a.Mirrored)-order(b.Mirrored))
	})
	return all[:min(len(all), limit)], ctx.Err()
}

// Apply implements hashindex.PartialSearcher.
func (x *Exhaustive) Apply(edits []hashindex.FeatureEdit) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, e := range edits {
		if e.Removed {
			delete(x.frames, e.Frame)
		} else {
			x.frames[e.Frame] = e
		}
	}
}

// Entries implements hashindex.PartialSearcher.
func (x *Exhaustive) Entries(yield func(hashindex.FeatureEntry) bool) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	for id, f := range x.frames {
		if !yield(hashindex.FeatureEntry{Frame: id, Collection: f.Collection, Sum: f.Features.Sum()}) {
			return
		}
	}
}

// AppendState implements hashindex.PartialSearcher.
func (x *Exhaustive) AppendState(dst []byte) []byte {
	x.mu.RLock()
	defer x.mu.RUnlock()
	for _, id := range slices.Sorted(maps.Keys(x.frames)) {
		encoded := x.frames[id].Features.AppendStored(nil)
		dst = binary.BigEndian.AppendUint64(dst, uint64(id))
		dst = binary.BigEndian.AppendUint32(dst, uint32(x.frames[id].Collection))
		dst = binary.BigEndian.AppendUint32(dst, uint32(len(encoded)))
		dst = append(dst, encoded...)
	}
	return append(dst, "end"...)
}

// LoadState implements hashindex.PartialSearcher.
func (x *Exhaustive) LoadState(state []byte) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	loaded := map[hashindex.FrameID]hashindex.FeatureEdit{}
	for len(state) > 16 {
		e := hashindex.FeatureEdit{
			Frame:      hashindex.FrameID(binary.BigEndian.Uint64(state)),
			Collection: hashindex.CollectionID(binary.BigEndian.Uint32(state[8:])),
		}
		n := int(binary.BigEndian.Uint32(state[12:]))
		var err error
		if e.Features, err = hashindex.ParseFeatures(state[16 : 16+n]); err != nil {
			return err
		}
		loaded[e.Frame], state = e, state[16+n:]
	}
	if string(state) != "end" {
		return fmt.Errorf("a state that ends in %q: %w", state, hashindex.ErrDamaged)
	}
	x.frames = loaded
	return nil
}

// Stats implements hashindex.PartialSearcher.
func (x *Exhaustive) Stats() hashindex.SearcherStats {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return hashindex.SearcherStats{Name: "exhaustive", Entries: len(x.frames)}
}

// common counts the descriptors that both have.
func common(reference, query hashindex.Features, mirrored bool) (n int) {
	known := map[hashindex.Descriptor]bool{}
	for _, k := range query.Keypoints {
		known[k.Descriptor] = true
	}
	for _, k := range reference.Keypoints {
		d := k.Descriptor
		if mirrored {
			d = d.Mirrored()
		}
		if known[d] {
			n++
		}
	}
	return n
}

func order(later bool) int {
	if later {
		return 1
	}
	return 0
}
