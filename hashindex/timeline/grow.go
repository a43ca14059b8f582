package timeline

import (
	"math"
	"slices"

	"touchstone/hashindex"
)

// grow asks the frames between and beside those that voted, and fits the line again.
func (s *solver) grow(r *run) {
	m := 0
	if r.mirrored {
		m = 1
	}
	for range refits {
		first, last := r.agreed[0].frame, r.agreed[len(r.agreed)-1].frame
		mine := within(s.ballots[m], first, last)
		chosen, _ := taken(mine, r.line, s.rules.Tolerance.Seconds())
		r.line = s.settled(mine, chosen, r.line)
		s.follow(r, first, last)
		if len(r.agreed) == 0 {
			return
		}
	}
}

// follow asks each frame from first to last whether it agrees with the line, and goes on beyond both while
// some do.
func (s *solver) follow(r *run, first, last int) {
	votes := s.votesOn(r)
	var list []agreed
	for i := first; i <= last; i++ {
		if a, ok := s.agrees(r, i, votes); ok {
			list = append(list, a)
		}
	}
	if len(list) == 0 {
		r.agreed = nil
		return
	}
	if r.banked.frames == 0 {
		var before []agreed
		for i, end := list[0].frame-1, list[0].at; i >= 0 && end-s.frames[i].At <= s.rules.Gap && !s.busy[i]; i-- {
			if a, ok := s.agrees(r, i, votes); ok {
				before, end = append(before, a), a.at
			}
		}
		slices.Reverse(before)
		list = append(before, list...)
	}
	for i, end := list[len(list)-1].frame+1, list[len(list)-1].at; i < len(s.frames) && s.frames[i].At-end <= s.rules.Gap && !s.busy[i]; i++ {
		if a, ok := s.agrees(r, i, votes); ok {
			list, end = append(list, a), a.at
		}
	}
	r.agreed = s.contiguous(r, list)
}

// votesOn are the run's votes by frame.
func (s *solver) votesOn(r *run) map[int]ballot {
	m := 0
	if r.mirrored {
		m = 1
	}
	chosen, _ := taken(s.ballots[m], r.line, s.rules.Tolerance.Seconds())
	votes := make(map[int]ballot, len(chosen))
	for _, b := range chosen {
		votes[b.frame] = b
	}
	return votes
}

// contiguous cuts the run where the gap is too long for a run that resumes, and drops dark frames at its
// ends that something else lies before.
func (s *solver) contiguous(r *run, list []agreed) []agreed {
	if r.banked.frames > 0 {
		last := r.banked.last
		for i, a := range list {
			if a.at-last > s.rules.Gap {
				list = list[:i]
				break
			}
			last = a.at
		}
	}
	for n := len(list); n > 1 && list[n-1].by.Kind == "" && list[n-1].frame != list[n-2].frame+1; n-- {
		list = list[:n-1]
	}
	if r.banked.frames == 0 {
		for len(list) > 1 && list[0].by.Kind == "" && list[0].frame != list[1].frame-1 {
			list = list[1:]
		}
	}
	return list
}

// reach is how far beside the line a frame of the reference may lie that it is compared with, in seconds.
const reach = 1.2

// agrees asks one frame: by its vote, or where it did not vote for the line by what the line has it show.
func (s *solver) agrees(r *run, i int, votes map[int]ballot) (agreed, bool) {
	f := s.frames[i]
	if b, ok := votes[i]; ok {
		return agreed{i, f.At, b.vote, b.weight}, true
	}
	at := 0.0
	if !r.isStill() {
		at = r.line.at(f.At.Seconds())
		if at < -half.Seconds() || at > length(s.reference)+half.Seconds() {
			return agreed{}, false
		}
	}
	turn := r.transform()
	nearest, best := -1, s.rules.Radius+1
	dark := false
	for n := firstNear(s.reference, at-reach); n < len(s.reference.Frames); n++ {
		lo, hi := stretch(s.reference, n)
		if lo > at+reach {
			break
		}
		known := s.reference.Frames[n]
		if undecidable(known.Quality) {
			dark = dark || hi >= at-reach
			continue
		}
		if hi < at-reach || f.dark() {
			continue
		}
		for _, probe := range []hashindex.Hash{f.Dihedral[turn], f.Inner[turn]} {
			if d := distance(probe, known.Hashes[hashindex.PDQ]); d < best {
				nearest, best = n, d
			}
		}
	}
	switch {
	case nearest >= 0:
		by := Vote{Frame: hashindex.FrameOf(s.reference.ID, nearest), Kind: hashindex.Near, Transform: turn, Score: 1 - float64(best)/128}
		return agreed{frame: i, at: f.At, by: by}, true
	case f.dark() && dark && !r.isStill():
		return agreed{frame: i, at: f.At}, true
	}
	return agreed{}, false
}

// distance is beyond every radius where one has no hash.
func distance(a, b hashindex.Hash) int {
	if a.IsZero() || b.IsZero() {
		return 256
	}
	return a.Distance(b)
}

// firstNear is the first frame that may stand until the time or longer.
func firstNear(r hashindex.Reference, at float64) int {
	n, _ := slices.BinarySearchFunc(r.Frames, at, func(f hashindex.StoredFrame, at float64) int {
		return int(math.Copysign(1, f.At.Seconds()-at))
	})
	return max(0, n-1)
}
