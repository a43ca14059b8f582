package timeline

import (
	"cmp"
	"math"
	"slices"
	"time"

	"touchstone/hashindex"
)

// run is a segment in the making.
type run struct {
	number    int
	reference hashindex.Reference
	mirrored  bool
	line      line
	closed    bool

	agreed []agreed // those of the window, by time
	banked bank     // what it had before
}

// agreed is a frame of the query that shows what the line has it show.
type agreed struct {
	frame  int // of the window
	at     time.Duration
	by     Vote    // zero kind: both are dark
	weight float64 // of the vote; 0 where only the line has been asked
}

// bank is what is kept of frames that the window has left.
type bank struct {
	start         time.Duration // where the segment begins
	reference     time.Duration // where in the reference
	last          time.Duration // that agreed
	frames, asked int
	weight, score float64
	kinds         [3]int
	pairs         []Pair
}

func (r *run) isStill() bool { return len(r.reference.Frames) == 1 }

// last is the last frame that agrees.
func (r *run) last() time.Duration {
	if n := len(r.agreed); n > 0 {
		return r.agreed[n-1].at
	}
	return r.banked.last
}

// first is where it begins as far as frames agree.
func (r *run) first() time.Duration {
	if r.banked.frames > 0 || len(r.agreed) == 0 {
		return r.banked.start
	}
	return r.agreed[0].at
}

// weight is what the votes of the run weigh together.
func (r *run) weight() float64 {
	sum := r.banked.weight
	for _, a := range r.agreed {
		sum += a.weight
	}
	return sum
}

// told counts the frames that agree by what they show.
func (r *run) told() int {
	n := r.banked.frames
	for _, a := range r.agreed {
		if a.by.Kind != "" {
			n++
		}
	}
	return n
}

// continues reports whether both hold some time of the query, and are much the same line there.
func (r *run) continues(old *run) bool {
	if r.reference.ID != old.reference.ID || r.mirrored != old.mirrored || r.first() > old.last() || old.first() > r.last() {
		return false
	}
	q := min(r.last(), old.last()).Seconds()
	return math.Abs(r.line.at(q)-old.line.at(q)) < 2
}

// bank moves what is before the time from the window's account to the run's.
func (t *Timeline) bank(r *run, before time.Duration) {
	n := slices.IndexFunc(r.agreed, func(a agreed) bool { return a.at >= before })
	if n < 0 {
		n = len(r.agreed)
	}
	if n > 0 {
		b := &r.banked
		if b.frames == 0 {
			b.start = t.begins(r)
			b.reference = clamp(r.line.at(b.start.Seconds()), length(r.reference))
		}
		frames, asked, score, kinds := t.account(r, r.agreed[:n])
		b.frames, b.asked, b.score, b.last = b.frames+frames, b.asked+asked, b.score+score, r.agreed[n-1].at
		for k := range kinds {
			b.kinds[k] += kinds[k]
		}
		for _, a := range r.agreed[:n] {
			b.weight += a.weight
		}
		b.pairs = thinned(append(b.pairs, t.pairs(r, r.agreed[:n])...))
		r.agreed = slices.Clone(r.agreed[n:])
	}
	gone := slices.IndexFunc(t.frames, func(f Frame) bool { return f.At >= before })
	for i := range r.agreed {
		r.agreed[i].frame -= gone
	}
}

// account sums up frames that agree, and how many could tell from the first to the last of them.
func (t *Timeline) account(r *run, list []agreed) (frames, asked int, score float64, kinds [3]int) {
	for _, a := range list {
		if k := slices.Index(tiers, a.by.Kind); k >= 0 {
			kinds[k]++
			score += a.by.Score
			frames++
		}
	}
	for _, f := range t.frames[list[0].frame : list[len(list)-1].frame+1] {
		if !f.dark() {
			asked++
		}
	}
	return frames, max(asked, frames), score, kinds
}

var tiers = []hashindex.Tier{hashindex.Copy, hashindex.Near, hashindex.Partial}

// maxPairs bounds the pairs of a segment.
const maxPairs = 12

func (t *Timeline) pairs(r *run, list []agreed) (pairs []Pair) {
	for _, a := range list {
		if a.by.Kind != "" {
			n := a.by.Frame.Index()
			pairs = append(pairs, Pair{Query: a.at, Reference: r.reference.Frames[n].At, Frame: n, Kind: a.by.Kind, Score: a.by.Score})
		}
	}
	return pairs
}

// thinned spreads as many as are kept.
func thinned(pairs []Pair) []Pair {
	if len(pairs) <= maxPairs {
		return pairs
	}
	kept := make([]Pair, maxPairs)
	for i := range kept {
		kept[i] = pairs[i*(len(pairs)-1)/(maxPairs-1)]
	}
	return kept
}

// segment is the run as it is answered.
func (t *Timeline) segment(r *run) Segment {
	s := Segment{
		Number: r.number, Reference: r.reference.ID, Speed: r.line.speed, Mirrored: r.mirrored, Open: true,
		Frames: r.banked.frames, Asked: r.banked.asked, Score: r.banked.score,
		From: t.begins(r), To: t.ends(r), Pairs: r.banked.pairs,
	}
	kinds := r.banked.kinds
	if len(r.agreed) > 0 {
		frames, asked, score, more := t.account(r, r.agreed)
		s.Frames, s.Asked, s.Score = s.Frames+frames, s.Asked+asked, s.Score+score
		for k := range kinds {
			kinds[k] += more[k]
		}
		s.Pairs = thinned(append(slices.Clone(s.Pairs), t.pairs(r, r.agreed)...))
	}
	s.Score /= float64(s.Asked)
	s.Kind = tiers[slices.Index(kinds[:], slices.Max(kinds[:]))]
	s.Transform = r.transform()
	if r.isStill() {
		s.Speed = 0
		return s
	}
	end := length(r.reference)
	s.ReferenceFrom, s.ReferenceTo = clamp(r.line.at(s.From.Seconds()), end), clamp(r.line.at(s.To.Seconds()), end)
	if r.banked.frames > 0 {
		s.ReferenceFrom = r.banked.reference
	}
	return s
}

// transform is what most of the votes say.
func (r *run) transform() hashindex.Transform {
	var counts [hashindex.TransformCount]int
	for _, a := range r.agreed {
		if a.by.Kind != "" {
			counts[a.by.Transform]++
		}
	}
	best := hashindex.Upright
	if r.mirrored {
		best = hashindex.Mirrored
	}
	for turn, n := range counts {
		if n > counts[best] {
			best = hashindex.Transform(turn)
		}
	}
	return best
}

// length is how long the reference is, in seconds: its last frame stands for up to as long as frames are
// apart.
func length(r hashindex.Reference) float64 {
	return r.Frames[len(r.Frames)-1].At.Seconds() + sampled
}

func clamp(r, end float64) time.Duration {
	return seconds(min(max(r, 0), end))
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// half is the farthest that a segment reaches beyond a frame that agrees, to where the next one says
// otherwise.
const half = 500 * time.Millisecond

// begins is where the run begins: at a cut if there is one, or else half way from the frame before; never
// before the reference does.
func (t *Timeline) begins(r *run) time.Duration {
	if r.banked.frames > 0 || len(r.agreed) == 0 {
		return r.banked.start
	}
	first := r.agreed[0]
	from := first.at
	switch {
	case t.frames[first.frame].Shot:
	case first.frame > 0:
		from -= min(half, (from-t.frames[first.frame-1].At)/2)
	default:
		from = max(0, from-half)
	}
	if r.isStill() {
		return from
	}
	return min(first.at, max(from, seconds(r.line.back(0))))
}

func (t *Timeline) ends(r *run) time.Duration {
	if len(r.agreed) == 0 {
		return r.banked.last
	}
	last := r.agreed[len(r.agreed)-1]
	to := last.at
	switch next := last.frame + 1; {
	case next < len(t.frames) && t.frames[next].Shot:
		to = min(t.frames[next].At, to+2*half)
	case next < len(t.frames):
		to += min(half, (t.frames[next].At-to)/2)
	case t.end > to: // no frame says otherwise
		to = min(t.end, to+4*half)
	}
	if r.isStill() {
		return to
	}
	return max(last.at, min(to, seconds(r.line.back(length(r.reference)))))
}

// byTime orders runs by where they begin.
func byTime(a, b *run) int {
	return cmp.Or(cmp.Compare(a.first(), b.first()), cmp.Compare(b.weight(), a.weight()))
}
