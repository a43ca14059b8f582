package timeline

import (
	"slices"

	"touchstone/hashindex"
)

const (
	maxRuns    = 32 // of one reference in one window
	maxLines   = 6  // tried for each
	refits     = 3
	commonness = 2 // references that a frame may vote for and weigh 1
	creditsPay = 0.5
)

// solver finds the runs of one reference in the window.
type solver struct {
	*Timeline
	reference hashindex.Reference
	ballots   [2][]ballot // as it is and mirrored
	busy      []bool      // frames that a run has taken
}

// solve finds the reference's runs anew. What is closed stays; what goes on keeps its number.
func (t *Timeline) solve(id hashindex.ReferenceID) {
	var old []*run
	s := &solver{Timeline: t, busy: make([]bool, len(t.frames))}
	others := t.runs[:0:0]
	for _, r := range t.runs {
		switch {
		case r.reference.ID != id:
			others = append(others, r)
		case r.closed:
			s.occupy(r)
			others = append(others, r)
		default:
			old = append(old, r)
		}
	}
	reference, there := t.works(id)
	if !there {
		for _, r := range old {
			t.close(r)
		}
		t.runs = append(others, old...)
		return
	}
	s.reference = reference
	s.count()
	found := s.resumed(old)
	for len(found) < maxRuns {
		r := s.next()
		if r == nil {
			break
		}
		found = append(found, r)
	}
	slices.SortStableFunc(found, byTime)
	for _, r := range found {
		t.name(r, old)
	}
	t.runs = append(others, found...)
}

// name gives the run the number of the one that it was, or a new one.
func (t *Timeline) name(r *run, old []*run) {
	if r.number != 0 {
		return
	}
	for _, o := range old {
		if o.number != 0 && r.continues(o) {
			r.number, o.number = o.number, 0
			return
		}
	}
	t.next++
	r.number = t.next
}

func (s *solver) occupy(r *run) {
	for i, f := range s.frames {
		if f.At >= r.first() && f.At <= r.last() {
			s.busy[i] = true
		}
	}
}

// count makes ballots of the votes.
func (s *solver) count() {
	for i, f := range s.frames {
		var best [2]float64
		for _, v := range f.Votes {
			if v.Frame.Reference() == s.reference.ID {
				best[side(v)] = max(best[side(v)], v.Score)
			}
		}
		if s.busy[i] || best == [2]float64{} {
			continue
		}
		weight := f.weight()
		for _, v := range f.Votes {
			if v.Frame.Reference() != s.reference.ID || v.Frame.Index() >= len(s.reference.Frames) {
				continue
			}
			lo, hi := stretch(s.reference, v.Frame.Index())
			// What is farther from the frame than its best weighs less: a scene in which little moves votes for
			// all of itself.
			b := ballot{frame: i, q: f.At.Seconds(), lo: lo, hi: hi, vote: v}
			b.weight = weight * (1 - min(0.6, 3*(best[side(v)]-v.Score)))
			s.ballots[side(v)] = append(s.ballots[side(v)], b)
		}
	}
}

func side(v Vote) int {
	if v.Transform.IsMirrored() {
		return 1
	}
	return 0
}

// weight is what a vote of the frame weighs: little for a frame that many works have.
func (f Frame) weight() float64 {
	references, last := 0, hashindex.ReferenceID(0)
	seen := map[hashindex.ReferenceID]bool{}
	for _, v := range f.Votes {
		if id := v.Frame.Reference(); id != last && !seen[id] {
			seen[id], last = true, id
			references++
		}
	}
	weight := min(1, commonness/float64(max(1, references)))
	if f.Mark == hashindex.Credits {
		weight *= creditsPay
	}
	return weight
}

// resumed are the runs that the window has partly left, followed along their lines.
func (s *solver) resumed(old []*run) (found []*run) {
	for _, o := range old {
		if o.banked.frames == 0 {
			continue
		}
		r := &run{number: o.number, reference: s.reference, mirrored: o.mirrored, line: o.line, banked: o.banked}
		s.follow(r, 0, len(s.frames)-1)
		s.steer(r)
		s.take(r)
		found = append(found, r)
	}
	return found
}

// steer fits the line to the window's votes: over hours, a thousandth of speed is seconds.
func (s *solver) steer(r *run) {
	if len(r.agreed) == 0 || r.last()-r.agreed[0].at < s.rules.Window/2 {
		return
	}
	votes := s.votesOn(r)
	var mine []ballot
	for _, a := range r.agreed {
		if b, ok := votes[a.frame]; ok {
			mine = append(mine, b)
		}
	}
	r.line = s.fit(mine, r.line)
}

// next is the run with the most votes that no other has taken; nil when none has enough.
func (s *solver) next() *run {
	for {
		best, value := s.likeliest()
		if best == nil || value < s.rules.MinWeight*0.5 {
			return nil
		}
		s.grow(best)
		if best.told() >= s.rules.MinFrames && best.weight() >= s.rules.MinWeight {
			s.take(best)
			return best
		}
		s.discard(best)
	}
}

// take leaves the run's frames to it alone.
func (s *solver) take(r *run) {
	s.occupy(r)
	for m := range s.ballots {
		s.ballots[m] = slices.DeleteFunc(s.ballots[m], func(b ballot) bool { return s.busy[b.frame] })
	}
}

// discard drops the votes that were not enough, so that others are looked at.
func (s *solver) discard(r *run) {
	m := 0
	if r.mirrored {
		m = 1
	}
	before := len(s.ballots[m])
	s.ballots[m] = slices.DeleteFunc(s.ballots[m], func(b ballot) bool {
		return slices.ContainsFunc(r.agreed, func(a agreed) bool { return a.frame == b.frame && a.by.Frame == b.vote.Frame })
	})
	if len(s.ballots[m]) == before { // what grew away from its votes must not come back for ever
		s.ballots[m] = nil
	}
}

// likeliest is the piece of a line that has most of the votes left, without what lies between and beside
// them.
func (s *solver) likeliest() (best *run, value float64) {
	tolerance := s.rules.Tolerance.Seconds()
	for m, ballots := range s.ballots {
		for _, l := range s.candidates(ballots) {
			for range refits {
				chosen, _ := taken(ballots, l, 2*tolerance)
				l = s.fit(chosen, l)
			}
			chosen, _ := taken(ballots, l, tolerance)
			for _, piece := range s.pieces(chosen) {
				near := s.settled(ballots, piece, l)
				if again, v := taken(piece, near, tolerance); v*lean(near.speed) > value {
					value = v * lean(near.speed)
					best = &run{reference: s.reference, mirrored: m == 1, line: near, agreed: agreedOf(again, s.frames)}
				}
			}
		}
	}
	return best, value
}

func agreedOf(chosen []ballot, frames []Frame) (list []agreed) {
	for _, b := range chosen {
		list = append(list, agreed{b.frame, frames[b.frame].At, b.vote, b.weight})
	}
	return list
}

// candidates are lines to try. A still has one: all of its time is 0.
func (s *solver) candidates(ballots []ballot) []line {
	if len(s.reference.Frames) == 1 {
		return []line{{}}
	}
	return lines(ballots, maxLines)
}

func (s *solver) fit(chosen []ballot, l line) line {
	if len(s.reference.Frames) == 1 {
		return line{}
	}
	return fit(chosen, l)
}

// settled is the fit of a run, at a speed of 1 where its ballots do not tell otherwise.
func (s *solver) settled(ballots, chosen []ballot, l line) line {
	l = s.fit(chosen, l)
	n := len(chosen)
	if n == 0 || len(s.reference.Frames) == 1 || chosen[n-1].q-chosen[0].q > evenSeconds {
		return l
	}
	first, last := chosen[0].frame, chosen[n-1].frame
	return plainest(within(ballots, first, last), l, s.rules.Tolerance.Seconds())
}

// within are the ballots of the frames from first to last.
func within(ballots []ballot, first, last int) (mine []ballot) {
	for _, b := range ballots {
		if b.frame >= first && b.frame <= last {
			mine = append(mine, b)
		}
	}
	return mine
}

// evenSeconds is how long a run is told its speed by only if it is plain.
const evenSeconds = 40

// pieces splits where frames agree no more for longer than the gap.
func (s *solver) pieces(chosen []ballot) (pieces [][]ballot) {
	begin := 0
	for i := 1; i <= len(chosen); i++ {
		if i == len(chosen) || chosen[i].q-chosen[i-1].q > s.rules.Gap.Seconds() {
			pieces = append(pieces, chosen[begin:i])
			begin = i
		}
	}
	return pieces
}
