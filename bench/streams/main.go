// Command streams drives a server's streams over HTTP: it registers videos of random frames, opens streams, feeds
// them with hashes in batches and says how many frames a second the server takes, of how many streams of one
// frame a second each, and what they cost. One stream in twenty shows a registered video; the frames of the
// others are nobody's. No frame is like the one before, so each is searched for.
//
//	touchstone serve &
//	go run ./bench/streams --server http://127.0.0.1:8080 --frames 1000000 --streams 2000 --batch 30 --for 20s
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"touchstone/api/client"
	"touchstone/api/hashlist"
	"touchstone/api/wire"
	"touchstone/hashindex"
)

type options struct {
	server  string
	frames  int
	streams int
	batch   int
	workers int
	length  time.Duration
	seed    uint64
}

func main() {
	var o options
	flag.StringVar(&o.server, "server", "http://127.0.0.1:8080", "the server's `URL`")
	flag.IntVar(&o.frames, "frames", 1_000_000, "reference frames to register, in videos of 1,000")
	flag.IntVar(&o.streams, "streams", 2000, "streams that are open")
	flag.IntVar(&o.batch, "batch", 30, "frames a request")
	flag.IntVar(&o.workers, "workers", 8, "requests under way at once")
	flag.DurationVar(&o.length, "for", 20*time.Second, "how long to feed")
	flag.Uint64Var(&o.seed, "seed", 1, "of the random frames")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) error {
	c := client.New(o.server, nil)
	if err := register(ctx, c, o); err != nil {
		return err
	}
	feeders, err := open(ctx, c, o)
	if err != nil {
		return err
	}
	before, err := figures(ctx, c)
	if err != nil {
		return err
	}
	fed, took, err := feed(ctx, c, o, feeders)
	if err != nil {
		return err
	}
	after, err := figures(ctx, c)
	if err != nil {
		return err
	}
	open := 0
	for _, f := range feeders {
		open += f.open
	}
	seconds := took.Seconds()
	processor := after["process_cpu_seconds_total"] - before["process_cpu_seconds_total"]
	fmt.Printf("%d reference frames, %d streams, %d frames a request\n", o.frames, o.streams, o.batch)
	fmt.Printf("%.0f frames a second: so many streams at one a second; %.1f µs of the server's processor each\n", float64(fed)/seconds, 1e6*processor/float64(fed))
	fmt.Printf("%.2f hashes looked up a frame; %.0f bytes a stream; %d segments open; resident %.0f MB\n",
		(lookups(after)-lookups(before))/float64(fed), after["touchstone_stream_bytes"]/float64(o.streams), open, after["process_resident_memory_bytes"]/1e6)
	return nil
}

const (
	videoFrames = 1000
	listVideos  = 100 // in one list: some 11 MB
)

// frameOf is a frame of a registered video. Frames are a second apart.
func frameOf(seed uint64, video, n int) hashindex.Hash {
	random := rand.New(rand.NewPCG(seed, uint64(video)<<32|uint64(n)))
	return hashindex.Hash256([4]uint64{random.Uint64(), random.Uint64(), random.Uint64(), random.Uint64()})
}

// register adds the videos, unless an earlier run did.
func register(ctx context.Context, c *client.Client, o options) error {
	name := "streams-" + strconv.Itoa(o.frames) + "-" + strconv.FormatUint(o.seed, 10)
	_, err := c.CreateCollection(ctx, wire.NewCollection{Name: name, Purpose: string(hashindex.Work)})
	if problem, ok := errors.AsType[*client.Problem](err); ok && problem.Code == "collection_exists" {
		return nil
	}
	begun := time.Now()
	for first := 0; err == nil && first < o.frames/videoFrames; first += listVideos {
		var text bytes.Buffer
		list := hashlist.NewWriter(&text, hashlist.NDJSON)
		for video := first; err == nil && video < min(first+listVideos, o.frames/videoFrames); video++ {
			err = list.Write(registered(o.seed, video))
		}
		if err = errors.Join(err, list.Flush()); err == nil {
			_, err = c.AddHashList(ctx, name, hashlist.NDJSON, &text)
		}
	}
	fmt.Printf("%d frames registered in %.1f s\n", o.frames, time.Since(begun).Seconds())
	return err
}

func registered(seed uint64, video int) wire.HashReference {
	frames := make([]wire.HashedFrame, videoFrames)
	for n := range frames {
		frames[n] = wire.HashedFrame{Time: float64(n), Hashes: wire.Hashes{PDQ: frameOf(seed, video, n).String()}}
	}
	return wire.HashReference{ExternalID: strconv.Itoa(video), Frames: frames}
}

// feeder is one stream. It is fed by one worker at a time.
type feeder struct {
	id     string
	video  int // that it shows; -1: none
	next   int // frame
	random *rand.Rand
	open   int // segments
}

// opening is how many streams are opened at once, so that they share the disk's commits.
const opening = 64

func open(ctx context.Context, c *client.Client, o options) ([]*feeder, error) {
	feeders, errs := make([]*feeder, o.streams), make([]error, opening)
	var openers sync.WaitGroup
	for first := range opening {
		openers.Go(func() {
			for i := first; i < len(feeders) && errs[first] == nil; i += opening {
				feeders[i], errs[first] = openOne(ctx, c, o, i)
			}
		})
	}
	openers.Wait()
	return feeders, errors.Join(errs...)
}

func openOne(ctx context.Context, c *client.Client, o options, i int) (*feeder, error) {
	stream, err := c.OpenStream(ctx, wire.NewStream{Effort: string(hashindex.FastEffort)})
	f := &feeder{id: stream.ID, video: -1, random: rand.New(rand.NewPCG(o.seed, uint64(i)|1<<63))}
	if i%20 == 0 && o.frames >= videoFrames {
		f.video = i / 20 % (o.frames / videoFrames)
	}
	return f, err
}

// feed has the workers feed one stream after the other for as long as it is to take.
func feed(ctx context.Context, c *client.Client, o options, feeders []*feeder) (fed int64, took time.Duration, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	begun := time.Now()
	turns := make(chan *feeder)
	var frames atomic.Int64
	var workers sync.WaitGroup
	errs := make([]error, o.workers)
	for i := range o.workers {
		workers.Go(func() {
			for f := range turns {
				answer, err := c.FeedStream(ctx, f.id, f.frames(o))
				if err != nil {
					errs[i] = err
					cancel()
					return
				}
				f.open = len(answer.OpenSegments)
				frames.Add(int64(o.batch))
			}
		})
	}
	for i := 0; time.Since(begun) < o.length && ctx.Err() == nil; i++ {
		select {
		case turns <- feeders[i%len(feeders)]:
		case <-ctx.Done():
		}
	}
	close(turns)
	workers.Wait()
	return frames.Load(), time.Since(begun), errors.Join(slices.DeleteFunc(errs, func(err error) bool { return errors.Is(err, context.Canceled) })...)
}

// frames are the stream's next.
func (f *feeder) frames(o options) []wire.StreamFrame {
	frames := make([]wire.StreamFrame, o.batch)
	for i := range frames {
		at := float64(f.next)
		hash := hashindex.Hash256([4]uint64{f.random.Uint64(), f.random.Uint64(), f.random.Uint64(), f.random.Uint64()})
		if f.video >= 0 {
			hash = frameOf(o.seed, f.video, f.next%videoFrames)
		}
		frames[i] = wire.StreamFrame{At: &at, PDQ: hash.String()}
		f.next++
	}
	return frames
}

// figures are the server's metrics; of those with labels, each with its labels.
func figures(ctx context.Context, c *client.Client) (map[string]float64, error) {
	text, err := c.Metrics(ctx)
	if err != nil {
		return nil, err
	}
	all := map[string]float64{}
	for line := range strings.Lines(text) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), " ")
		if f, err := strconv.ParseFloat(value, 64); ok && err == nil {
			all[name] = f
		}
	}
	return all, nil
}

func lookups(figures map[string]float64) (n float64) {
	for name, value := range figures {
		if strings.HasPrefix(name, "touchstone_searcher_lookups_total{") && strings.Contains(name, `space="pdq"`) {
			n += value
		}
	}
	return n
}
