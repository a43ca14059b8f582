package keypoint

import "touchstone/hashindex"

const keys = 1 << hashindex.KeyBits

// level holds the postings of many frames in the order of their keys. It does not change.
type level struct {
	start      []uint32 // where each key's postings begin; one more at the end
	signatures []uint64
	postings   []posting
}

func (l *level) bytes() int { return 4*len(l.start) + 8*len(l.signatures) + 8*len(l.postings) }

// span is where the postings lie whose keys begin with the prefix, of so many bits.
func (l *level) span(prefix uint32, length int) (from, to uint32) {
	rest := hashindex.KeyBits - length
	return l.start[prefix<<rest], l.start[(prefix+1)<<rest]
}

// merged is one level of the live postings of all sources, and of the recent ones, if any.
func merged(levels []*level, r *recent, slots []slot) *level {
	out := &level{start: make([]uint32, keys+1)}
	each := func(use func(key uint32, signature uint64, p posting)) {
		for _, l := range levels {
			for key := range uint32(keys) {
				for i := l.start[key]; i < l.start[key+1]; i++ {
					if !slots[l.postings[i].slot].removed {
						use(key, l.signatures[i], l.postings[i])
					}
				}
			}
		}
		if r != nil {
			for i, p := range r.postings {
				if !slots[p.slot].removed {
					use(r.links[i].key, r.links[i].signature, p)
				}
			}
		}
	}
	each(func(key uint32, _ uint64, _ posting) { out.start[key+1]++ })
	for key := range keys {
		out.start[key+1] += out.start[key]
	}
	n := out.start[keys]
	out.signatures, out.postings = make([]uint64, n), make([]posting, n)
	each(func(key uint32, signature uint64, p posting) {
		at := out.start[key]
		out.signatures[at], out.postings[at] = signature, p
		out.start[key]++
	})
	copy(out.start[1:], out.start[:keys]) // each start has become the next one's
	out.start[0] = 0
	return out
}

// recent holds the postings that came last, in lists by the beginning of their keys.
type recent struct {
	heads    []int32  // by the first recentBits of the key: its latest posting, -1 for none
	counts   []uint32 // postings in each list
	links    []link   // by posting
	postings []posting
}

// link is what a list is read by: all in one place, since most postings are dismissed by it.
type link struct {
	signature uint64
	key       uint32
	next      int32 // the posting before it in the list
}

const recentBits = 16

func newRecent() *recent {
	r := &recent{heads: make([]int32, 1<<recentBits), counts: make([]uint32, 1<<recentBits)}
	for i := range r.heads {
		r.heads[i] = -1
	}
	return r
}

func (r *recent) add(key uint32, signature uint64, p posting) {
	list := key >> (hashindex.KeyBits - recentBits)
	r.links, r.postings = append(r.links, link{signature, key, r.heads[list]}), append(r.postings, p)
	r.heads[list] = int32(len(r.links) - 1)
	r.counts[list]++
}

// lists are those that hold the keys with the prefix.
func (r *recent) lists(prefix uint32, length int) (from, to uint32) {
	if length >= recentBits {
		list := prefix >> (length - recentBits)
		return list, list + 1
	}
	return prefix << (recentBits - length), (prefix + 1) << (recentBits - length)
}

func (r *recent) bytes() int {
	return 8*len(r.heads) + 16*cap(r.links) + 8*cap(r.postings)
}
