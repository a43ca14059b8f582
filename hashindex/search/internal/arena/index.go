package arena

import (
	"math/bits"

	"touchstone/hashindex"
)

// index finds the place of a frame: open addressing over places alone, about 7 bytes an entry where
// a map takes 30. The keys are the frames at those places, so every method is given them.
type index struct {
	slots []uint32 // place + 1; 0 is free. A power of two, at most three quarters used
	used  int
}

func (x *index) bytes() int { return cap(x.slots) * 4 }

func (x *index) find(f hashindex.FrameID, frames []hashindex.FrameID) int {
	if x.used == 0 {
		return -1
	}
	for s := x.home(f); x.slots[s] != 0; s = x.next(s) {
		if place := int(x.slots[s] - 1); frames[place] == f {
			return place
		}
	}
	return -1
}

func (x *index) add(place int, frames []hashindex.FrameID) {
	if 4*(x.used+1) > 3*len(x.slots) {
		x.rehash(max(16, 2*len(x.slots)), frames)
	}
	x.insert(place, frames)
	x.used++
}

// reserve makes room for that many entries in all.
func (x *index) reserve(entries int, frames []hashindex.FrameID) {
	size := max(16, len(x.slots))
	for 4*entries > 3*size {
		size *= 2
	}
	if size > len(x.slots) {
		x.rehash(size, frames)
	}
}

func (x *index) insert(place int, frames []hashindex.FrameID) {
	s := x.home(frames[place])
	for x.slots[s] != 0 {
		s = x.next(s)
	}
	x.slots[s] = uint32(place + 1)
}

// move notes that what is at one place will be at another.
func (x *index) move(from, to int, frames []hashindex.FrameID) {
	x.slots[x.slot(from, frames)] = uint32(to + 1)
}

func (x *index) remove(place int, frames []hashindex.FrameID) {
	x.close(x.slot(place, frames), frames)
	x.used--
	if len(x.slots) > 16 && 8*x.used < len(x.slots) {
		x.rehash(len(x.slots)/4, frames)
	}
}

// close frees the slot and moves back what had been pushed past it, so that no search stops early.
func (x *index) close(free int, frames []hashindex.FrameID) {
	mask := len(x.slots) - 1
	for s := x.next(free); x.slots[s] != 0; s = x.next(s) {
		home := x.home(frames[x.slots[s]-1])
		if (s-home)&mask >= (s-free)&mask {
			x.slots[free] = x.slots[s]
			free = s
		}
	}
	x.slots[free] = 0
}

// slot is where the place, which holds an entry, is listed.
func (x *index) slot(place int, frames []hashindex.FrameID) int {
	s := x.home(frames[place])
	for x.slots[s] != uint32(place+1) {
		s = x.next(s)
	}
	return s
}

func (x *index) rehash(size int, frames []hashindex.FrameID) {
	old := x.slots
	x.slots = make([]uint32, size)
	for _, s := range old {
		if s != 0 {
			x.insert(int(s-1), frames)
		}
	}
}

// home is the slot where the search for a frame begins: the top bits of a Fibonacci hash, for
// frames are numbered in steps of 1<<20.
func (x *index) home(f hashindex.FrameID) int {
	const golden = 0x9e3779b97f4a7c15
	mixed := (uint64(f) ^ uint64(f)>>32) * golden
	return int(mixed >> (65 - bits.Len(uint(len(x.slots)))))
}

func (x *index) next(s int) int { return (s + 1) & (len(x.slots) - 1) }
