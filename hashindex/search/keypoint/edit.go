package keypoint

import "touchstone/hashindex"

const (
	// full is how many recent postings make a level.
	full = 1 << 16

	// fanOut is how much larger than all after it a level must be to be left alone: each posting is
	// merged some times for each level, and each level is one more place to look in.
	fanOut = 8
)

// Apply implements hashindex.PartialSearcher. Searches wait for the edits themselves, which take
// microseconds each, and not for the merges that come due: writers do.
func (ix *Index) Apply(edits []hashindex.FeatureEdit) {
	ix.writing.Lock()
	defer ix.writing.Unlock()
	for i := range edits {
		ix.apply(&edits[i])
		ix.tidy()
	}
}

func (ix *Index) apply(e *hashindex.FeatureEdit) {
	ix.mu.Lock()
	defer ix.mu.Unlock()
	at, there := ix.where[e.Frame]
	switch {
	case e.Removed && there:
		ix.slots[at].removed = true
		delete(ix.where, e.Frame)
		ix.dead++
	case !e.Removed && !there:
		ix.add(e)
	}
}

func (ix *Index) add(e *hashindex.FeatureEdit) {
	number := uint32(len(ix.slots))
	ix.slots = append(ix.slots, slot{frame: e.Frame, collection: e.Collection, sum: e.Features.Sum()})
	ix.where[e.Frame] = number
	keypoints := e.Features.Keypoints[:min(len(e.Features.Keypoints), hashindex.MaxStoredKeypoints)]
	for i := range keypoints {
		d := &keypoints[i].Descriptor
		ix.recent.add(keyOf(d), signatureOf(d), newPosting(number, &e.Features, &keypoints[i]))
	}
}

// tidy makes a level of the recent postings when they are many, merges levels of like size, and
// makes all anew when a third of the frames are removed ones.
func (ix *Index) tidy() {
	switch {
	case ix.dead > 1000 && ix.dead*3 > len(ix.slots):
		ix.compact()
	case len(ix.recent.postings) >= full:
		ix.promote()
	}
}

func (ix *Index) promote() {
	keep, size := len(ix.levels), len(ix.recent.postings)
	for keep > 0 && len(ix.levels[keep-1].postings) < fanOut*size {
		keep--
		size += len(ix.levels[keep].postings)
	}
	l := merged(ix.levels[keep:], ix.recent, ix.slots)
	ix.mu.Lock()
	defer ix.mu.Unlock()
	ix.levels = append(ix.levels[:keep:keep], l)
	ix.recent = newRecent()
}

// compact gives the frames that are left new numbers, in their order.
func (ix *Index) compact() {
	l := merged(ix.levels, ix.recent, ix.slots)
	slots, renamed := make([]slot, 0, len(ix.slots)-ix.dead), make([]uint32, len(ix.slots))
	where := make(map[hashindex.FrameID]uint32, len(ix.slots)-ix.dead)
	for i, s := range ix.slots {
		if !s.removed {
			renamed[i] = uint32(len(slots))
			where[s.frame] = renamed[i]
			slots = append(slots, s)
		}
	}
	for i := range l.postings {
		l.postings[i].slot = renamed[l.postings[i].slot]
	}
	ix.mu.Lock()
	defer ix.mu.Unlock()
	ix.slots, ix.where, ix.dead = slots, where, 0
	ix.levels, ix.recent = []*level{l}, newRecent()
}
