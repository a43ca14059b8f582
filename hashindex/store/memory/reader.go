package memory

import (
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"

	"touchstone/hashindex"
	"touchstone/hashindex/store/record"
)

// reader implements hashindex.Reader and record.State on a state up to a Seq, and on rows.
type reader struct {
	mu    *sync.RWMutex // the store's: held while looking, never while a caller works
	state *state
	head  hashindex.Seq
	rows  map[string][]hashindex.Row // not changed by others: nothing guards it
}

var _ record.State = (*reader)(nil)

// Head implements hashindex.Reader.
func (r *reader) Head() (hashindex.Seq, hashindex.Digest) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.head == 0 {
		return 0, hashindex.Digest{}
	}
	return r.head, r.state.digests[r.head-1]
}

// Collections implements hashindex.Reader.
func (r *reader) Collections() ([]hashindex.Collection, error) {
	r.mu.RLock()
	created := r.state.created
	r.mu.RUnlock()
	var all []hashindex.Collection
	for id := hashindex.CollectionID(1); id <= created; id++ {
		if c, err := r.Collection(id); err == nil {
			all = append(all, c)
		}
	}
	slices.SortFunc(all, func(a, b hashindex.Collection) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}

// CollectionNamed implements hashindex.Reader.
func (r *reader) CollectionNamed(name string) (hashindex.Collection, error) {
	all, err := r.Collections()
	for _, c := range all {
		if c.Name == name {
			return c, nil
		}
	}
	if err == nil {
		err = notFound("collection", name)
	}
	return hashindex.Collection{}, err
}

// Collection is part of record.State.
func (r *reader) Collection(id hashindex.CollectionID) (hashindex.Collection, error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	v, ok := at(r.state.collections[id], r.head)
	if !ok {
		return hashindex.Collection{}, notFound("collection", id)
	}
	c, err := r.change(v.seq)
	return c.Collection, err
}

// Count implements hashindex.Reader.
func (r *reader) Count(id hashindex.CollectionID) (int, error) {
	if _, err := r.Collection(id); err != nil {
		return 0, err
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	counts := r.state.counts[id]
	last := len(counts) - 1
	for counts[last].seq > r.head {
		last--
	}
	return counts[last].n, nil
}

// Reference implements hashindex.Reader.
func (r *reader) Reference(id hashindex.ReferenceID) (hashindex.Reference, error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	v, ok := at(r.state.references[id], r.head)
	if !ok {
		return hashindex.Reference{}, notFound("reference", id)
	}
	c, err := r.change(v.seq)
	return c.Reference, err
}

// Label implements hashindex.Reader.
func (r *reader) Label(f hashindex.FrameID, a hashindex.Algorithm) (hashindex.Label, error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	v, ok := at(r.state.references[f.Reference()], r.head)
	if !ok {
		return hashindex.Label{}, notFound("reference", f.Reference())
	}
	o, err := record.DecodeOutline(r.state.records[v.seq-1], f.Index(), a)
	if err == nil && !o.Frame {
		return hashindex.Label{}, notFound("frame", f)
	}
	return o.Label, err
}

// ReferenceNamed implements hashindex.Reader.
func (r *reader) ReferenceNamed(c hashindex.CollectionID, externalID string) (hashindex.Reference, error) {
	r.mu.RLock()
	id, ok := r.live(r.state.named[externalName{c, externalID}])
	r.mu.RUnlock()
	if !ok {
		return hashindex.Reference{}, notFound("external id", externalID)
	}
	return r.Reference(id)
}

// Taken is part of record.State.
func (r *reader) Taken(c hashindex.CollectionID, externalID string) (bool, error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	_, taken := r.live(r.state.named[externalName{c, externalID}])
	return taken, nil
}

// Holds implements hashindex.Reader.
func (r *reader) Holds(d hashindex.Digest) (bool, error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	_, held := r.live(r.state.content[d])
	return held, nil
}

// live is the last of the references that is there; callers hold mu.
func (r *reader) live(ids []hashindex.ReferenceID) (hashindex.ReferenceID, bool) {
	for _, id := range slices.Backward(ids) {
		if _, ok := at(r.state.references[id], r.head); ok {
			return id, true
		}
	}
	return 0, false
}

// Features implements hashindex.Reader.
func (r *reader) Features(frame hashindex.FrameID) ([]byte, error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	encoded := r.state.features[frame]
	if _, there := at(r.state.references[frame.Reference()], r.head); !there || encoded == nil {
		return nil, notFound("features of frame", frame)
	}
	return encoded, nil
}

// References implements hashindex.Reader.
func (r *reader) References(c hashindex.CollectionID, after hashindex.ReferenceID) iter.Seq2[hashindex.Reference, error] {
	return func(yield func(hashindex.Reference, error) bool) {
		if _, err := r.Collection(c); err != nil {
			yield(hashindex.Reference{}, err)
			return
		}
		for id, ok := r.memberAfter(c, after); ok; id, ok = r.memberAfter(c, id) {
			found, err := r.Reference(id)
			if !yield(found, err) || err != nil {
				return
			}
		}
	}
}

func (r *reader) memberAfter(c hashindex.CollectionID, after hashindex.ReferenceID) (hashindex.ReferenceID, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	ids := r.state.members[c]
	from, _ := slices.BinarySearch(ids, after+1)
	for _, id := range ids[from:] {
		if _, ok := at(r.state.references[id], r.head); ok {
			return id, true
		}
	}
	return 0, false
}

// Changes implements hashindex.Reader.
func (r *reader) Changes(after hashindex.Seq) iter.Seq2[hashindex.Change, error] {
	return func(yield func(hashindex.Change, error) bool) {
		for seq := after + 1; seq <= r.head; seq++ {
			r.mu.RLock()
			c, err := r.change(seq)
			r.mu.RUnlock()
			if !yield(c, err) || err != nil {
				return
			}
		}
	}
}

// change decodes one entry of the history; callers hold mu.
func (r *reader) change(seq hashindex.Seq) (hashindex.Change, error) {
	c, err := record.Decode(r.state.records[seq-1])
	c.Digest = r.state.digests[seq-1]
	return c, err
}

func notFound(what string, name any) error {
	return fmt.Errorf("%s %v: %w", what, name, hashindex.ErrNotFound)
}
