// Package partial measures the partial tier alone: how its costs grow with the references held.
package partial

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/jpeg"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/image/draw"

	"touchstone/bench/cputime"
	"touchstone/fixtures"
	"touchstone/hashindex"
	"touchstone/hashindex/align"
	"touchstone/hashindex/fingerprint"
	"touchstone/hashindex/search/keypoint"
)

const (
	seed      = 1
	proposals = 20 // laid over each query, as the index does
	patience  = 4  // that show nothing after one that has shown something, as the index does
)

// material is what references and queries are made of.
type material struct {
	features []hashindex.Features // stored ones, of real, attacked and generated pictures
	queries  [][]byte             // encoded photos, 1,000 pixels long
	stored   *sync.Map            // by number: references that were laid over a query, as bytes
}

// gather reads every third picture of the data set (TOUCHSTONE_DATA, ../shared/data by default), alters
// every ninth by an attack, and generates as many as a tenth of those.
var gather = sync.OnceValues(func() (m material, _ error) {
	m.stored = new(sync.Map)
	folder := os.Getenv("TOUCHSTONE_DATA")
	if folder == "" {
		folder = filepath.Join("..", "..", "..", "shared", "data")
	}
	maker := fingerprint.New(fingerprint.Limits{})
	take := func(encoded []byte) {
		if p, err := maker.Detailed(context.Background(), encoded); err == nil && len(p.Frames[0].Features.Keypoints) > 50 {
			m.features = append(m.features, p.Frames[0].Features.Stored())
		}
	}
	rng, attacks, n := rand.New(rand.NewPCG(seed, 1)), fixtures.Attacks(), 0
	for _, set := range []string{"products", "works"} {
		err := filepath.WalkDir(filepath.Join(folder, set), func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			if n++; n%3 != 0 {
				return nil
			}
			encoded, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			take(encoded)
			still, err := maker.Still(context.Background(), encoded)
			if err != nil || n%9 != 0 {
				return nil
			}
			altered, _ := attacks[rng.IntN(len(attacks))].Apply(rng, still)
			take(altered)
			if len(m.queries) < 40 && max(still.Rect.Dx(), still.Rect.Dy()) >= 400 {
				m.queries = append(m.queries, photo(still))
			}
			return nil
		})
		if err != nil {
			return m, err
		}
	}
	for i := range len(m.features) / 10 {
		take(fixtures.EncodeJPEG(fixtures.Photo(i), 85))
	}
	return m, nil
})

// photo is a picture scaled to 1,000 pixels and encoded as cameras and shops do.
func photo(src image.Image) []byte {
	size := src.Bounds().Size()
	longer := max(size.X, size.Y)
	out := image.NewNRGBA(image.Rect(0, 0, size.X*1000/longer, size.Y*1000/longer))
	draw.CatmullRom.Scale(out, out.Rect, src, src.Bounds(), draw.Src, nil)
	var encoded bytes.Buffer
	if err := jpeg.Encode(&encoded, out, &jpeg.Options{Quality: 90}); err != nil {
		panic(err)
	}
	return encoded.Bytes()
}

// reference is frame i: a picture of the material as it is where there is one left, and otherwise one
// put together from four of them, a quarter of the corners from each, moved to other places and with a
// twentieth of the bits turned. So the descriptors keep their true distribution, common ones and all,
// and making a hundred thousand takes seconds.
func (m *material) reference(i int) hashindex.Features {
	if i < len(m.features) {
		return m.features[i]
	}
	f := hashindex.Features{Width: 640, Height: 480, Luma: m.features[i%len(m.features)].Luma}
	rng := rand.New(rand.NewPCG(seed, uint64(i)))
	for range 4 {
		from := m.features[rng.IntN(len(m.features))].Keypoints
		for range hashindex.MaxStoredKeypoints / 4 {
			k := from[rng.IntN(len(from))]
			for range 13 {
				bit := rng.IntN(256)
				k.Descriptor[bit/64] ^= 1 << (bit % 64)
			}
			k.X, k.Y = uint16(rng.IntN(640*64)), uint16(rng.IntN(480*64))
			f.Keypoints = append(f.Keypoints, k)
		}
	}
	return f
}

func prepared(b *testing.B) *material {
	b.Helper()
	m, err := gather()
	if err != nil {
		b.Skipf("no pictures to measure with: %v", err)
	}
	return &m
}

var sizes = []int{1_000, 10_000, 100_000}

func eachSize(b *testing.B, run func(b *testing.B, m *material, n int)) {
	for _, n := range sizes {
		b.Run(fmt.Sprintf("references=%d", n), func(b *testing.B) { run(b, prepared(b), n) })
	}
}

var indexes = map[int]*keypoint.Index{}

func index(m *material, n int) *keypoint.Index {
	if indexes[n] == nil {
		ix := keypoint.New()
		for i := range n {
			ix.Apply([]hashindex.FeatureEdit{{Frame: hashindex.FrameID(i), Features: m.reference(i)}})
		}
		indexes[n] = ix
	}
	return indexes[n]
}

// BenchmarkFullEffort is a query of a photo 1,000 pixels long from its bytes to what the partial tier
// answers, a closer look at what is not found included and reading features left out: in CPU time of one
// thread, at the 50th and 99th percentile.
func BenchmarkFullEffort(b *testing.B) {
	eachSize(b, func(b *testing.B, m *material, n int) {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		ix, maker := index(m, n), fingerprint.New(fingerprint.Limits{})
		var whole, making, proposing []time.Duration
		matched := 0
		for i := 0; b.Loop(); i++ {
			begun := threadTime()
			c, err := ask(b.Context(), m, ix, maker, i)
			if err != nil {
				b.Fatal(err)
			}
			if c.shown {
				matched++
			}
			whole = append(whole, threadTime()-begun-c.reading)
			making, proposing = append(making, c.making), append(proposing, c.proposing)
		}
		b.ReportMetric(float64(matched)/float64(len(whole)), "found")
		report(b, whole, 0.5, "p50-ms")
		report(b, whole, 0.99, "p99-ms")
		report(b, making, 0.5, "making-ms")
		report(b, proposing, 0.5, "proposing-ms")
		b.ReportMetric(float64(ix.Stats().Bytes)/float64(n), "bytes/reference")
	})
}

// BenchmarkTwoAtOnce asks such queries on two cores at once: queries a second by the clock, and the CPU
// time of each, the collector's included. References that are laid over them are made up before.
func BenchmarkTwoAtOnce(b *testing.B) {
	eachSize(b, func(b *testing.B, m *material, n int) {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
		ix, maker := index(m, n), fingerprint.New(fingerprint.Limits{})
		for i := range m.queries {
			if _, err := ask(b.Context(), m, ix, maker, i); err != nil {
				b.Fatal(err)
			}
		}
		var next atomic.Int64
		b.ResetTimer()
		begun := cputime.Process()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if _, err := ask(b.Context(), m, ix, maker, int(next.Add(1))); err != nil {
					b.Error(err)
					return
				}
			}
		})
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "queries/s")
		b.ReportMetric(float64(cputime.Process()-begun)/1e6/float64(b.N), "cpu-ms")
	})
}

// costs are of one query, by this thread's time.
type costs struct {
	shown                      bool
	making, proposing, reading time.Duration
}

// ask makes the features of query i and looks for what it shows, and closer where that is nothing, as the index
// does.
func ask(ctx context.Context, m *material, ix *keypoint.Index, maker *fingerprint.Maker, i int) (c costs, _ error) {
	begun := threadTime()
	p, err := maker.Detailed(ctx, m.queries[i%len(m.queries)])
	if err != nil {
		return c, err
	}
	c.making = threadTime() - begun
	query := p.Frames[0].Features
	if err := c.look(ctx, m, ix, query); err != nil || c.shown {
		return c, err
	}
	return c, c.look(ctx, m, ix, query.Closer())
}

// look lays what is proposed over the query until that is enough, as the index does. Making references up
// stands for reading them, which is counted apart.
func (c *costs) look(ctx context.Context, m *material, ix *keypoint.Index, query hashindex.Features) error {
	var scope hashindex.Scope
	scope.Allow(0, 0)
	begun := threadTime()
	proposed, err := ix.Propose(ctx, query, scope, proposals)
	if err != nil {
		return err
	}
	c.proposing += threadTime() - begun
	aligner, misses := align.New(query), 0
	for _, x := range proposed {
		reading := threadTime()
		encoded := m.encoded(int(x.Frame))
		c.reading += threadTime() - reading
		f, err := hashindex.ParseFeatures(encoded)
		if err != nil {
			return err
		}
		misses++
		if _, ok := aligner.Align(f, x.Mirrored); ok {
			c.shown, misses = true, 0
		}
		if c.shown && misses >= patience {
			break
		}
	}
	return nil
}

// encoded is reference i as a store keeps it.
func (m *material) encoded(i int) []byte {
	if made, ok := m.stored.Load(i); ok {
		return made.([]byte)
	}
	made := m.reference(i).AppendStored(nil)
	m.stored.Store(i, made)
	return made
}

func report(b *testing.B, took []time.Duration, share float64, unit string) {
	slices.Sort(took)
	b.ReportMetric(float64(took[int(share*float64(len(took)-1))])/1e6, unit)
}

// BenchmarkAdd is an addition of a photo 1,000 pixels long, from its bytes to the searcher's holding it, merges
// included and the store left out: in CPU time of one thread, in all and the searcher's part.
func BenchmarkAdd(b *testing.B) {
	eachSize(b, func(b *testing.B, m *material, n int) {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		ix, maker := keypoint.New(), fingerprint.New(fingerprint.Limits{})
		if err := ix.LoadState(index(m, n).AppendState(nil)); err != nil {
			b.Fatal(err)
		}
		var whole, applying time.Duration
		added := 0
		for i := 0; b.Loop(); i++ {
			begun := threadTime()
			p, err := maker.Stored(b.Context(), m.queries[i%len(m.queries)])
			if err != nil {
				b.Fatal(err)
			}
			stored := p.Frames[0].Features
			making := threadTime() - begun
			// More than one for each that is made, so that merges come due.
			const each = 32
			edits := []hashindex.FeatureEdit{{Frame: hashindex.FrameID(n + added), Features: stored}}
			for j := 1; j < each; j++ {
				edits = append(edits, hashindex.FeatureEdit{Frame: hashindex.FrameID(n + added + j), Features: m.reference(n + added + j)})
			}
			added += each
			begun = threadTime()
			ix.Apply(edits)
			apply := (threadTime() - begun) / each
			whole, applying = whole+making+apply, applying+apply
		}
		b.ReportMetric(float64(whole)/1e6/float64(b.N), "cpu-ms")
		b.ReportMetric(float64(applying)/1e6/float64(b.N), "searcher-ms")
	})
}

// BenchmarkLoad is opening: reading the saved state.
func BenchmarkLoad(b *testing.B) {
	eachSize(b, func(b *testing.B, m *material, n int) {
		state := index(m, n).AppendState(nil)
		b.SetBytes(int64(len(state)))
		for b.Loop() {
			if err := keypoint.New().LoadState(state); err != nil {
				b.Fatal(err)
			}
		}
	})
}
