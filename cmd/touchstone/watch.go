package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"touchstone/api/client"
	"touchstone/api/wire"
	"touchstone/hashindex"
	"touchstone/hashindex/fingerprint"
	"touchstone/hashindex/fingerprint/video"
)

func (a *app) watchCommand() *cobra.Command {
	var opened wire.NewStream
	var fast bool
	var reach reach
	verb := a.verb("watch FILE|URL", "Play a video or a live stream, and say what it shows as it shows it", cobra.ExactArgs(1), func(ctx context.Context, named []string) error {
		if strings.HasPrefix(named[0], "http://") || strings.HasPrefix(named[0], "https://") {
			return a.watchURL(ctx, named[0], reach, opened, fast)
		}
		return a.watchFile(ctx, named[0], opened, fast)
	})
	verb.Long = `Decode a video here, at its own pace, hand the fingerprints of its frames to a stream, and print each
part that a reference has as it opens and as it closes. The pictures stay here: what is known of frames
are their hashes, so only whole copies are found, as they are, mirrored or turned. Decoding needs ffmpeg.

A URL names a video, or the playlist of a live or recorded stream (HLS). A live one is joined near its end,
watched until its playlist ends or nothing new comes for a minute, and fetched again where that fails.
Encrypted streams are not played. What a playlist names is reached only if it is public, as the URL itself.`
	flags := verb.Flags()
	flags.StringSliceVarP(&opened.Collections, "collection", "c", nil, "search only in collection `name`; may be repeated")
	flags.StringVar(&opened.Subject, "subject", "", "whose `stream` this is")
	flags.BoolVar(&fast, "fast", false, "as fast as it can be decoded")
	reach.wider(flags, "for a URL")
	return verb
}

// playing bounds a video that is played at its own pace: decoding it takes as long.
var playing = video.Limits{Wall: 5 * time.Hour}

func (a *app) watchFile(ctx context.Context, file string, opened wire.NewStream, fast bool) error {
	played, err := os.Open(file)
	if err != nil {
		return err
	}
	defer played.Close()
	info, err := played.Stat()
	if err != nil {
		return err
	}
	return a.watch(ctx, opened, fast, func(p *player) error {
		return p.playVideo(ctx, io.NewSectionReader(played, 0, info.Size()))
	})
}

// watch opens a stream, has it fed, and ends it.
func (a *app) watch(ctx context.Context, opened wire.NewStream, fast bool, feed func(*player) error) error {
	return a.connect(ctx, writing, func(c *client.Client) error {
		stream, err := c.OpenStream(ctx, opened)
		if err != nil {
			return err
		}
		p := &player{app: a, client: c, stream: stream.ID, begun: time.Now(), fast: fast, first: 1}
		if err = feed(p); err == nil {
			err = p.feed(ctx)
		}
		return errors.Join(err, p.end(ctx))
	})
}

// player feeds one stream and prints what becomes of it.
type player struct {
	*app
	client *client.Client
	stream string
	begun  time.Time
	fast   bool

	waiting []wire.StreamFrame // for the next call
	seq     uint64             // of the last event that was printed
	first   int                // no segment before this one is open
	told    int                // the last segment that was printed
}

// batch is how many frames one call takes at most. At its own pace, a call is made a second.
const batch = 30

var markNames = map[hashindex.Mark]string{hashindex.Black: "black", hashindex.Flat: "flat", hashindex.Credits: "credits"}

func (p *player) playVideo(ctx context.Context, source *io.SectionReader) error {
	decoder := video.New(fingerprint.New(fingerprint.Limits{}), playing)
	_, err := decoder.Each(ctx, source, func(l hashindex.Look) error { return p.play(ctx, l.Frame) })
	return err
}

// play waits until the frame is due and hands it on.
func (p *player) play(ctx context.Context, f hashindex.Frame) error {
	at, quality := f.At.Seconds(), f.Quality
	p.waiting = append(p.waiting, wire.StreamFrame{At: &at, PDQ: f.Hashes[hashindex.PDQ].String(), Quality: &quality, Shot: f.Shot, Mark: markNames[f.Mark]})
	if p.fast {
		if len(p.waiting) < batch {
			return nil
		}
		return p.feed(ctx)
	}
	if err := wait(ctx, time.Until(p.begun.Add(f.At))); err != nil {
		return err
	}
	return p.feed(ctx)
}

func (p *player) feed(ctx context.Context) error {
	if len(p.waiting) == 0 {
		return nil
	}
	fed, err := p.client.FeedStream(ctx, p.stream, p.waiting)
	p.waiting = p.waiting[:0]
	if err != nil || fed.Seq == p.seq {
		return err
	}
	return p.tell(ctx)
}

// end ends the stream also when whoever watches has had enough.
func (p *player) end(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if _, err := p.client.EndStream(ctx, p.stream); err != nil {
		return err
	}
	return p.tell(ctx)
}

// tell prints the segments of which there is news.
func (p *player) tell(ctx context.Context) error {
	seen, open := p.seq, 0
	for s, err := range p.client.StreamSegments(ctx, p.stream, p.first) {
		if err != nil {
			return err
		}
		if s.State != "closed" && open == 0 {
			open = s.Number
		}
		if open == 0 {
			p.first = s.Number + 1
		}
		if s.Seq <= seen {
			continue
		}
		p.seq = max(p.seq, s.Seq)
		if s.State == "grown" && p.told >= s.Number && !p.json {
			continue // a person waits for its end
		}
		p.told = max(p.told, s.Number)
		if err := p.print(s, streamText(s)); err != nil {
			return err
		}
	}
	return nil
}

func streamText(s wire.StreamSegment) string {
	shown := wire.Segment{
		ReferenceID: s.ReferenceID, ExternalID: s.ExternalID, ReferenceFrom: s.ReferenceFrom, ReferenceTo: s.ReferenceTo,
		Speed: s.Speed, Transform: s.Transform, Kind: s.Kind, Frames: s.Frames, Asked: s.Asked, Score: s.Score,
	}
	state := map[bool]string{true: "closed", false: "open"}[s.State == "closed"]
	return fmt.Sprintf("%s: %s–%s shows %s (%s) %s", state, clock(s.From), clock(s.To), harmless(segmentName(shown)), harmless(s.Collection), segmentText(shown))
}
