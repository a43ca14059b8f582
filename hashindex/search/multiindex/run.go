package multiindex

import "touchstone/hashindex"

// source is a level with the removals that count for its reader.
type source struct {
	level *level
	gone  []uint64
}

// run goes through the entries of several levels in the order of their frames, without those
// removed: no frame is in two of them then.
type run struct {
	level *level // of the entry at hand
	place int
	heads []head
}

type head struct {
	source
	at int // the next place, not removed
}

func newRun(sources []source) *run {
	r := &run{}
	for _, s := range sources {
		h := head{source: s, at: -1}
		if h.advance() {
			r.heads = append(r.heads, h)
		}
	}
	return r
}

// next moves to the next entry; false at the end.
func (r *run) next() bool {
	if len(r.heads) == 0 {
		return false
	}
	least := 0
	for i := range r.heads {
		if r.heads[i].frame() < r.heads[least].frame() {
			least = i
		}
	}
	h := &r.heads[least]
	r.level, r.place = h.level, h.at
	if !h.advance() {
		r.heads = append(r.heads[:least], r.heads[least+1:]...)
	}
	return true
}

func (h *head) frame() hashindex.FrameID { return h.level.frame(h.at) }

func (h *head) advance() bool {
	for h.at++; h.at < h.level.size(); h.at++ {
		if !removed(h.gone, h.at) {
			return true
		}
	}
	return false
}
