// Package video makes fingerprints of the frames of a video: one a second, and one after each cut; of a
// reference four a second, as far as they differ.
//
// Decoding is ffmpeg's, which is found on PATH and run in a sandbox. It is handed bytes on its standard input
// and told which container they are: that is told by content, here, and what is no video, such as a playlist,
// never reaches it. It hands back grey pictures with their times, at full size, so that a frame's fingerprint
// is that of a still (fingerprint.Recipe).
//
// So that an hour takes no more than a minute of two processors, frames that no other refers to are left out,
// and blocks are not smoothed at their edges; what bench/video finds is found that way.
package video

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"image"
	"image/png"
	"io"
	"os/exec"
	"runtime"
	"strconv"
	"time"

	"touchstone/hashindex"
)

// Stills makes fingerprints of bare pictures, with features where they are asked for: a fingerprint.Maker.
type Stills interface {
	Grey(picture *image.Gray) hashindex.Fingerprint
	Features(picture *image.Gray) hashindex.Features
}

// Limits bound what one video may cost. The zero value of a field stands for its default; the JSON names
// are the ones that hashindex.LimitError carries.
type Limits struct {
	Bytes   int64         `json:"video_bytes"`   // encoded size; 2 GiB
	Length  time.Duration `json:"video_seconds"` // what comes later is refused; 4 hours
	Pixels  int64         `json:"video_pixels"`  // of a frame; 9,000,000: 4096×2160
	Frames  int64         `json:"video_frames"`  // that are sampled; 120,000
	Wall    time.Duration `json:"decode_wall"`   // from start to end of decoding; 10 minutes
	Memory  int64         `json:"decode_memory"` // of the decoder; 1 GiB
	Threads int           `json:"decode_threads"`
}

func (l Limits) withDefaults() Limits {
	return Limits{
		Bytes:   cmp.Or(l.Bytes, 2<<30),
		Length:  cmp.Or(l.Length, 4*time.Hour),
		Pixels:  cmp.Or(l.Pixels, 9_000_000),
		Frames:  cmp.Or(l.Frames, 120_000),
		Wall:    cmp.Or(l.Wall, 10*time.Minute),
		Memory:  cmp.Or(l.Memory, 1<<30),
		Threads: cmp.Or(l.Threads, min(2, runtime.GOMAXPROCS(0))),
	}
}

// Decoder makes fingerprints of videos within limits. It may be used by many goroutines at once.
type Decoder struct {
	stills Stills
	limits Limits
	path   string // of ffmpeg; empty: not there
}

// New looks for ffmpeg on PATH. A Decoder without one refuses everything, and says what is missing.
func New(stills Stills, limits Limits) *Decoder {
	path, err := exec.LookPath("ffmpeg")
	if err != nil {
		path = ""
	}
	return &Decoder{stills, limits.withDefaults(), path}
}

// Limits are the limits in force, defaults filled in.
func (d *Decoder) Limits() Limits { return d.limits }

// Each decodes the video and calls take with each frame that is sampled of a query, in order. An error of
// take ends it.
func (d *Decoder) Each(ctx context.Context, source *io.SectionReader, take func(hashindex.Look) error) (hashindex.VideoInfo, error) {
	return d.each(ctx, source, QueryBeat, take)
}

func (d *Decoder) each(ctx context.Context, source *io.SectionReader, beat time.Duration, take func(hashindex.Look) error) (hashindex.VideoInfo, error) {
	if d.path == "" {
		return hashindex.VideoInfo{}, refuse(hashindex.VideoUndecodable, "ffmpeg is not on this machine's PATH: install it (apt install ffmpeg), or send frames or hashes with their times")
	}
	if source.Size() > d.limits.Bytes {
		return hashindex.VideoInfo{}, &hashindex.LimitError{Limit: "video_bytes", Max: d.limits.Bytes, Got: source.Size()}
	}
	c, in, seconds, err := inspect(source)
	if err != nil {
		return hashindex.VideoInfo{}, err
	}
	if most := d.limits.Length.Seconds(); seconds > most {
		return hashindex.VideoInfo{}, &hashindex.LimitError{Limit: "video_seconds", Max: int64(most), Got: int64(seconds)}
	}
	info := hashindex.VideoInfo{Format: string(c)}
	last := time.Duration(0)
	err = d.decode(ctx, d.arguments(c, beat), in, func(picture *image.Gray, at time.Duration) error {
		if int64(info.Frames) == d.limits.Frames {
			return &hashindex.LimitError{Limit: "video_frames", Max: d.limits.Frames}
		}
		at = max(at, 0)
		frame := hashindex.Frame{At: at, Fingerprint: d.stills.Grey(picture)}
		frame.Shot = info.Frames > 0 && at-last < beat-cutSlack
		frame.Mark = mark(picture, frame.Quality)
		info.Width, info.Height = picture.Rect.Dx(), picture.Rect.Dy()
		info.Frames, last = info.Frames+1, at
		look := hashindex.Look{
			Frame:    frame,
			Features: func() hashindex.Features { return d.stills.Features(picture) },
			Still:    func() ([]byte, error) { return still(picture) },
		}
		if in, bordered := inner(picture); bordered && frame.Mark == hashindex.Telling {
			look.Inner = d.stills.Grey(in)
		}
		return take(look)
	})
	if err != nil {
		return hashindex.VideoInfo{}, err
	}
	if info.Frames == 0 {
		return hashindex.VideoInfo{}, refuse(hashindex.CorruptVideo, "the video has no picture that can be decoded")
	}
	info.Length = max(last, time.Duration(seconds*float64(time.Second)))
	if info.Length > last+5*QueryBeat { // as a file says that was cut short, or that has sound for longer
		info.Length = last + beat
	}
	return info, nil
}

// still is the picture as it is, in a file of its own.
func still(picture *image.Gray) ([]byte, error) {
	var out bytes.Buffer
	err := (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(&out, picture)
	return out.Bytes(), err
}

const (
	// QueryBeat is how far frames of a query are sampled apart, referenceBeat those of a reference: a frame of
	// the one is then at most an eighth of a second away from one of the other, and where little moves
	// neighbours are merged.
	QueryBeat     = time.Second
	referenceBeat = time.Second / 4

	// cutSlack is how much sooner a frame comes than the beat if it comes after a cut.
	cutSlack = 100 * time.Millisecond
)

// samples is ffmpeg's expression for what is sampled: the first frame, one a beat, and one after each cut,
// but not one after each flash.
func samples(beat time.Duration) string {
	return fmt.Sprintf("isnan(prev_selected_t)+gte(t-prev_selected_t,%.3f)+gt(scene,0.25)*gte(t-prev_selected_t,0.2)", beat.Seconds()-0.01)
}

// arguments are ffmpeg's, for bytes of the container on its standard input.
func (d *Decoder) arguments(c container, beat time.Duration) []string {
	threads := strconv.Itoa(d.limits.Threads)
	return []string{
		"-hide_banner", "-nostdin", "-v", "error", "-protocol_whitelist", "pipe",
		"-threads", threads, "-skip_frame", "noref", "-skip_loop_filter", "all",
		"-max_pixels", strconv.FormatInt(d.limits.Pixels, 10), "-t", fmt.Sprint(d.limits.Length.Seconds()),
		"-f", string(c), "-i", "pipe:0",
		"-map", "0:v:0", "-vf", "select='" + samples(beat) + "',format=gray", "-filter_threads", "1",
		"-c:v", "rawvideo", "-fflags", "+bitexact", "-f", "matroska", "-live", "1", "pipe:1",
	}
}
