package keypoint

import (
	"cmp"
	"math"
	"slices"

	"touchstone/hashindex"
)

// least is the fewest eighths of an octave that a query's corner may be above a reference's: those of
// one seen closer are as low as −8. A multiple of four, so that bins of half an octave begin there.
const least = -72

// turns and scales are of the 64 turns and of all differences of scales, in eighths of an octave.
var turns = func() (table [64]struct{ sin, cos float32 }) {
	for i := range table {
		sin, cos := math.Sincos((float64(i) + 0.5) * 2 * math.Pi / 64)
		table[i].sin, table[i].cos = float32(sin), float32(cos)
	}
	return table
}()

var scales = func() (table [maxScale - least + 1]float32) {
	for i := range table {
		table[i] = float32(math.Exp2(float64(i+least) / 8))
	}
	return table
}()

// elect is the frames with the most votes that agree with each other.
func (s *search) elect(slots []slot, scope hashindex.Scope, limit int) []hashindex.Proposal {
	s.sort(len(slots))
	var best []hashindex.Proposal
	worst := 0.0
	for from := 0; from < len(s.sorted); {
		to, sum := from, 0.0
		for ; to < len(s.sorted) && s.sorted[to].slot == s.sorted[from].slot; to++ {
			sum += float64(s.sorted[to].weight)
		}
		votes := s.sorted[from:to]
		from = to
		frame := &slots[votes[0].slot/2]
		if len(votes) < 2 || sum <= worst || frame.removed || scope.Radius(frame.collection) < 0 {
			continue
		}
		agreed := s.agreement(votes)
		if agreed <= worst {
			continue
		}
		best = append(best, hashindex.Proposal{Frame: frame.frame, Mirrored: votes[0].slot%2 == 1, Votes: agreed})
		if len(best) >= limit+limit/2+8 {
			best = top(best, limit)
			worst = best[len(best)-1].Votes
		}
	}
	return top(best, limit)
}

// top keeps the best, in order: equal votes in order of arrival (I6).
func top(proposals []hashindex.Proposal, limit int) []hashindex.Proposal {
	slices.SortFunc(proposals, func(a, b hashindex.Proposal) int {
		return cmp.Or(cmp.Compare(b.Votes, a.Votes), cmp.Compare(a.Frame, b.Frame), compareBool(a.Mirrored, b.Mirrored))
	})
	return proposals[:min(len(proposals), limit)]
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// sort brings the votes in order of slots; those of one slot stay in theirs.
func (s *search) sort(slots int) {
	s.counts = slices.Grow(s.counts[:0], 2*slots+1)[:2*slots+1]
	clear(s.counts)
	for i := range s.votes {
		s.counts[s.votes[i].slot+1]++
	}
	for i := range 2 * slots {
		s.counts[i+1] += s.counts[i]
	}
	s.sorted = slices.Grow(s.sorted[:0], len(s.votes))[:len(s.votes)]
	for _, v := range s.votes {
		s.sorted[s.counts[v.slot]] = v
		s.counts[v.slot]++
	}
}

// agreement is the weight of the votes that agree with the one that most agree with: first on how
// the picture was turned and scaled, then on where it was moved as well.
func (s *search) agreement(votes []vote) float64 {
	if len(votes) > 12 {
		votes = s.common(votes)
	}
	best := 0
	for i := range votes {
		v := &votes[i]
		reach := int(20 + 70*scales[int(v.octave)-least]) // of the middle: angles and scales are rough
		sum := 0
		for j := range votes {
			o := &votes[j]
			dx, dy := int(v.x)-int(o.x), int(v.y)-int(o.y)
			turn, octave := int8(v.turn-o.turn), v.octave-o.octave
			if turn >= -14 && turn <= 14 && octave >= -5 && octave <= 5 && dx >= -reach && dx <= reach && dy >= -reach && dy <= reach {
				sum += int(o.weight)
			}
		}
		best = max(best, sum)
	}
	return float64(best)
}

// common is the votes of the turn and scale that weigh most together: three neighbouring bins of
// 22.5° by three of half an octave, and at most 128 votes, the first.
func (s *search) common(votes []vote) []vote {
	const most = 128
	bin := func(v *vote) (turn, octave int) { return int(v.turn >> 4), (int(v.octave) - least) >> 2 }
	var bins [16][(maxScale-least)/4 + 3]int32 // a row for each turn, with an empty bin at both ends
	for i := range votes {
		turn, octave := bin(&votes[i])
		bins[turn][octave+1] += int32(votes[i].weight)
	}
	best, at, scale := int32(-1), 0, 0
	for turn := range 16 {
		for octave := 1; octave < len(bins[0])-1; octave++ {
			if bins[turn][octave] == 0 {
				continue
			}
			sum := int32(0)
			for _, t := range [3]int{(turn + 15) % 16, turn, (turn + 1) % 16} {
				sum += bins[t][octave-1] + bins[t][octave] + bins[t][octave+1]
			}
			if sum > best {
				best, at, scale = sum, turn, octave-1
			}
		}
	}
	s.close = s.close[:0]
	for i := range votes {
		turn, octave := bin(&votes[i])
		apart := (turn - at + 17) % 16
		if apart <= 2 && octave >= scale-1 && octave <= scale+1 && len(s.close) < most {
			s.close = append(s.close, votes[i])
		}
	}
	return s.close
}
