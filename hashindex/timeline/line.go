package timeline

import (
	"math"

	"touchstone/hashindex"
)

// line takes a time of the query to the reference's, both in seconds.
type line struct{ offset, speed float64 }

func (l line) at(q float64) float64 { return l.offset + l.speed*q }

// back is the time of the query at which the reference's is r.
func (l line) back(r float64) float64 { return (r - l.offset) / l.speed }

// The speeds looked for, and what the fit may make of them.
const (
	slowest, fastest = 0.8, 1.25
	slack            = 0.02
)

// ballot is a vote as a place in the plane of both times: the frame of the reference stands from lo to hi.
type ballot struct {
	frame  int // of the window
	q      float64
	lo, hi float64
	weight float64
	vote   Vote
}

// miss is how far the line passes from the ballot, in seconds.
func (b ballot) miss(l line) float64 {
	r := l.at(b.q)
	return max(b.lo-r, r-b.hi, 0)
}

// value is what the ballot adds to the line: its weight on it, nothing beyond the tolerance.
func (b ballot) value(l line, tolerance float64) float64 {
	m := b.miss(l) / tolerance
	return b.weight * max(0, 1-m*m)
}

// taken are the best ballots of each frame for the line, in the order of frames, and their value.
func taken(ballots []ballot, l line, tolerance float64) (chosen []ballot, value float64) {
	best := 0.0
	for _, b := range ballots {
		v := b.value(l, tolerance)
		switch n := len(chosen); {
		case v <= 0:
		case n > 0 && chosen[n-1].frame == b.frame:
			if v > best {
				chosen[n-1], value, best = b, value+v-best, v
			}
		default:
			chosen, value, best = append(chosen, b), value+v, v
		}
	}
	return chosen, value
}

// priorSeconds is how strongly a fit holds on to a speed of 1: as votes would whose distances from their
// middle, squared, are so much in all. Votes are a quarter of a second off as frames fall, so a few of them
// tell no speed.
const priorSeconds = 8

// fit is the line through the ballots, by least squares, that keeps to a speed of 1 as far as they do not
// tell.
func fit(ballots []ballot, before line) line {
	var sum, q, r float64
	for _, b := range ballots {
		sum += b.weight
		q += b.weight * b.q
		r += b.weight * b.target(before)
	}
	if sum == 0 {
		return before
	}
	q, r = q/sum, r/sum
	top, bottom := float64(priorSeconds), float64(priorSeconds)
	for _, b := range ballots {
		d := b.q - q
		top += b.weight * d * (b.target(before) - r)
		bottom += b.weight * d * d
	}
	speed := min(max(top/bottom, slowest-slack), fastest+slack)
	return line{r - speed*q, speed}
}

// evenness is how much worse a line at the film's own speed may be than the one that fits best: in a scene
// where little moves votes lie anywhere, and tell a speed that is none.
const evenness = 0.12

// plainest is the line at a speed of 1 where the ballots bear it as well as the one that was fitted.
func plainest(ballots []ballot, l line, tolerance float64) line {
	_, best := taken(ballots, l, tolerance)
	middle := (ballots[0].q + ballots[len(ballots)-1].q) / 2
	even := line{l.at(middle) - middle, 1}
	for range refits {
		chosen, _ := taken(ballots, even, 2*tolerance)
		var sum, weight float64
		for _, b := range chosen {
			sum += b.weight * (b.target(even) - b.q)
			weight += b.weight
		}
		if weight > 0 {
			even.offset = sum / weight
		}
	}
	if _, plain := taken(ballots, even, tolerance); plain >= (1-evenness)*best {
		return even
	}
	return l
}

// target is the point of the ballot's stretch nearest to the line.
func (b ballot) target(l line) float64 { return min(max(l.at(b.q), b.lo), b.hi) }

const (
	binSeconds = 0.5
	speedStep  = 0.02 // of the logarithm
	longest    = 64   // bins that one stretch fills; a longer one tells nothing of an offset
)

// bin collects what the ballots of one offset and speed weigh, each frame once.
type bin struct {
	sum   float64
	frame int
	last  float64
}

// speeds are those that lines are looked for at.
var speeds = func() (list []float64) {
	for n := math.Ceil(math.Log(slowest) / speedStep); n <= math.Log(fastest)/speedStep; n++ {
		list = append(list, math.Exp(n*speedStep))
	}
	return list
}()

// lean makes a line at the film's own speed win over one that is as good. A still has no speed.
func lean(speed float64) float64 {
	if speed == 0 {
		return 1
	}
	return 1 - 0.1*math.Abs(math.Log(speed))
}

// lines are the likeliest, best first, at most so many.
func lines(ballots []ballot, most int) (best []line) {
	type peak struct {
		line
		value float64
	}
	var peaks []peak
	bins := map[int]bin{}
	for _, speed := range speeds {
		clear(bins)
		top := peak{}
		for _, b := range ballots {
			from := int(math.Floor((b.lo - speed*b.q) / binSeconds))
			to := int(math.Floor((b.hi - speed*b.q) / binSeconds))
			for n := max(from-1, to-longest); n <= to; n++ { // bins overlap by half
				each := bins[n]
				if each.frame != b.frame+1 {
					each.frame, each.last = b.frame+1, 0
				}
				each.sum += max(0, b.weight-each.last)
				each.last = max(each.last, b.weight)
				bins[n] = each
				if v := each.sum * lean(speed); v > top.value {
					top = peak{line{float64(n+1) * binSeconds, speed}, v}
				}
			}
		}
		peaks = append(peaks, top)
	}
	for len(best) < most && len(best) < len(peaks) {
		top := 0
		for i, p := range peaks {
			if p.value > peaks[top].value {
				top = i
			}
		}
		best = append(best, peaks[top].line)
		peaks[top].value = -1
	}
	return best
}

// sampled is the longest time between frames of a reference, in seconds, of which none was left out
// because nothing had changed.
const sampled = 0.3

// stretch is how long the frame of the reference stands, in seconds: neighbours that looked the same
// were merged into it.
func stretch(r hashindex.Reference, n int) (lo, hi float64) {
	lo = r.Frames[n].At.Seconds()
	hi = lo
	if n+1 < len(r.Frames) {
		hi = max(lo, r.Frames[n+1].At.Seconds()-sampled)
	}
	return lo, hi
}
