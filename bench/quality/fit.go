package quality

import (
	"fmt"
	"io"
	"math"
	"slices"

	"touchstone/hashindex"
)

// Fit is a logistic regression of right alignments against wrong ones.
type Fit struct {
	Weights []float64 // the first stands alone
	Trials  [2]Trial  // each half judged by what the other is fitted to
	Before  Trial     // all, by the scores that they had
	After   Trial     // all, by what they are all fitted to
}

// Trial counts scores of so much and more.
type Trial struct {
	Right, RightHalf, RightCertain int
	Wrong, WrongHalf, WrongCertain int
	Highest                        []float64 // of wrong ones, the highest first
}

// scored is an alignment as it is fitted to.
type scored struct {
	terms   []float64
	against float64
	right   bool
	half    int
	before  float64
}

// FitScore fits weights of the terms. Of a query's own reference only the better orientation is right, and
// other pictures of its scene are left out: they show the same, or do not.
func FitScore(laid []Laid, terms func(hashindex.Alignment) ([]float64, float64)) (f Fit) {
	list := scoredOf(laid, terms)
	before, after := make([]float64, len(list)), make([]float64, len(list))
	for i, s := range list {
		before[i] = s.before
	}
	f.Before = trial(list, before, -1)
	for half := range 2 {
		weights := regress(list, 1-half)
		for i, s := range list {
			after[i] = s.score(weights)
		}
		f.Trials[half] = trial(list, after, half)
	}
	f.Weights = regress(list, -1)
	for i, s := range list {
		after[i] = s.score(f.Weights)
	}
	f.After = trial(list, after, -1)
	return f
}

func scoredOf(laid []Laid, terms func(hashindex.Alignment) ([]float64, float64)) (list []scored) {
	type look struct {
		attack, query string
		closer        bool
	}
	own := map[look]int{} // where each query's own reference is
	for _, l := range laid {
		if l.Alignment.Cells == 0 || l.Right && l.Query != l.Reference {
			continue
		}
		s := scored{right: l.Right, half: l.Half, before: l.Alignment.Score}
		s.terms, s.against = terms(l.Alignment)
		at, again := own[look{l.Attack, l.Query, l.Closer}]
		switch {
		case !l.Right || !again:
			if l.Right {
				own[look{l.Attack, l.Query, l.Closer}] = len(list)
			}
			list = append(list, s)
		case s.before > list[at].before:
			list[at] = s
		}
	}
	return list
}

func (s scored) score(weights []float64) float64 {
	z := weights[0] - s.against
	for i, t := range s.terms {
		z += weights[i+1] * t
	}
	return 1 / (1 + math.Exp(-z))
}

// trial counts one half, or all for -1.
func trial(list []scored, scores []float64, half int) (t Trial) {
	for i, s := range list {
		if half >= 0 && s.half != half {
			continue
		}
		all, sure, certain := &t.Wrong, &t.WrongHalf, &t.WrongCertain
		if s.right {
			all, sure, certain = &t.Right, &t.RightHalf, &t.RightCertain
		} else {
			t.Highest = append(t.Highest, scores[i])
		}
		*all++
		if scores[i] >= 0.5 {
			*sure++
		}
		if scores[i] >= 0.9 {
			*certain++
		}
	}
	slices.Sort(t.Highest)
	slices.Reverse(t.Highest)
	t.Highest = t.Highest[:min(5, len(t.Highest))]
	return t
}

// regress fits to one half, or to all for -1, by Newton's method. Terms are brought to one spread, and
// their weights held back a little: right and wrong ones lie so far apart that nothing else would. A wrong
// answer costs as much as four that are missed.
func regress(list []scored, half int) []float64 {
	const rounds, step = 200, 1
	n := len(list[0].terms)
	mean, spread := spreads(list)
	w := make([]float64, n+1)
	w[0] = -5
	for range rounds {
		largest := 0.0
		for i, change := range newton(list, half, w, mean, spread) {
			change = max(-step, min(change, step))
			w[i] -= change
			largest = max(largest, math.Abs(change))
		}
		if largest < 1e-6 {
			break
		}
	}
	for i := range mean {
		w[i+1] /= spread[i]
		w[0] -= w[i+1] * mean[i]
	}
	return w
}

// newton is how far off the weights are, by the slope and the curve of what is to be least.
func newton(list []scored, half int, w, mean, spread []float64) []float64 {
	const held, cost = 1, 4
	n := len(mean)
	row := make([]float64, n+1)
	system := make([][]float64, n+1)
	for i := range system {
		system[i] = make([]float64, n+2)
		if i > 0 {
			system[i][i], system[i][n+1] = held, held*w[i]
		}
	}
	for _, s := range list {
		if half >= 0 && s.half != half {
			continue
		}
		row[0] = 1
		z := w[0] - s.against
		for i, t := range s.terms {
			row[i+1] = (t - mean[i]) / spread[i]
			z += w[i+1] * row[i+1]
		}
		p := 1 / (1 + math.Exp(-z))
		off, curve := p, p*(1-p)+1e-9
		if s.right {
			off--
		} else {
			off, curve = cost*off, cost*curve
		}
		for i, x := range row {
			for j, y := range row {
				system[i][j] += curve * x * y
			}
			system[i][n+1] += off * x
		}
	}
	return solve(system)
}

func spreads(list []scored) (mean, spread []float64) {
	n := len(list[0].terms)
	mean, spread = make([]float64, n), make([]float64, n)
	for _, s := range list {
		for i, t := range s.terms {
			mean[i] += t / float64(len(list))
		}
	}
	for _, s := range list {
		for i, t := range s.terms {
			spread[i] += (t - mean[i]) * (t - mean[i]) / float64(len(list))
		}
	}
	for i := range spread {
		spread[i] = math.Sqrt(spread[i]) + 1e-9
	}
	return mean, spread
}

// solve eliminates, the rows' last numbers being the right hand side. The system is positive definite.
func solve(rows [][]float64) (unknown []float64) {
	n := len(rows)
	for i := range n {
		for j := range n {
			if j == i {
				continue
			}
			f := rows[j][i] / rows[i][i]
			for k := i; k <= n; k++ {
				rows[j][k] -= f * rows[i][k]
			}
		}
	}
	for i := range n {
		unknown = append(unknown, rows[i][n]/rows[i][i])
	}
	return unknown
}

// WriteText writes what came of it, for people.
func (f Fit) WriteText(w io.Writer) error {
	for _, row := range []struct {
		title string
		Trial
	}{
		{"scores as they were", f.Before}, {"fitted to the second half, the first", f.Trials[0]},
		{"fitted to the first half, the second", f.Trials[1]}, {"fitted to all, all", f.After},
	} {
		fmt.Fprintf(w, "%s: of %d right %d have 0.5 and more, %d 0.9; of %d wrong %d and %d; highest wrong %.2f\n", row.title,
			row.Right, row.RightHalf, row.RightCertain, row.Wrong, row.WrongHalf, row.WrongCertain, row.Highest)
	}
	_, err := fmt.Fprintf(w, "weights %.3f\n", f.Weights)
	return err
}
