package keypoint

import (
	"math/bits"
	"slices"

	"touchstone/hashindex"
)

const (
	// budget is how many postings a query reads at most.
	budget = 6 << 20

	// near is how far signatures may be apart, of 64 bits.
	near = 10

	// asked is how many of a query's corners are looked up, and askedMirrored how many of its mirror
	// image's: fewer, because a mirrored copy is rarely a small part of a picture as well.
	asked, askedMirrored = 1100, 500

	// maxProbes is how many keys a corner is looked up under at most.
	maxProbes = 64
)

// search is the scratch of one Propose.
type search struct {
	corners []corner
	length  int // of the keys that are looked up, in bits
	probes  []probe
	spans   []span
	hits    []uint32
	ends    []int // of each level's hits
	votes   []vote
	sorted  []vote
	counts  []uint32
	close   []vote
}

// corner is one of the query's, or of its mirror image's.
type corner struct {
	key       uint32
	signature uint64
	place     place
	doubts    [8]uint8
	mirrored  bool
}

// probe is a key to look a corner up under.
type probe struct {
	corner uint32
	number uint32 // by which its spans are found
	prefix uint32
	length uint32 // of its lists
}

// span is where a level has the postings of a probe.
type span struct{ from, to uint32 }

// vote is a posting near a corner.
type vote struct {
	slot   uint32 // twice the frame's, plus 1 for the mirror image
	weight uint16
	turn   uint8 // of the query against the reference, in 256ths
	octave int8  // eighths of an octave that it is larger by
	x, y   int16 // where that takes the middle of the reference
}

// take notes the query's corners, and those of its mirror image.
func (s *search) take(query hashindex.Features) {
	s.corners = s.corners[:0]
	for i := range query.Keypoints[:min(len(query.Keypoints), asked)] {
		k := &query.Keypoints[i]
		mirrored := k.Descriptor.Mirrored()
		at := placeOf(&query, k)
		s.corners = append(s.corners, corner{keyOf(&k.Descriptor), signatureOf(&k.Descriptor), at, k.Doubts[0], false})
		if i >= askedMirrored {
			continue
		}
		at.x, at.angle = -at.x, 128-at.angle
		s.corners = append(s.corners, corner{keyOf(&mirrored), signatureOf(&mirrored), at, k.Doubts[1], true})
	}
}

// look gathers the votes.
func (s *search) look(ix *Index) {
	s.votes = s.votes[:0]
	s.plan(ix)
	for i := range min(ahead, len(s.probes)) {
		s.ask(ix, i)
	}
	for i := 0; i < len(s.probes); {
		first, of := len(s.votes), s.probes[i].corner
		to := i
		for ; to < len(s.probes) && s.probes[to].corner == of; to++ {
			if to+ahead < len(s.probes) {
				s.ask(ix, to+ahead)
			}
		}
		s.read(ix, i, to)
		weigh(s.votes[first:], len(ix.slots)-ix.dead)
		i = to
	}
}

// ahead is how many probes before it is read a probe's memory is asked for.
const ahead = 16

// ask asks for the beginnings of a probe's lists of signatures.
func (s *search) ask(ix *Index, probe int) {
	for n, span := range s.spansOf(ix, probe) {
		if span.from < span.to {
			askSignatures(&ix.levels[n].signatures[span.from])
		}
	}
}

// spansOf are where each level has the postings of a probe.
func (s *search) spansOf(ix *Index, probe int) []span {
	return s.spans[int(s.probes[probe].number)*len(ix.levels):][:len(ix.levels)]
}

// plan chooses the probes: keys about as long as makes lists of sixteen, and of each corner's
// likeliest keys those with the shortest lists, until the budget is used up.
func (s *search) plan(ix *Index) {
	total := len(ix.recent.postings)
	for _, l := range ix.levels {
		total += len(l.postings)
	}
	s.length = min(max(bits.Len(uint(total))-4, 8), hashindex.KeyBits)
	s.probes = s.probes[:0]
	tries := min(maxProbes, max(8, budget/max(1, total)))
	for i := range s.corners {
		for _, flips := range sequence[:tries] {
			if key, within := s.corners[i].flipped(flips, s.length); within {
				s.probes = append(s.probes, probe{corner: uint32(i), number: uint32(len(s.probes)), prefix: key >> (hashindex.KeyBits - s.length)})
			}
		}
	}
	var histogram [128]int // of lengths, four steps an octave, by what is read of them
	s.spans = s.spans[:0]
	for i := range s.probes {
		if i+ahead < len(s.probes) {
			ix.askStarts(s.probes[i+ahead].prefix, s.length)
		}
		p := &s.probes[i]
		p.length = uint32(s.locate(ix, p.prefix))
		histogram[step(p.length)] += int(p.length)
	}
	sum, limit := 0, 0
	for limit < len(histogram) && sum+histogram[limit] <= budget {
		sum += histogram[limit]
		limit++
	}
	s.probes = slices.DeleteFunc(s.probes, func(p probe) bool { return p.length == 0 || step(p.length) >= limit })
}

// step is four for each octave of a length.
func step(length uint32) int {
	top := bits.Len32(length)
	if top < 3 {
		return int(length)
	}
	return 4*(top-2) + int(length>>(top-3)&3)
}

// flipped is the corner's key with some of its doubtful bits turned; false where they are beyond the
// length that is looked up.
func (c *corner) flipped(flips uint8, length int) (key uint32, within bool) {
	key = c.key
	for ; flips != 0; flips &= flips - 1 {
		bit := int(c.doubts[bits.TrailingZeros8(flips)])
		if bit >= length {
			return 0, false
		}
		key ^= 1 << (hashindex.KeyBits - 1 - bit)
	}
	return key, true
}

// sequence lists sets of doubts by how likely they all are wrong: the least certain first, few before
// many. The i-th doubt counts i + 2.
var sequence = func() (sets []uint8) {
	cost := func(set uint8) (sum int) {
		for ; set != 0; set &= set - 1 {
			sum += bits.TrailingZeros8(set) + 2
		}
		return sum
	}
	for set := range 256 {
		sets = append(sets, uint8(set))
	}
	slices.SortStableFunc(sets, func(a, b uint8) int { return cost(a) - cost(b) })
	return sets[:maxProbes]
}()

// askStarts asks for where the lists of keys with the prefix begin.
func (ix *Index) askStarts(prefix uint32, length int) {
	for _, l := range ix.levels {
		askStarts(&l.start[prefix<<(hashindex.KeyBits-length)])
	}
}

// locate notes where the keys with the prefix have their postings, and counts those.
func (s *search) locate(ix *Index, prefix uint32) (n int) {
	for _, l := range ix.levels {
		from, to := l.span(prefix, s.length)
		s.spans = append(s.spans, span{from, to})
		n += int(to - from)
	}
	if len(ix.recent.postings) > 0 {
		for from, to := ix.recent.lists(prefix, s.length); from < to; from++ {
			n += int(ix.recent.counts[from])
		}
	}
	return n
}

// read votes for the postings of a corner's probes: the nearest of them, where there are very many.
func (s *search) read(ix *Index, first, end int) {
	c := &s.corners[s.probes[first].corner]
	s.hits, s.ends = s.hits[:0], s.ends[:0]
	for n, l := range ix.levels {
		for p := first; p < end; p++ {
			if span := s.spansOf(ix, p)[n]; span.from < span.to {
				s.sift(l, span, c.signature)
			}
		}
		s.ends = append(s.ends, len(s.hits))
	}
	reach, from := s.reach(), 0
	for n, l := range ix.levels {
		for _, hit := range s.hits[from:s.ends[n]] {
			if d := int(hit & (1<<hitBits - 1)); d <= reach {
				s.vote(c, l.postings[hit>>hitBits], d)
			}
		}
		from = s.ends[n]
	}
	if len(ix.recent.postings) > 0 {
		for _, p := range s.probes[first:end] {
			s.readRecent(ix.recent, c, p, reach)
		}
	}
}

// enough is how many postings vote for a corner when nearer ones are that many already.
const enough = 128

// reach is the distance that hits may have to vote: the first within which there are enough of them.
func (s *search) reach() int {
	var counts [near + 1]int
	for _, hit := range s.hits {
		counts[hit&(1<<hitBits-1)]++
	}
	sum := 0
	for d, n := range counts {
		if sum += n; sum >= enough {
			return d
		}
	}
	return near
}

// sift appends a span's hits, and asks for their postings.
func (s *search) sift(l *level, span span, want uint64) {
	held, size := len(s.hits), int(span.to-span.from)
	s.hits = slices.Grow(s.hits, size+hitSlack)
	n := sift(l.signatures[span.from:span.to], span.from, want, s.hits[held:held+size+hitSlack])
	s.hits = s.hits[:held+n]
	for _, hit := range s.hits[held:] {
		askPosting(&l.postings[hit>>hitBits])
	}
}

func (s *search) readRecent(r *recent, c *corner, p probe, reach int) {
	rest := hashindex.KeyBits - s.length
	for from, to := r.lists(p.prefix, s.length); from < to; from++ {
		for i := r.heads[from]; i >= 0; {
			k := &r.links[i]
			if d := bits.OnesCount64(k.signature ^ c.signature); d <= reach && k.key>>rest == p.prefix {
				s.vote(c, r.postings[i], d)
			}
			i = k.next
		}
	}
}

// alike is what a vote weighs by the distance of the signatures.
var alike = func() (weights [near + 1]uint16) {
	for d := range weights {
		weights[d] = uint16(16 + 4*(near-d))
	}
	return weights
}()

func (s *search) vote(c *corner, p posting, distance int) {
	at := p.at()
	v := vote{slot: p.slot * 2, weight: alike[distance], turn: c.place.angle - at.angle, octave: int8(c.place.scale - at.scale)}
	if c.mirrored {
		v.slot++
	}
	sin, cos := turns[v.turn>>2].sin, turns[v.turn>>2].cos
	scale := scales[int(v.octave)-least]
	x, y := float32(at.x)*scale, float32(at.y)*scale
	v.x = int16(c.place.x - int32(x*cos-y*sin))
	v.y = int16(c.place.y - int32(x*sin+y*cos))
	s.votes = append(s.votes, v)
}

// weigh makes votes of a corner that many references have count less, as in the inverse document
// frequency.
func weigh(votes []vote, frames int) {
	if len(votes) == 0 {
		return
	}
	// 16 for a corner that one frame has, 1 for one that all have.
	rarity := 1 + 15*(bits.Len(uint(frames))-bits.Len(uint(min(len(votes), frames))))/max(1, bits.Len(uint(frames)))
	for i := range votes {
		votes[i].weight = uint16(int(votes[i].weight) * max(rarity, 1))
	}
}
