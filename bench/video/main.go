// Command video measures how well parts of works are found in videos: which share of altered extracts, how
// exactly their boundaries, how many segments that are none, and in what time.
//
//	go run ./bench/video -data ../shared/data/videos -work /var/tmp/clips
//
// Needs ffmpeg with libx264.
package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"touchstone/hashindex"
	"touchstone/hashindex/align"
	"touchstone/hashindex/fingerprint"
	"touchstone/hashindex/fingerprint/video"
	"touchstone/hashindex/sandbox"
	"touchstone/hashindex/search/keypoint"
	"touchstone/hashindex/search/multiindex"
	"touchstone/hashindex/store/memory"
	"touchstone/hashindex/timeline"
)

func main() {
	sandbox.Enter()
	data := flag.String("data", "../shared/data/videos", "the videos, in folders")
	b := &bench{decoder: video.New(fingerprint.New(fingerprint.Limits{}), video.Limits{Wall: time.Hour}), names: map[hashindex.ReferenceID]string{}}
	flag.StringVar(&b.work, "work", filepath.Join(os.TempDir(), "touchstone-clips"), "where the queries are kept")
	lengths := flag.String("lengths", "10,5", "of extracts, in seconds; 0: whole scenes, of which the index knows all others")
	flag.IntVar(&b.most, "extracts", 2, "of one scene, of each length")
	flag.IntVar(&b.hosts, "hosts", 1, "other scenes that each extract is shown in")
	flag.IntVar(&b.atOnce, "at-once", runtime.GOMAXPROCS(0), "so many queries are rendered, or asked, at once")
	flag.StringVar(&b.only, "only", "", "queries whose file's name holds this")
	flag.BoolVar(&b.verbose, "v", false, "print what was found where it is not as it should be")
	flag.Parse()
	if err := b.run(*data, *lengths); err != nil {
		log.Fatal(err)
	}
}

type bench struct {
	decoder             *video.Decoder
	index               *hashindex.Index
	names               map[hashindex.ReferenceID]string // of scenes
	work, only          string
	most, hosts, atOnce int
	verbose             bool
}

func (b *bench) run(data, lengths string) error {
	if err := os.MkdirAll(b.work, 0o755); err != nil {
		return err
	}
	scenes, err := b.register(data)
	if err != nil {
		return err
	}
	for text := range strings.SplitSeq(lengths, ",") {
		var length float64
		if _, err := fmt.Sscan(text, &length); err != nil {
			return err
		}
		list := wholes(b.work, scenes)
		if length > 0 {
			list = clips(b.work, scenes, length, b.most, b.hosts)
		}
		list = slices.DeleteFunc(list, func(c clip) bool { return !strings.Contains(filepath.Base(c.file), b.only) })
		if err := renderAll(list, b.atOnce); err != nil {
			return err
		}
		if err := b.table(length, list); err != nil {
			return err
		}
	}
	return nil
}

// sceneOf gives files of one scene one name.
func sceneOf(file string) string {
	name := strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))
	for _, s := range []string{"pattern", "big_buck_bunny", "flower", "stream-of-water"} {
		if strings.HasPrefix(name, s) {
			return s
		}
	}
	return name
}

// register adds every video, each scene's to a collection of its own, and answers one of each.
func (b *bench) register(data string) (scenes []scene, _ error) {
	ctx := context.Background()
	var err error
	b.index, err = hashindex.Open(hashindex.Config{
		Store: memory.New(), Recipe: fingerprint.Recipe,
		NewSearcher:        func(a hashindex.Algorithm) hashindex.Searcher { return multiindex.New(a.Bits()) },
		NewPartialSearcher: func() hashindex.PartialSearcher { return keypoint.New() },
		NewAligner:         align.New,
	})
	if err != nil {
		return nil, err
	}
	if err := b.index.WaitReady(ctx); err != nil {
		return nil, err
	}
	files, err := filepath.Glob(filepath.Join(data, "*", "*"))
	if err != nil {
		return nil, err
	}
	frames := 0
	for _, file := range files {
		picture, err := open(file, func(source *io.SectionReader) (hashindex.Picture, error) { return b.decoder.Picture(ctx, source) })
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		s := scene{sceneOf(file), file, picture.Frames[len(picture.Frames)-1].At.Seconds(), sizeFor(picture.Width, picture.Height)}
		if !slices.ContainsFunc(scenes, func(other scene) bool { return other.name == s.name }) {
			scenes = append(scenes, s)
			_, _, err = b.index.CreateCollection(ctx, "bench", hashindex.Collection{Name: s.name, Purpose: hashindex.Work, Policy: hashindex.DefaultPolicy()})
			if err != nil {
				return nil, err
			}
		}
		added, _, err := b.index.AddReferences(ctx, "bench", s.name, []hashindex.NewReference{{ExternalID: filepath.Base(file), Picture: picture}})
		if err != nil {
			return nil, err
		}
		frames += len(picture.Frames)
		b.names[added[0].ID] = s.name
	}
	fmt.Printf("%d videos of %d scenes, %d frames\n", len(files), len(scenes), frames)
	return scenes, nil
}

func open[T any](file string, do func(*io.SectionReader) (T, error)) (result T, _ error) {
	f, err := os.Open(file)
	if err != nil {
		return result, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return result, err
	}
	return do(io.NewSectionReader(f, 0, info.Size()))
}

// tally is a row of the table.
type tally struct {
	clips, found, exact, bounded, wrong int
}

func (t *tally) add(each tally) {
	t.clips += each.clips
	t.found += each.found
	t.exact += each.exact
	t.bounded += each.bounded
	t.wrong += each.wrong
}

func (b *bench) table(length float64, list []clip) error {
	rows := map[string]*tally{}
	for _, a := range attacks {
		rows[a.name] = &tally{}
	}
	var mu sync.Mutex // guards rows and seconds
	var seconds float64
	var asking []func() error
	for _, c := range list {
		asking = append(asking, func() error {
			segments, info, err := b.segments(c)
			if err != nil {
				return fmt.Errorf("%s: %w", c.file, err)
			}
			mu.Lock()
			defer mu.Unlock()
			seconds += info.Length.Seconds()
			rows[c.attack.name].add(b.judge(c, segments))
			return nil
		})
	}
	begun, cpu := time.Now(), processor()
	if err := together(asking, b.atOnce); err != nil {
		return err
	}
	took, used := time.Since(begun).Seconds(), (processor() - cpu).Seconds()
	if length > 0 {
		fmt.Printf("\n| %.0f s of 60 s | found | query's boundaries within 1 s | the reference's too | false segments |\n|---|---|---|---|---|\n", length)
	} else {
		fmt.Printf("\n| whole scenes, not registered | queries | false segments |\n|---|---|---|\n")
	}
	var all tally
	for _, a := range attacks {
		if row := rows[a.name]; row.clips > 0 {
			row.print(a.name, length)
			all.add(*row)
		}
	}
	all.print("**all**", length)
	fmt.Printf("\n%.0f s of video in %.1f s by the clock, %d queries at once on %d processors: %.0f times real time; %.0f times in processor time\n",
		seconds, took, b.atOnce, runtime.GOMAXPROCS(0), seconds/took, seconds/used)
	return nil
}

func (t tally) print(name string, length float64) {
	if length == 0 {
		fmt.Printf("| %s | %d | %d |\n", name, t.clips, t.wrong)
		return
	}
	fmt.Printf("| %s | %d/%d | %d/%d | %d/%d | %d |\n", name, t.found, t.clips, t.bounded, t.found, t.exact, t.found, t.wrong)
}

// judge holds the answer against what the query shows.
func (b *bench) judge(c clip, segments []timeline.Segment) (t tally) {
	t.clips = 1
	var best *timeline.Segment
	for i, s := range segments {
		middle := (s.From + s.To).Seconds() / 2
		inside := c.isWhole() || middle > before-1 && middle < before+c.length+1
		switch {
		case b.names[s.Reference] == c.source.name && inside:
			if best == nil || off(c, s) < off(c, *best) {
				best = &segments[i]
			}
		case b.names[s.Reference] == c.host.name && (c.attack.twofold() || !inside):
		default:
			t.wrong++
		}
	}
	if best != nil {
		t.found = 1
		if queryOff(c, *best) <= 1 {
			t.bounded = 1
		}
		if off(c, *best) <= 1 {
			t.exact = 1
		}
	}
	if b.verbose && (t.exact == 0 && !c.isWhole() || t.wrong > 0) {
		fmt.Printf("%s: %d wrong; want %.2f-%.2f of it %.2f-%.2f\n", filepath.Base(c.file), t.wrong, before, before+c.length, c.from, c.from+c.length*c.attack.pace())
		for _, s := range segments {
			fmt.Printf("    %-20s %6.2f-%6.2f of it %6.2f-%6.2f, %.3f times, %d of %d frames, %s, score %.2f\n", b.names[s.Reference],
				s.From.Seconds(), s.To.Seconds(), s.ReferenceFrom.Seconds(), s.ReferenceTo.Seconds(), s.Speed, s.Frames, s.Asked, s.Kind, s.Score)
		}
	}
	return t
}

// queryOff is how far the worse boundary of the query is off, off that of either.
func queryOff(c clip, s timeline.Segment) float64 {
	return max(math.Abs(s.From.Seconds()-before), math.Abs(s.To.Seconds()-before-c.length))
}

func off(c clip, s timeline.Segment) float64 {
	return max(queryOff(c, s), math.Abs(s.ReferenceFrom.Seconds()-c.from), math.Abs(s.ReferenceTo.Seconds()-c.from-c.length*c.attack.pace()))
}

// segments asks all scenes; or all others, if the query is a whole one.
func (b *bench) segments(c clip) ([]timeline.Segment, hashindex.VideoInfo, error) {
	ctx := context.Background()
	query := hashindex.Query{Radius: hashindex.PolicyRadius, Effort: hashindex.FullEffort}
	if c.isWhole() {
		for _, name := range b.names {
			if name != c.source.name {
				query.Collections = append(query.Collections, name)
			}
		}
	}
	follower := timeline.Follow(b.index, query, timeline.Rules{}, time.Now)
	info, err := open(c.file, func(source *io.SectionReader) (hashindex.VideoInfo, error) {
		return b.decoder.Each(ctx, source, func(l hashindex.Look) error { return follower.Add(ctx, l) })
	})
	if err != nil {
		return nil, info, err
	}
	segments, err := follower.Finish(ctx, info.Length)
	slices.SortFunc(segments, func(x, y timeline.Segment) int { return cmp.Compare(x.From, y.From) })
	return segments, info, err
}

// processor is the time that this process and its children have used.
func processor() time.Duration {
	var sum time.Duration
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var u syscall.Rusage
		if syscall.Getrusage(who, &u) == nil {
			sum += time.Duration(u.Utime.Nano() + u.Stime.Nano())
		}
	}
	return sum
}
