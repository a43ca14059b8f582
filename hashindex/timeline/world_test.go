package timeline

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"touchstone/hashindex"
)

// film is a made-up film: scenes whose hash turns bit after bit as time goes by.
type film struct {
	length float64
	scenes []scene
}

type scene struct {
	from  float64
	base  hashindex.Hash
	flips []int   // bits in the order of their turning
	rate  float64 // bits a second
	black bool
}

func random(rng *rand.Rand) hashindex.Hash {
	return hashindex.Hash256([4]uint64{rng.Uint64(), rng.Uint64(), rng.Uint64(), rng.Uint64()})
}

func flipped(h hashindex.Hash, bits []int) hashindex.Hash {
	for _, b := range bits {
		h.Words[b/64] ^= 1 << (b % 64)
	}
	return h
}

// newFilm has scenes of 2 to 8 seconds that turn up to most bits a second.
func newFilm(rng *rand.Rand, length, most float64) film {
	f := film{length: length}
	for at := 0.0; at < length; at += 2 + 6*rng.Float64() {
		f.scenes = append(f.scenes, scene{from: at, base: random(rng), flips: rng.Perm(256), rate: most * rng.Float64()})
	}
	return f
}

// lively is the film with scenes that all turn at least half of most bits a second.
func lively(f film, most float64) film {
	for i := range f.scenes {
		f.scenes[i].rate = most/2 + f.scenes[i].rate/2
	}
	return f
}

func (f film) scene(at float64) (int, scene) {
	n := 0
	for n+1 < len(f.scenes) && f.scenes[n+1].from <= at {
		n++
	}
	return n, f.scenes[n]
}

func (f film) hash(at float64) (h hashindex.Hash, black bool) {
	_, s := f.scene(at)
	turned := min(int(s.rate*(at-s.from)), len(s.flips))
	return flipped(s.base, s.flips[:turned]), s.black
}

// times are those that are sampled of the film from one time to another: a second after the last, and cuts.
func (f film) times(from, to, step float64) (at []float64, shot []bool) {
	last := math.Inf(-1)
	before, _ := f.scene(from)
	for t := from; t < to; t += 1.0 / 12 {
		n, _ := f.scene(t)
		if n != before || t-last >= step {
			at, shot = append(at, t), append(shot, n != before)
			last, before = t, n
		}
	}
	return at, shot
}

// world is references that votes are cast for, as an exact search within 31 bits finds them.
type world struct {
	t     *testing.T
	rng   *rand.Rand
	films []hashindex.Reference
}

func newWorld(t *testing.T, seed uint64) *world {
	t.Logf("seed %d", seed)
	return &world{t: t, rng: rand.New(rand.NewPCG(seed, 0))}
}

// add registers the film, neighbours that look the same merged.
func (w *world) add(f film) hashindex.ReferenceID {
	r := hashindex.Reference{ID: hashindex.ReferenceID(len(w.films) + 1)}
	times, _ := f.times(0, f.length, 0.25)
	for i, at := range times {
		h, black := f.hash(at)
		frame := hashindex.StoredFrame{At: seconds(at), Quality: 100}
		frame.Hashes[hashindex.PDQ] = h
		if black {
			frame.Quality = 0
		}
		if n := len(r.Frames); n > 0 && i < len(times)-1 {
			last := r.Frames[n-1]
			if black && last.Quality == 0 || !black && last.Quality > 0 && last.Hashes[hashindex.PDQ].Distance(h) <= 12 {
				continue
			}
		}
		r.Frames = append(r.Frames, frame)
	}
	w.films = append(w.films, r)
	return r.ID
}

func (w *world) works(id hashindex.ReferenceID) (hashindex.Reference, bool) {
	if id == 0 || int(id) > len(w.films) {
		return hashindex.Reference{}, false
	}
	return w.films[id-1], true
}

// part is a stretch of a film that the query shows.
type part struct {
	film     film
	from, to float64 // of the film
	speed    float64
	mirrored bool
}

func (p part) length() float64 { return (p.to - p.from) / p.speed }

// query plays the parts one after the other and samples them, noise bits turned in each frame.
func (w *world) query(noise int, step float64, parts ...part) (frames []Frame, end time.Duration) {
	begin := 0.0
	for i, p := range parts {
		times, shots := p.film.times(p.from, p.to, step*p.speed)
		for n, at := range times {
			h, black := p.film.hash(at)
			h = flipped(h, w.rng.Perm(256)[:noise])
			f := Frame{At: seconds(begin + (at-p.from)/p.speed), Shot: shots[n] || n == 0 && i > 0, Quality: 100}
			if black {
				f.Quality, f.Mark = 0, hashindex.Black
			} else if p.mirrored {
				f.Dihedral[hashindex.Mirrored] = h
			} else {
				f.Dihedral[hashindex.Upright] = h
			}
			frames = append(frames, w.vote(f))
		}
		begin += p.length()
	}
	return frames, seconds(begin)
}

func (w *world) vote(f Frame) Frame {
	if f.dark() {
		return f
	}
	for _, r := range w.films {
		for n, known := range r.Frames {
			for turn, h := range f.Dihedral {
				if h.IsZero() || known.Quality == 0 {
					continue
				}
				if d := h.Distance(known.Hashes[hashindex.PDQ]); d <= 31 {
					f.Votes = append(f.Votes, Vote{hashindex.FrameOf(r.ID, n), hashindex.Near, hashindex.Transform(turn), 1 - float64(d)/128})
				}
			}
		}
	}
	return f
}

// watch is the segments of the query, taken in as many frames at a time as a stream may send.
func (w *world) watch(frames []Frame, end time.Duration) []Segment {
	t := New(Rules{}, w.works)
	var all []Segment
	for i, f := range frames {
		t.Add(f)
		if i%7 == 0 {
			closed, _ := t.Segments()
			all = append(all, closed...)
		}
	}
	return append(all, t.Finish(end)...)
}

// check fails unless the segment shows that part of the film, its boundaries within a second.
func (w *world) check(s Segment, id hashindex.ReferenceID, from, to time.Duration, p part) {
	w.t.Helper()
	off := func(got time.Duration, want float64) bool { return math.Abs(got.Seconds()-want) > 1 }
	if s.Reference != id || off(s.From, from.Seconds()) || off(s.To, to.Seconds()) || off(s.ReferenceFrom, p.from) || off(s.ReferenceTo, p.to) || s.Mirrored != p.mirrored {
		w.t.Errorf("segment %+v\nwant reference %d, %v to %v, of it %.2f s to %.2f s, mirrored %v", s, id, from, to, p.from, p.to, p.mirrored)
	}
}
