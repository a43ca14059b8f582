package align

import (
	"math"

	"touchstone/hashindex"
)

const (
	// seeds is how many of the most alike matches hypotheses are made of: 60 give 1,770 pairs.
	seeds = 60
	// minInliers is the least that a motion is believed by before pixels are compared.
	minInliers = 4

	// A corner found where a motion says that it should be may look less like itself than one found
	// anywhere: loose while the motion is refined, strict for what is counted in the end.
	loose, strict = 85, 60
	tight         = 0.7 // of a corner's reach, once the motion is final

	// final is how often a motion is refined.
	final = 4
)

// estimate finds the motion that most matches agree on.
func (a *aligner) estimate(reference hashindex.Features) (motion, bool) {
	a.survey(reference)
	best, support := motion{}, 0.0
	top := a.matches[:min(len(a.matches), seeds)]
	// More than this many matches agree on nothing but the truth.
	enough := 12 + 0.3*float64(len(a.matches))
	for j := 1; j < len(top) && support < enough; j++ {
		for i := range j {
			m, ok := a.hypothesis(reference, top[i], top[j])
			if !ok {
				continue
			}
			if s := a.support(&m); s > support {
				best, support = m, s
			}
		}
	}
	if support == 0 {
		return motion{}, false
	}
	return a.refine(reference, best)
}

// spot is a match as hypotheses are tried on it.
type spot struct {
	from, to      point
	far           float64 // that it may miss by, squared
	weight        float64
	octaves, turn float64 // of its own scales and angles, as in a view
}

func (a *aligner) survey(reference hashindex.Features) {
	a.spots = a.spots[:0]
	for _, k := range a.matches {
		r, q := &reference.Keypoints[k.reference], &a.query.Keypoints[k.query]
		a.spots = append(a.spots, spot{
			from: place(r), to: place(q), far: reach(q) * reach(q), weight: 1.25 - float64(k.distance)/near,
			octaves: float64(int(q.Scale) - int(r.Scale)), turn: float64(int8(q.Angle - r.Angle)),
		})
	}
}

// hypothesis is the similarity of two matches, if their own scales and angles bear it out.
func (a *aligner) hypothesis(reference hashindex.Features, i, j match) (motion, bool) {
	r1, r2 := &reference.Keypoints[i.reference], &reference.Keypoints[j.reference]
	q1, q2 := &a.query.Keypoints[i.query], &a.query.Keypoints[j.query]
	turn1, turn2 := int8(q1.Angle-r1.Angle), int8(q2.Angle-r2.Angle)
	if d := turn1 - turn2; d > 28 || d < -28 {
		return motion{}, false
	}
	m, ok := similarity(place(r1), place(r2), place(q1), place(q2))
	if !ok {
		return motion{}, false
	}
	v := newView(&m, point{})
	return m, v.fits(r1, q1) && v.fits(r2, q2)
}

// view is how a motion scales and turns: what it must do to a corner's own scale and angle.
type view struct{ octaves, turn float64 } // eighths of an octave, 256ths of a turn

func newView(m *motion, at point) view {
	scale, angle := m.local(at)
	return view{8 * math.Log2(max(scale, 1e-6)), angle * (128 / math.Pi)}
}

// fits reports whether a corner is scaled and turned as the motion says.
func (v view) fits(r, q *hashindex.Keypoint) bool {
	return v.allows(float64(int(q.Scale)-int(r.Scale)), float64(int8(q.Angle-r.Angle)))
}

// allows 28° and five eighths of an octave, which is what corners are found apart by.
func (v view) allows(octaves, turn float64) bool {
	d := octaves - v.octaves
	if d > 5 || d < -5 {
		return false
	}
	t := math.Abs(turn - v.turn)
	return t < 20 || t > 236
}

// reach is how far a corner may be from where the motion takes it, in pixels: corners of coarse
// levels are less precise.
func reach(q *hashindex.Keypoint) float64 { return 2.5 + 1.5*scaleOf(q.Scale) }

// The coarsest corners that are made, and those that anything is allowed for, in eighths of an octave.
const coarse, coarsest = 24, 63

// scaleOf is eighths of an octave as a factor.
func scaleOf(octaves int8) float64 { return scales[int(octaves)-math.MinInt8] }

var scales = func() (table [256]float64) {
	for i := range table {
		table[i] = math.Exp2(float64(i+math.MinInt8) / 8)
	}
	return table
}()

// support weighs the matches that agree with a motion: alike ones count up to one and a quarter.
func (a *aligner) support(m *motion) float64 {
	v := newView(m, point{})
	sum := 0.0
	for i := range a.spots {
		s := &a.spots[i]
		dx, dy := m[0]*s.from.x+m[1]*s.from.y+m[2]-s.to.x, m[3]*s.from.x+m[4]*s.from.y+m[5]-s.to.y
		if dx*dx+dy*dy <= s.far && v.allows(s.octaves, s.turn) {
			sum += s.weight
		}
	}
	return sum
}

// refine fits the motion to the matches that agree with it and looks for more of them where it says
// that they should be: a similarity first, then an affine motion where there are enough.
func (a *aligner) refine(reference hashindex.Features, m motion) (motion, bool) {
	for round := range final {
		a.guided(reference, &m, slackOf(round), loose)
		pairs := a.pairs(reference)
		next, ok := motion{}, false
		if round > 0 && len(pairs) >= 6 {
			next, ok = fitAffine(pairs)
			ok = ok && next.sane(reference)
		}
		if !ok {
			next, ok = fitSimilarity(pairs)
		}
		if !ok || len(pairs) < minInliers {
			return motion{}, false
		}
		m = next
	}
	a.guided(reference, &m, tight, strict)
	return m, len(a.inliers) >= minInliers && m.sane(reference)
}

// bend goes on from an affine motion to a homography, which fewer corners do not determine well.
func (a *aligner) bend(reference hashindex.Features, m motion) (motion, bool) {
	for range 3 {
		a.guided(reference, &m, 1.5, loose)
		pairs := a.pairs(reference)
		if len(pairs) < 12 {
			return motion{}, false
		}
		next, ok := fitHomography(pairs)
		if !ok || !next.sane(reference) {
			return motion{}, false
		}
		m = next
	}
	return m, true
}

// slackOf tightens how far corners may lie from where they should, as the motion gets better.
func slackOf(round int) float64 {
	if round > 2 {
		return 1
	}
	return 1.5
}

// guided fills inliers with the corners found where the motion takes those of the reference: within so
// many times their reach, and with descriptors at most limit apart.
func (a *aligner) guided(reference hashindex.Features, m *motion, slack float64, limit int) {
	a.inliers = a.inliers[:0]
	clear(a.taken)
	v := newView(m, point{})
	for i := range reference.Keypoints {
		r := &reference.Keypoints[i]
		from := place(r)
		p := m.apply(from)
		if !(p.x >= 0 && p.y >= 0 && p.x <= float64(a.query.Width) && p.y <= float64(a.query.Height)) {
			continue
		}
		if !m.affine() {
			v = newView(m, from)
		}
		if at, d := a.nearest(r, p, v, slack, limit); at >= 0 && !a.taken[at] {
			a.taken[at] = true
			a.inliers = append(a.inliers, match{int32(i), at, int32(d)})
		}
	}
}

// expected counts the corners of the reference that lie inside the query under the motion, and are
// neither too fine nor too coarse to be found there.
func (a *aligner) expected(reference hashindex.Features, m *motion) (n int) {
	v := newView(m, point{})
	for i := range reference.Keypoints {
		r := &reference.Keypoints[i]
		from := place(r)
		p := m.apply(from)
		if !m.affine() {
			v = newView(m, from)
		}
		scale := float64(r.Scale) + v.octaves
		if p.x > 0 && p.y > 0 && p.x < float64(a.query.Width) && p.y < float64(a.query.Height) && scale > a.finest-2 && scale < coarse+2 {
			n++
		}
	}
	return n
}

// nearest is the query's corner most like r of those where a motion says that it should be, at most
// limit bits away; -1 for none.
func (a *aligner) nearest(r *hashindex.Keypoint, p point, v view, slack float64, limit int) (at int32, d int) {
	best, at := limit+1, int32(-1)
	// A corner's scale must fit the motion's, so that its reach is known from above.
	far := slack * (2.5 + 1.5*scaleOf(int8(min(int(r.Scale)+int(v.octaves)+7, coarsest))))
	left, right, top, bottom := a.grid.span(p, far)
	for row := top; row <= bottom; row++ {
		for column := left; column <= right; column++ {
			for _, j := range a.grid.cells.at(row*a.grid.columns + column) {
				q := &a.query.Keypoints[j]
				to := place(q)
				dx, dy, far := p.x-to.x, p.y-to.y, slack*reach(q)
				if dx*dx+dy*dy > far*far || !v.fits(r, q) {
					continue
				}
				if d := distance(&r.Descriptor, &q.Descriptor); d < best {
					best, at = d, j
				}
			}
		}
	}
	return at, best
}

func (a *aligner) pairs(reference hashindex.Features) []pair {
	pairs := make([]pair, len(a.inliers))
	for i, k := range a.inliers {
		r, q := &reference.Keypoints[k.reference], &a.query.Keypoints[k.query]
		pairs[i] = pair{place(r), place(q), 1 / scaleOf(q.Scale)}
	}
	return pairs
}

// sane refuses motions that no photograph or page makes: mirrored, collapsed, stretched more than
// twice one way, or with the reference's outline folded.
func (m *motion) sane(reference hashindex.Features) bool {
	w, h := float64(reference.Width), float64(reference.Height)
	corners := [4]point{{0, 0}, {w, 0}, {w, h}, {0, h}}
	smallest, largest := math.Inf(1), 0.0
	for _, c := range corners {
		if m[6]*c.x+m[7]*c.y+m[8] < 0.2 {
			return false
		}
		q := m.apply(c)
		wv := m[6]*c.x + m[7]*c.y + m[8]
		a, b := (m[0]-q.x*m[6])/wv, (m[1]-q.x*m[7])/wv
		cc, d := (m[3]-q.y*m[6])/wv, (m[4]-q.y*m[7])/wv
		det := a*d - b*cc
		norm := a*a + b*b + cc*cc + d*d
		// Scales of 1:10 to 10:1, and singular values within about 3.7 of each other.
		if !(det > 0.01) || det > 100 || norm > 4*det {
			return false
		}
		smallest, largest = min(smallest, det), max(largest, det)
	}
	return largest < 9*smallest
}
