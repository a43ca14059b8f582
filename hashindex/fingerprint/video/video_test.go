package video_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"touchstone/hashindex"
	"touchstone/hashindex/fingerprint"
	"touchstone/hashindex/fingerprint/video"
	"touchstone/hashindex/sandbox"
)

func TestMain(m *testing.M) {
	sandbox.Enter()
	os.Exit(m.Run())
}

// limits that a slow machine does not reach.
var limits = video.Limits{Wall: 5 * time.Minute}

func newDecoder() *video.Decoder { return video.New(fingerprint.New(fingerprint.Limits{}), limits) }

// made is a video that ffmpeg makes of its own test pictures: 4 seconds black, a cut, 4 of a pattern that
// moves, a cut, 3 of a still.
func made(t *testing.T, name string, more ...string) []byte {
	t.Helper()
	ffmpeg, err := exec.LookPath("ffmpeg")
	if err != nil {
		t.Skip("no ffmpeg on PATH")
	}
	key := strings.Join(append([]string{name}, more...), " ")
	if content, ok := before[key]; ok {
		return slices.Clone(content)
	}
	file := filepath.Join(t.TempDir(), name)
	args := []string{"-v", "error", "-nostdin",
		"-f", "lavfi", "-i", "color=black:s=320x180:r=25:d=4",
		"-f", "lavfi", "-i", "mandelbrot=s=320x180:r=25:start_scale=0.5:end_scale=0.01",
		"-f", "lavfi", "-i", "smptehdbars=s=320x180:r=25:d=3",
		"-filter_complex", "[1:v]trim=0:4,setpts=PTS-STARTPTS,setsar=1[m];[0:v]setsar=1[b];[2:v]setsar=1[s];[b][m][s]concat=n=3:v=1,format=yuv420p[v]", "-map", "[v]"}
	out, err := exec.Command(ffmpeg, append(append(args, more...), file)...).CombinedOutput()
	if err != nil {
		t.Skipf("this ffmpeg cannot make the test's video: %v: %s", err, out)
	}
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before[key] = slices.Clone(content)
	return content
}

// before are the videos that earlier tests have made.
var before = map[string][]byte{}

func section(content []byte) *io.SectionReader {
	return io.NewSectionReader(bytes.NewReader(content), 0, int64(len(content)))
}

func frames(t *testing.T, content []byte) (list []hashindex.Frame, info hashindex.VideoInfo) {
	t.Helper()
	info, err := newDecoder().Each(context.Background(), section(content), func(s hashindex.Look) error {
		list = append(list, s.Frame)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list, info
}

func TestFramesComeOneASecondAndAfterCuts(t *testing.T) {
	list, info := frames(t, made(t, "made.mp4", "-c:v", "mpeg4", "-q:v", "3"))
	if info.Width != 320 || info.Height != 180 || info.Format != "mov" || (info.Length-11*time.Second).Abs() > 100*time.Millisecond {
		t.Errorf("%+v, want 320×180 of 11 s", info)
	}
	if len(list) < 11 || len(list) > 14 {
		t.Errorf("%d frames of 11 s and two cuts", len(list))
	}
	for i, f := range list {
		if i > 0 && (f.At <= list[i-1].At || f.At-list[i-1].At > 1200*time.Millisecond) {
			t.Errorf("frame %d at %v follows one at %v", i, f.At, list[i-1].At)
		}
		if black := f.At < 4*time.Second; black != (f.Mark == hashindex.Black) {
			t.Errorf("frame at %v: mark %v", f.At, f.Mark)
		}
		if f.Recipe != fingerprint.Recipe {
			t.Errorf("frame at %v: recipe %q", f.At, f.Recipe)
		}
	}
	near := func(at time.Duration) bool {
		return slices.ContainsFunc(list, func(f hashindex.Frame) bool { return (f.At - at).Abs() <= 50*time.Millisecond })
	}
	if !near(4*time.Second) || !near(8*time.Second) {
		t.Errorf("no frame right after a cut: %v", times(list))
	}
}

func times(list []hashindex.Frame) (at []time.Duration) {
	for _, f := range list {
		at = append(at, f.At)
	}
	return at
}

// An index behind what it indexes cannot be read from a pipe: it is moved to the front, whole.
func TestMovieIsReadWhereverItsIndexStands(t *testing.T) {
	behind := made(t, "made.mp4", "-c:v", "mpeg4", "-q:v", "3")
	front := made(t, "made.mp4", "-c:v", "mpeg4", "-q:v", "3", "-movflags", "+faststart")
	if bytes.Index(behind, []byte("moov")) < bytes.Index(behind, []byte("mdat")) || bytes.Index(front, []byte("moov")) > bytes.Index(front, []byte("mdat")) {
		t.Fatal("the videos are not as the test wants them")
	}
	a, _ := frames(t, behind)
	b, _ := frames(t, front)
	if len(a) != len(b) {
		t.Fatalf("%d frames and %d", len(a), len(b))
	}
	for i := range a {
		if a[i].At != b[i].At || a[i].Hashes != b[i].Hashes {
			t.Errorf("frame %d: at %v and %v, %d bits apart", i, a[i].At, b[i].At, a[i].Hashes[hashindex.PDQ].Distance(b[i].Hashes[hashindex.PDQ]))
		}
	}
}

func TestContainersAreToldByContent(t *testing.T) {
	want, _ := frames(t, made(t, "made.mp4", "-c:v", "mpeg4", "-q:v", "3"))
	for _, name := range []string{"a.mkv", "a.avi", "a.ts"} {
		t.Run(name, func(t *testing.T) {
			codec := "mpeg4"
			if name == "a.ts" {
				codec = "mpeg2video"
			}
			got, _ := frames(t, made(t, name, "-c:v", codec, "-q:v", "3"))
			if d := len(got) - len(want); d < -1 || d > 1 {
				t.Fatalf("%d frames, want %d", len(got), len(want))
			}
			if d := got[len(got)-1].Hashes[hashindex.PDQ].Distance(want[len(want)-1].Hashes[hashindex.PDQ]); d > 16 {
				t.Errorf("the last frame is %d bits away", d)
			}
		})
	}
}

func TestReferenceKeepsWhatDiffers(t *testing.T) {
	content := made(t, "made.mp4", "-c:v", "mpeg4", "-q:v", "3")
	p, err := newDecoder().Picture(context.Background(), section(content))
	if err != nil {
		t.Fatal(err)
	}
	count := func(from, to time.Duration) (n, featured int) {
		for _, f := range p.Frames {
			if f.At >= from && f.At < to {
				n++
				if !f.Features.IsZero() {
					featured++
				}
			}
		}
		return n, featured
	}
	if n, featured := count(0, 3900*time.Millisecond); n != 1 || featured != 0 {
		t.Errorf("4 s of black are %d frames, %d with features; want 1 and none", n, featured)
	}
	if n, featured := count(3900*time.Millisecond, 7900*time.Millisecond); n < 3 || featured < 2 {
		t.Errorf("4 s that move are %d frames, %d with features", n, featured)
	}
	if n, _ := count(7900*time.Millisecond, time.Minute); n != 2 {
		t.Errorf("3 s of a still are %d frames, want the first and the last", n)
	}
	if last := p.Frames[len(p.Frames)-1].At; last < 10600*time.Millisecond {
		t.Errorf("the last frame is at %v of 11 s", last)
	}
}

func TestWhatIsNoVideoNeverReachesFFmpeg(t *testing.T) {
	for name, c := range map[string]struct {
		content string
		reason  hashindex.DecodeReason
		says    string
	}{
		"nothing":           {"", hashindex.EmptyVideo, "no bytes"},
		"HLS playlist":      {"#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n", hashindex.UnsupportedVideo, "playlist"},
		"with a mark":       {"\xef\xbb\xbf#EXTM3U\nhttp://localhost/\n", hashindex.UnsupportedVideo, "playlist"},
		"concatenation":     {"ffconcat version 1.0\nfile /etc/passwd\n", hashindex.UnsupportedVideo, "playlist"},
		"DASH":              {"<?xml version=\"1.0\"?><MPD><BaseURL>file:///</BaseURL></MPD>", hashindex.UnsupportedVideo, "playlist"},
		"session":           {"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\n", hashindex.UnsupportedVideo, "playlist"},
		"JPEG":              {"\xff\xd8\xff\xe0\x00\x10JFIF\x00", hashindex.UnsupportedVideo, "not supported"},
		"AVIF":              {"\x00\x00\x00\x1cftypavif\x00\x00\x00\x00", hashindex.UnsupportedVideo, "not supported"},
		"movie cut short":   {"\x00\x00\x00\x10ftypisom\x00\x00\x00\x00\x00\x00\xff\xffmdat1234", hashindex.TruncatedVideo, "cut short"},
		"movie, no index":   {"\x00\x00\x00\x10ftypisom\x00\x00\x00\x00\x00\x00\x00\x0cmdat1234", hashindex.TruncatedVideo, "moov"},
		"box of no size":    {"\x00\x00\x00\x10ftypisom\x00\x00\x00\x00\x00\x00\x00\x04mdat1234", hashindex.CorruptVideo, "damaged"},
		"index of no sense": {index("stco", 1<<30), hashindex.CorruptVideo, "damaged"},
		"compressed index":  {index("cmov", 0), hashindex.UnsupportedVideo, "compressed"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDecoder()
			_, err := d.Each(context.Background(), section([]byte(c.content)), func(hashindex.Look) error { return errors.New("a frame of what is no video") })
			refused, ok := errors.AsType[*hashindex.DecodeError](err)
			if ok && refused.Reason == hashindex.VideoUndecodable {
				t.Skip("no ffmpeg on PATH")
			}
			if !ok || refused.Reason != c.reason || !strings.Contains(refused.Detail, c.says) {
				t.Errorf("got %v, want %s that says %q", err, c.reason, c.says)
			}
		})
	}
}

// index is a movie whose index stands last and holds one box that says it has so many places.
func index(kind string, places uint32) string {
	box := func(kind, content string) string {
		return string(binary.BigEndian.AppendUint32(nil, uint32(8+len(content)))) + kind + content
	}
	inner := box(kind, "\x00\x00\x00\x00"+string(binary.BigEndian.AppendUint32(nil, places)))
	if kind == "stco" {
		inner = box("trak", box("mdia", box("minf", box("stbl", inner))))
	}
	return box("ftyp", "isom\x00\x00\x00\x00") + box("mdat", "1234") + box("moov", inner)
}

func TestDamagedVideoIsRefusedNotBelieved(t *testing.T) {
	content := made(t, "made.mp4", "-c:v", "mpeg4", "-q:v", "3", "-movflags", "+faststart")
	at := bytes.Index(content, []byte("mdat"))
	for i := at + 4; i < len(content); i++ {
		content[i] = byte(i * 7)
	}
	_, err := newDecoder().Each(context.Background(), section(content), func(hashindex.Look) error { return nil })
	if refused, ok := errors.AsType[*hashindex.DecodeError](err); !ok || refused.Reason != hashindex.CorruptVideo {
		t.Errorf("got %v, want %s", err, hashindex.CorruptVideo)
	}
}

func TestErrorOfTakeEndsDecoding(t *testing.T) {
	content := made(t, "made.mp4", "-c:v", "mpeg4", "-q:v", "3")
	enough := fmt.Errorf("enough")
	n := 0
	_, err := newDecoder().Each(context.Background(), section(content), func(hashindex.Look) error { n++; return enough })
	if err != enough || n != 1 {
		t.Errorf("%d frames, then %v", n, err)
	}
}

func TestLimitsAreNamed(t *testing.T) {
	content := made(t, "made.mp4", "-c:v", "mpeg4", "-q:v", "3")
	for limit, l := range map[string]video.Limits{
		"video_bytes":   {Bytes: 1000},
		"video_seconds": {Length: 5 * time.Second},
		"video_frames":  {Frames: 3, Wall: 5 * time.Minute},
	} {
		_, err := video.New(fingerprint.New(fingerprint.Limits{}), l).Each(context.Background(), section(content), func(hashindex.Look) error { return nil })
		if e, ok := errors.AsType[*hashindex.LimitError](err); !ok || e.Limit != limit {
			t.Errorf("got %v, want the limit %s", err, limit)
		}
	}
}

func TestWithoutFFmpegTheRemedyIsSaid(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := newDecoder().Each(context.Background(), section([]byte("any")), func(hashindex.Look) error { return nil })
	if refused, ok := errors.AsType[*hashindex.DecodeError](err); !ok || refused.Reason != hashindex.VideoUndecodable || !strings.Contains(refused.Detail, "install") {
		t.Errorf("got %v", err)
	}
}
