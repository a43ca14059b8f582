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
	"slices"
	"strings"
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
	work := flag.String("work", filepath.Join(os.TempDir(), "touchstone-clips"), "where the queries are kept")
	lengths := flag.String("lengths", "10,5", "of extracts, in seconds")
	most := flag.Int("extracts", 2, "of one scene, of each length")
	only := flag.String("only", "", "queries whose name holds this")
	verbose := flag.Bool("v", false, "print what was found where it is not as it should be")
	flag.Parse()
	if err := run(*data, *work, *lengths, *only, *most, *verbose); err != nil {
		log.Fatal(err)
	}
}

func run(data, work, lengths, only string, most int, verbose bool) error {
	if err := os.MkdirAll(work, 0o755); err != nil {
		return err
	}
	b := &bench{decoder: video.New(fingerprint.New(fingerprint.Limits{}), video.Limits{Wall: time.Hour}), names: map[hashindex.ReferenceID]string{}, verbose: verbose}
	scenes, err := b.register(data)
	if err != nil {
		return err
	}
	for text := range strings.SplitSeq(lengths, ",") {
		var length float64
		if _, err := fmt.Sscan(text, &length); err != nil {
			return err
		}
		list, err := clips(work, scenes, length, most, only)
		if err != nil {
			return err
		}
		if err := b.table(length, list); err != nil {
			return err
		}
	}
	return nil
}

type bench struct {
	decoder *video.Decoder
	index   *hashindex.Index
	names   map[hashindex.ReferenceID]string // of scenes
	verbose bool
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

// register adds every video, and answers one of each scene.
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
	_, _, err = b.index.CreateCollection(ctx, "bench", hashindex.Collection{Name: "films", Purpose: hashindex.Work, Policy: hashindex.DefaultPolicy()})
	if err != nil {
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
		added, _, err := b.index.AddReferences(ctx, "bench", "films", []hashindex.NewReference{{ExternalID: filepath.Base(file), Picture: picture}})
		if err != nil {
			return nil, err
		}
		s := scene{sceneOf(file), file, picture.Frames[len(picture.Frames)-1].At.Seconds()}
		frames += len(picture.Frames)
		b.names[added[0].ID] = s.name
		if !slices.ContainsFunc(scenes, func(other scene) bool { return other.name == s.name }) {
			scenes = append(scenes, s)
		}
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
	cpu                                 time.Duration
	seconds                             float64
}

func (b *bench) table(length float64, list []clip) error {
	fmt.Printf("\n| %.0f s of 60 s | found | query's boundaries within 1 s | the reference's too | false segments | times real time, a processor |\n|---|---|---|---|---|---|\n", length)
	var all tally
	rows := map[string]*tally{}
	for _, c := range list {
		row := rows[c.attack.name]
		if row == nil {
			row = &tally{}
			rows[c.attack.name] = row
		}
		for _, t := range []*tally{row, &all} {
			t.clips++
		}
		if err := b.ask(c, row, &all); err != nil {
			return fmt.Errorf("%s: %w", c.file, err)
		}
	}
	for _, a := range attacks {
		if row := rows[a.name]; row != nil {
			row.print(a.name)
		}
	}
	all.print("**all**")
	return nil
}

func (t tally) print(name string) {
	fmt.Printf("| %s | %d/%d | %d/%d | %d/%d | %d | %.0f |\n", name, t.found, t.clips, t.bounded, t.found, t.exact, t.found, t.wrong, t.seconds/t.cpu.Seconds())
}

// ask asks one query and judges the answer.
func (b *bench) ask(c clip, tallies ...*tally) error {
	begun := processor()
	segments, length, err := b.segments(c.file)
	if err != nil {
		return err
	}
	cpu := processor() - begun
	var best *timeline.Segment
	wrong := 0
	for i, s := range segments {
		switch middle := (s.From + s.To).Seconds() / 2; {
		case b.names[s.Reference] == c.source.name && middle > before-1 && middle < before+c.length+1:
			if best == nil || off(c, s) < off(c, *best) {
				best = &segments[i]
			}
		case strings.Contains(c.attack.name, "picture") || middle < before || middle > before+c.length:
			if !b.shows(c, s) {
				wrong++
			}
		default:
			wrong++
		}
	}
	for _, t := range tallies {
		t.cpu, t.seconds, t.wrong = t.cpu+cpu, t.seconds+length.Seconds(), t.wrong+wrong
		if best == nil {
			continue
		}
		t.found++
		if queryOff(c, *best) <= 1 {
			t.bounded++
		}
		if off(c, *best) <= 1 {
			t.exact++
		}
	}
	if b.verbose && (best == nil || off(c, *best) > 1 || wrong > 0) {
		fmt.Printf("%s: %d wrong; want %.2f-%.2f of it %.2f-%.2f\n", filepath.Base(c.file), wrong, before, before+c.length, c.from, c.from+c.length*c.speed())
		for _, s := range segments {
			fmt.Printf("    %-20s %6.2f-%6.2f of it %6.2f-%6.2f, %.3f times, %d of %d frames, %s, score %.2f\n", b.names[s.Reference],
				s.From.Seconds(), s.To.Seconds(), s.ReferenceFrom.Seconds(), s.ReferenceTo.Seconds(), s.Speed, s.Frames, s.Asked, s.Kind, s.Score)
		}
	}
	return nil
}

// shows reports whether the segment's scene is the other one of the query, which is registered too.
func (b *bench) shows(c clip, s timeline.Segment) bool {
	return b.names[s.Reference] == c.host.name
}

// queryOff is how far the worse boundary of the query is off, off that of either.
func queryOff(c clip, s timeline.Segment) float64 {
	return max(math.Abs(s.From.Seconds()-before), math.Abs(s.To.Seconds()-before-c.length))
}

func off(c clip, s timeline.Segment) float64 {
	return max(queryOff(c, s), math.Abs(s.ReferenceFrom.Seconds()-c.from), math.Abs(s.ReferenceTo.Seconds()-c.from-c.length*c.speed()))
}

func (b *bench) segments(file string) ([]timeline.Segment, time.Duration, error) {
	ctx := context.Background()
	follower := timeline.Follow(b.index, hashindex.Query{Radius: hashindex.PolicyRadius, Effort: hashindex.FullEffort}, timeline.Rules{}, time.Now)
	info, err := open(file, func(source *io.SectionReader) (hashindex.VideoInfo, error) {
		return b.decoder.Each(ctx, source, func(l hashindex.Look) error { return follower.Add(ctx, l) })
	})
	if err != nil {
		return nil, 0, err
	}
	segments, err := follower.Finish(ctx, info.Length)
	slices.SortFunc(segments, func(x, y timeline.Segment) int { return cmp.Compare(x.From, y.From) })
	return segments, info.Length, err
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
