// Package timeline says which part of which reference a video shows, from when to when.
//
// Each frame of the query votes for frames of references. Votes of one reference that lie on a line, so that
// the reference's time goes on as the query's does or 0.8 to 1.25 times as fast, are a run, and runs with
// enough votes are answered as segments. What votes do not tell is asked of the line: a frame between or
// beside those that agree is compared with the frames of the reference that the line has it show, at a
// distance that would mean nothing without the line; and where both are black, or too flat to tell, they
// agree.
//
// A Timeline takes frames as they come and holds those of the last minutes, so that it serves streams as
// well as files.
package timeline

import (
	"cmp"
	"slices"
	"time"
	"unsafe"

	"touchstone/hashindex"
)

// Vote is a frame of a reference that a frame of the query may show.
type Vote struct {
	Frame     hashindex.FrameID
	Kind      hashindex.Tier
	Transform hashindex.Transform
	Score     float64 // 0..1, as hashindex.Match has it
}

// Frame is one frame of the query.
type Frame struct {
	At      time.Duration
	Shot    bool // a cut comes before it
	Mark    hashindex.Mark
	Quality int

	// Dihedral are its PDQ hashes as it is, turned and mirrored; zero where unknown.
	Dihedral [hashindex.TransformCount]hashindex.Hash
	Inner    [hashindex.TransformCount]hashindex.Hash // of what lies inside a plain border

	Votes []Vote
}

// dark reports whether nothing can be told by the frame.
func (f Frame) dark() bool {
	return f.Mark == hashindex.Black || f.Mark == hashindex.Flat || undecidable(f.Quality)
}

func undecidable(quality int) bool {
	return quality != hashindex.QualityUnknown && quality < hashindex.PoorQuality
}

// Segment is a part of the query that shows a part of a reference.
type Segment struct {
	// Number tells the segment from others of its timeline while it grows; they are in the order of
	// opening.
	Number int

	Reference     hashindex.ReferenceID
	From, To      time.Duration // of the query
	ReferenceFrom time.Duration
	ReferenceTo   time.Duration

	// Speed is how fast the reference's time goes: above 1 the query plays it faster. 0 for a reference
	// that is a still.
	Speed float64

	Frames    int // that agree
	Asked     int // of the segment, those that could tell
	Mirrored  bool
	Transform hashindex.Transform
	Kind      hashindex.Tier // that most of its frames were found by

	// Score is the mean of its frames' scores, in which one that does not agree counts nothing.
	Score float64

	Open  bool   // it may still grow
	Pairs []Pair // some frames that agree, spread over the segment
}

// Pair is a frame of the query beside the one of the reference that it shows.
type Pair struct {
	Query, Reference time.Duration
	Frame            int // of the reference
	Kind             hashindex.Tier
	Score            float64
}

// Rules bound what a timeline takes for a segment. The zero value of a field stands for its default.
type Rules struct {
	Window    time.Duration // frames are held for so long, and half as long again; 2 min
	Gap       time.Duration // within a segment, the longest time without a frame that agrees; 4 s
	Tolerance time.Duration // a vote may lie so far from the line; 750 ms
	MinFrames int           // that agree; 3

	// MinWeight is how much the votes of a segment must weigh together; 1.5. One frame's weighs up to 1, and less
	// the more references it votes for, or when it is one of credits.
	MinWeight float64

	// Radius is how far, in bits of PDQ, a frame may be from the one that the line has it show; 64.
	Radius int
}

func (r Rules) withDefaults() Rules {
	return Rules{
		Window:    cmp.Or(r.Window, 2*time.Minute),
		Gap:       cmp.Or(r.Gap, 4*time.Second),
		Tolerance: cmp.Or(r.Tolerance, 750*time.Millisecond),
		MinFrames: cmp.Or(r.MinFrames, 3),
		MinWeight: cmp.Or(r.MinWeight, 1.5),
		Radius:    cmp.Or(r.Radius, 64),
	}
}

// Works finds the references that votes name; false for one that is gone.
type Works func(hashindex.ReferenceID) (hashindex.Reference, bool)

// Timeline collects the frames of one query. It is used by one goroutine at a time.
type Timeline struct {
	rules  Rules
	works  Works
	frames []Frame // of the window, by time
	runs   []*run  // those that the window still touches
	closed []Segment
	next   int
	dirty  map[hashindex.ReferenceID]bool // have votes that no solve has seen
	end    time.Duration                  // of the query once it is known, else 0
}

// New is an empty Timeline. The zero Rules are the defaults.
func New(rules Rules, works Works) *Timeline {
	return &Timeline{rules: rules.withDefaults(), works: works, dirty: map[hashindex.ReferenceID]bool{}}
}

// Add takes the next frame. One that comes late finds its place as long as the window reaches back to it;
// an older one, and a second one of the same time, is dropped.
func (t *Timeline) Add(f Frame) {
	at, there := slices.BinarySearchFunc(t.frames, f.At, func(f Frame, at time.Duration) int { return cmp.Compare(f.At, at) })
	if there || at == 0 && len(t.frames) > 0 && t.newest()-f.At > t.rules.Window {
		return
	}
	t.frames = slices.Insert(t.frames, at, f)
	for _, v := range f.Votes {
		t.dirty[v.Frame.Reference()] = true
	}
	if t.newest()-t.frames[0].At > t.rules.Window*3/2 {
		t.settle()
		t.forget(t.newest() - t.rules.Window)
	}
}

func (t *Timeline) newest() time.Duration { return t.frames[len(t.frames)-1].At }

// Segments are those that closed since the last call, and those that are open, in the order of opening.
func (t *Timeline) Segments() (closed, open []Segment) {
	t.settle()
	for _, r := range t.runs {
		if !r.closed {
			open = append(open, t.segment(r))
		}
	}
	closed, t.closed = t.closed, nil
	return closed, open
}

// Finish closes what is open, with the time at which the query ends; 0 if unknown. The answer is as
// Segments' first.
func (t *Timeline) Finish(end time.Duration) []Segment {
	t.end = end
	t.settle()
	for _, r := range t.runs {
		t.close(r)
	}
	closed := t.closed
	t.frames, t.runs, t.closed = nil, nil, nil
	return closed
}

// settle finds the runs of every reference that has new votes, or a run that new frames may belong to.
func (t *Timeline) settle() {
	for _, r := range t.runs {
		if !r.closed {
			t.dirty[r.reference.ID] = true
		}
	}
	ids := make([]hashindex.ReferenceID, 0, len(t.dirty))
	for id := range t.dirty {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	clear(t.dirty)
	for _, id := range ids {
		t.solve(id)
	}
	for _, r := range t.runs {
		if len(t.frames) > 0 && t.newest()-r.last() > 2*t.rules.Gap {
			t.close(r)
		}
	}
}

func (t *Timeline) close(r *run) {
	if !r.closed {
		r.closed = true
		s := t.segment(r)
		s.Open = false
		t.closed = append(t.closed, s)
	}
}

// Bytes is about how much memory the frames held take; references are the Library's.
func (t *Timeline) Bytes() int {
	n := cap(t.frames) * int(unsafe.Sizeof(Frame{}))
	for _, f := range t.frames {
		n += len(f.Votes) * int(unsafe.Sizeof(Vote{}))
	}
	for _, r := range t.runs {
		n += cap(r.agreed)*int(unsafe.Sizeof(agreed{})) + cap(r.banked.pairs)*int(unsafe.Sizeof(Pair{}))
	}
	return n
}

// forget drops the frames before the time; runs keep what they need of them.
func (t *Timeline) forget(before time.Duration) {
	kept := slices.IndexFunc(t.frames, func(f Frame) bool { return f.At >= before })
	for _, r := range t.runs {
		t.bank(r, before)
	}
	t.runs = slices.DeleteFunc(t.runs, func(r *run) bool { return r.closed && r.last() < before })
	t.frames = slices.Clone(t.frames[kept:])
}
