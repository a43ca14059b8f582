package timeline

import (
	"fmt"
	"math"
	"testing"

	"touchstone/hashindex"
)

// moving is how many bits a second the scenes of most tests turn at most: two of three frames half a second
// apart are still within the radius.
const moving = 50

// Where little moves nobody can tell the speed: so the film is one where much does.
func TestExtractIsFoundAtEverySpeedAndRate(t *testing.T) {
	for _, speed := range []float64{0.8, 0.9, 1, 1.1, 1.25} {
		for _, step := range []float64{0.5, 1} {
			for _, length := range []float64{10, 30} {
				t.Run(fmt.Sprintf("%v times, every %v s, %v s", speed, step, length), func(t *testing.T) {
					w := newWorld(t, uint64(100*speed+10*step+length))
					wanted, other := lively(newFilm(w.rng, 90, moving), moving), newFilm(w.rng, 120, moving)
					w.add(newFilm(w.rng, 60, moving))
					id := w.add(wanted)
					p := part{film: wanted, from: 33.4, to: 33.4 + length*speed, speed: speed}
					frames, end := w.query(6, step, part{film: other, to: 25.3, speed: 1}, p, part{film: other, from: 60, to: 85, speed: 1})
					found := w.watch(frames, end)
					if len(found) != 1 {
						t.Fatalf("%d segments, want 1: %+v", len(found), found)
					}
					w.check(found[0], id, seconds(25.3), seconds(25.3+length), p)
					if length == 30 && math.Abs(found[0].Speed-speed) > 0.05 {
						t.Errorf("speed %v, want %v", found[0].Speed, speed)
					}
				})
			}
		}
	}
}

func TestOfOtherFilmsNothingIsFound(t *testing.T) {
	w := newWorld(t, 1)
	for range 5 {
		w.add(newFilm(w.rng, 100, moving))
	}
	frames, end := w.query(6, 1, part{film: newFilm(w.rng, 300, moving), to: 300, speed: 1})
	if found := w.watch(frames, end); len(found) != 0 {
		t.Errorf("%+v", found)
	}
}

// In a scene where nothing moves, every frame votes for all of it: what surrounds it must tell the offset.
func TestStillSceneDoesNotMoveTheBoundaries(t *testing.T) {
	for seed := range uint64(8) {
		w := newWorld(t, seed)
		wanted := newFilm(w.rng, 60, moving)
		wanted.scenes = wanted.scenes[:6]
		start := wanted.scenes[5].from
		wanted.scenes[5].rate = 0.3 // to the end
		wanted.length = start + 30
		id := w.add(wanted)
		p := part{film: wanted, from: start - 4, to: start + 9, speed: 1}
		other := newFilm(w.rng, 60, moving)
		frames, end := w.query(4, 1, part{film: other, to: 12.6, speed: 1}, p, part{film: other, from: 20, to: 40, speed: 1})
		found := w.watch(frames, end)
		if len(found) != 1 {
			t.Fatalf("%d segments, want 1: %+v", len(found), found)
		}
		w.check(found[0], id, seconds(12.6), seconds(12.6+p.length()), p)
	}
}

// Black frames cannot vote, but where film and query are both black they agree.
func TestFilmThatBeginsBlackIsFoundFromItsFirstFrame(t *testing.T) {
	w := newWorld(t, 3)
	wanted := newFilm(w.rng, 60, moving)
	black := film{length: 64, scenes: []scene{{black: true}}}
	for _, s := range wanted.scenes {
		s.from += 4
		black.scenes = append(black.scenes, s)
	}
	id := w.add(black)
	p := part{film: black, to: 14, speed: 1}
	other := newFilm(w.rng, 60, moving)
	frames, end := w.query(6, 1, part{film: other, to: 20.5, speed: 1}, p, part{film: other, from: 30, to: 50, speed: 1})
	found := w.watch(frames, end)
	if len(found) != 1 {
		t.Fatalf("%d segments, want 1: %+v", len(found), found)
	}
	w.check(found[0], id, seconds(20.5), seconds(34.5), p)
}

func TestCutAndReorderedPartsAreSegmentsOfTheirOwn(t *testing.T) {
	w := newWorld(t, 4)
	wanted := newFilm(w.rng, 120, moving)
	id := w.add(wanted)
	parts := []part{{film: wanted, from: 70, to: 82, speed: 1}, {film: wanted, from: 10, to: 21, speed: 1}, {film: wanted, from: 40, to: 55, speed: 1}}
	frames, end := w.query(6, 1, parts...)
	found := w.watch(frames, end)
	if len(found) != len(parts) {
		t.Fatalf("%d segments, want %d: %+v", len(found), len(parts), found)
	}
	begin := 0.0
	for i, p := range parts {
		w.check(found[i], id, seconds(begin), seconds(begin+p.length()), p)
		begin += p.length()
	}
}

func TestDroppedAndRepeatedFramesDoNotSplitASegment(t *testing.T) {
	w := newWorld(t, 5)
	wanted := newFilm(w.rng, 120, moving)
	id := w.add(wanted)
	p := part{film: wanted, from: 30, to: 70, speed: 1}
	whole, end := w.query(6, 1, p)
	var frames []Frame
	for i, f := range whole {
		switch {
		case i%5 == 2: // dropped
		case i%7 == 3: // shown again in place of the next
			f.Dihedral, f.Votes = frames[len(frames)-1].Dihedral, frames[len(frames)-1].Votes
			frames = append(frames, f)
		default:
			frames = append(frames, f)
		}
	}
	found := w.watch(frames, end)
	if len(found) != 1 {
		t.Fatalf("%d segments, want 1: %+v", len(found), found)
	}
	w.check(found[0], id, 0, end, p)
}

func TestMirroredPartIsSaidToBe(t *testing.T) {
	w := newWorld(t, 6)
	wanted := newFilm(w.rng, 60, moving)
	id := w.add(wanted)
	p := part{film: wanted, from: 20, to: 32, speed: 1, mirrored: true}
	other := newFilm(w.rng, 60, moving)
	frames, end := w.query(6, 1, part{film: other, to: 15, speed: 1}, p)
	found := w.watch(frames, end)
	if len(found) != 1 {
		t.Fatalf("%d segments, want 1: %+v", len(found), found)
	}
	w.check(found[0], id, seconds(15), end, p)
	if found[0].Transform != hashindex.Mirrored {
		t.Errorf("transform %v", found[0].Transform)
	}
}

// A studio's logo stands before many films: it shows none of them.
func TestWhatManyWorksShareIsNoSegmentOfAny(t *testing.T) {
	w := newWorld(t, 7)
	logo := newFilm(w.rng, 6, 20)
	var films []film
	for range 12 {
		f := newFilm(w.rng, 60, moving)
		with := film{length: 66, scenes: logo.scenes}
		for _, s := range f.scenes {
			s.from += 6
			with.scenes = append(with.scenes, s)
		}
		films = append(films, with)
		w.add(with)
	}
	other := newFilm(w.rng, 60, moving)
	frames, end := w.query(4, 1, part{film: logo, to: 6, speed: 1}, part{film: other, to: 30, speed: 1})
	if found := w.watch(frames, end); len(found) != 0 {
		t.Errorf("the logo alone: %+v", found)
	}
	p := part{film: films[4], to: 20, speed: 1}
	frames, end = w.query(4, 1, p, part{film: other, to: 30, speed: 1})
	found := w.watch(frames, end)
	if len(found) != 1 {
		t.Fatalf("the logo and a film: %d segments, want 1: %+v", len(found), found)
	}
	w.check(found[0], 5, 0, seconds(20), p)
}

func TestRegisteredStillIsASegmentWithoutSpeed(t *testing.T) {
	w := newWorld(t, 8)
	picture := film{length: 0.01, scenes: []scene{{base: random(w.rng)}}}
	id := w.add(picture)
	shown := picture
	shown.length = 8
	other := newFilm(w.rng, 60, moving)
	frames, end := w.query(6, 1, part{film: other, to: 10.4, speed: 1}, part{film: shown, to: 8, speed: 1}, part{film: other, from: 20, to: 40, speed: 1})
	found := w.watch(frames, end)
	if len(found) != 1 {
		t.Fatalf("%d segments, want 1: %+v", len(found), found)
	}
	w.check(found[0], id, seconds(10.4), seconds(18.4), part{})
	if found[0].Speed != 0 {
		t.Errorf("speed %v, want 0", found[0].Speed)
	}
}

// What goes on for longer than the window stays one segment, with its number, and memory stays bounded.
func TestLongSegmentOutlivesTheWindow(t *testing.T) {
	w := newWorld(t, 9)
	wanted := newFilm(w.rng, 1500, moving)
	id := w.add(wanted)
	other := newFilm(w.rng, 60, moving)
	p := part{film: wanted, from: 100, to: 1300, speed: 1.04}
	frames, end := w.query(6, 1, part{film: other, to: 30, speed: 1}, p, part{film: other, from: 30, to: 60, speed: 1})
	timeline := New(Rules{}, w.works)
	var closed []Segment
	numbers := map[int]bool{}
	most := 0
	for i, f := range frames {
		timeline.Add(f)
		most = max(most, len(timeline.frames))
		if i%10 == 0 {
			done, open := timeline.Segments()
			closed = append(closed, done...)
			for _, s := range open {
				numbers[s.Number] = true
			}
		}
	}
	closed = append(closed, timeline.Finish(end)...)
	if len(closed) != 1 || len(numbers) != 1 {
		t.Fatalf("%d segments under %d numbers, want 1: %+v", len(closed), len(numbers), closed)
	}
	w.check(closed[0], id, seconds(30), seconds(30+p.length()), p)
	if n := closed[0].Frames; n < 1000 {
		t.Errorf("%d frames agree, of 1154", n)
	}
	if most > 3*180 {
		t.Errorf("%d frames were held, of 3 minutes", most)
	}
}

func TestFramesMayComeSlightlyLate(t *testing.T) {
	w := newWorld(t, 10)
	wanted := newFilm(w.rng, 60, moving)
	id := w.add(wanted)
	p := part{film: wanted, from: 10, to: 40, speed: 1}
	frames, end := w.query(6, 1, p)
	for i := 0; i+3 < len(frames); i += 4 {
		frames[i], frames[i+3] = frames[i+3], frames[i]
	}
	found := w.watch(frames, end)
	if len(found) != 1 {
		t.Fatalf("%d segments, want 1: %+v", len(found), found)
	}
	w.check(found[0], id, 0, end, p)
}

func TestReferenceThatIsGoneClosesItsSegment(t *testing.T) {
	w := newWorld(t, 11)
	wanted := newFilm(w.rng, 60, moving)
	w.add(wanted)
	frames, _ := w.query(6, 1, part{film: wanted, from: 10, to: 50, speed: 1})
	gone := false
	timeline := New(Rules{}, func(id hashindex.ReferenceID) (hashindex.Reference, bool) {
		r, ok := w.works(id)
		return r, ok && !gone
	})
	for _, f := range frames[:20] {
		timeline.Add(f)
	}
	if _, open := timeline.Segments(); len(open) != 1 {
		t.Fatalf("%d open segments, want 1", len(open))
	}
	gone = true
	for _, f := range frames[20:] {
		timeline.Add(f)
	}
	closed, open := timeline.Segments()
	if len(closed) != 1 || len(open) != 0 || closed[0].To > frames[20].At {
		t.Errorf("closed %+v, open %+v, want one that ended before %v", closed, open, frames[20].At)
	}
}
