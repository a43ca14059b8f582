package multiindex

import (
	"math/bits"
	"math/rand/v2"
	"slices"
	"testing"

	"touchstone/hashindex"
	"touchstone/hashindex/search/searchtest"
)

// TestKernelsEqualTheirTwins looks at buckets of every size, empty ones included, from levels of
// many sizes.
func TestKernelsEqualTheirTwins(t *testing.T) { withKernels(t, kernelsEqualTheirTwins) }

// withKernels runs the test with each kind of kernel that this machine has.
func withKernels(t *testing.T, test func(*testing.T)) {
	for name, use := range fastKernels() {
		t.Run(name, func(t *testing.T) {
			defer use()()
			test(t)
		})
	}
}

func kernelsEqualTheirTwins(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	for _, n := range []int{1, 5, 100, 3000, 40_000} {
		for _, width := range []int{64, 256} {
			l := sorted(width, entriesOf(searchtest.Codes(13, width, n)))
			l.tabulate()
			for range 200 {
				checkKernels(t, rng, l)
			}
		}
	}
}

func checkKernels(t *testing.T, rng *rand.Rand, l *level) {
	t.Helper()
	c := kernelCase{
		t: t, level: l, table: &l.tables[rng.IntN(len(l.tables))],
		own: uint16(rng.IntN(1 << l.keyBits)), after: uint16(rng.Uint32()), spare: maxReach + rng.IntN(pieceBits),
		room: siftStep + rng.IntN(100),
	}
	keys, buckets := l.masks.within(rng.IntN(3))
	from := rng.IntN(len(keys))
	n := rng.IntN(len(keys) - from + 1)
	c.spans(keys[from:][:n], buckets[from:][:n])
}

type kernelCase struct {
	t          *testing.T
	level      *level
	table      *table
	own, after uint16
	spare      int
	room       int // for hits
}

// near says whether the posting's following piece is near enough.
func (c *kernelCase) near(posting uint32, mask uint16) bool {
	i := slices.IndexFunc(c.level.tables, func(t table) bool { return &t.starts[0] == &c.table.starts[0] })
	after := c.level.piece(int(c.table.places[posting]), (i+1)%len(c.level.tables))
	return bits.OnesCount16(after^c.after) <= c.spare-bits.OnesCount16(mask)
}

func (c *kernelCase) spans(m, buckets []uint16) {
	c.t.Helper()
	spans, want := make([]span, len(m)), make([]span, len(m))
	got, sum := locate(c.table, c.own, buckets, spans), locatePortable(c.table.starts, c.own, buckets, want)
	if got != sum || !slices.Equal(spans, want) {
		c.t.Fatalf("locate: %d postings, %v; want %d, %v", got, spans, sum, want)
	}
	for len(spans) > 0 {
		hits, twins := make([]uint32, c.room), make([]uint32, c.room)
		all, twin := c.hitsInSpans(spans, m), slices.Clone(spans)
		done, n := sift(c.table, spans, m, c.after, c.spare, hits)
		doneTwin, nTwin := siftPortable(c.table.readable(), twin, m, c.after, c.spare, twins)
		if !slices.Equal(hits[:n], all[:n]) || (done == len(spans)) != (n == len(all)) && n+siftStep <= c.room {
			c.t.Fatalf("sift of %d spans: %d done, hits %v; want %v", len(spans), done, hits[:n], all)
		}
		if !slices.Equal(twins[:nTwin], all[:nTwin]) || doneTwin == len(twin) && nTwin != len(all) {
			c.t.Fatalf("siftPortable of %d spans: %d done, hits %v; want %v", len(twin), doneTwin, twins[:nTwin], all)
		}
		c.place(hits[:n])
		spans, m = spans[done:], m[done:]
	}
}

func (c *kernelCase) hitsInSpans(spans []span, m []uint16) (hits []uint32) {
	for i, sp := range spans {
		for at := sp.from; at < sp.to; at++ {
			if c.near(at, m[i]) {
				hits = append(hits, at)
			}
		}
	}
	return hits
}

func (c *kernelCase) place(hits []uint32) {
	c.t.Helper()
	want := slices.Clone(hits)
	place(c.table, c.level, hits)
	placePortable(c.table.places, want)
	if !slices.Equal(hits, want) {
		c.t.Fatalf("place: %v, want %v", hits, want)
	}
}

// TestJudgeEqualsItsTwin judges entries at all distances from a probe, by plans of all kinds.
func TestJudgeEqualsItsTwin(t *testing.T) { withKernels(t, judgeEqualsItsTwin) }

func judgeEqualsItsTwin(t *testing.T) {
	rng := rand.New(rand.NewPCG(15, 16))
	for _, width := range []int{64, 256} {
		for range 500 {
			probeHash := random(rng, width)
			codes := make([]hashindex.Hash, 60)
			for i := range codes {
				codes[i] = probeHash
				for range rng.IntN(width / 3) {
					bit := rng.IntN(width)
					codes[i].Words[bit/64] ^= 1 << (bit % 64)
				}
			}
			l := sorted(width, entriesOf(codes))
			radius := rng.IntN(width/4 + 1)
			plan := plan{pieces: width / pieceBits}
			for range radius + 1 {
				plan.u[rng.IntN(plan.pieces)]++
			}
			share := newShare(plan, pieceBits)
			p := probe{hash: probeHash, share: &share}
			for piece := range plan.pieces {
				checkJudge(t, l, &p, radius, piece)
			}
		}
	}
}

func checkJudge(t *testing.T, l *level, p *probe, radius, piece int) {
	t.Helper()
	var places []uint32
	for at := range l.size() {
		places = append(places, uint32(at))
	}
	twins := slices.Clone(places)
	var distances, twinDistances [hitCount]uint32
	n := judge(l, places, p, radius, piece, &distances)
	want := judgePortable(l, twins, p, radius, piece, &twinDistances)
	if n != want || !slices.Equal(places[:n], twins[:n]) || !slices.Equal(distances[:n], twinDistances[:n]) {
		t.Fatalf("%d words, radius %d, piece %d: places %v at %v, want %v at %v",
			l.words, radius, piece, places[:n], distances[:n], twins[:want], twinDistances[:want])
	}
}

func entriesOf(codes []hashindex.Hash) []hashindex.Entry {
	entries := make([]hashindex.Entry, len(codes))
	for i, e := range additions(codes) {
		entries[i] = e.Entry
	}
	return entries
}

// piece is the i-th of the hash at the place, counted from the least significant bits.
func (l *level) piece(place, i int) uint16 {
	return uint16(l.records[place*l.stride+i/wordPieces] >> (i % wordPieces * pieceBits))
}
