package api_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"touchstone/api"
	"touchstone/api/wire"
	"touchstone/hashindex"
	"touchstone/hashindex/fingerprint"
	"touchstone/hashindex/fingerprint/video"
)

// hashedFrames are frames of a made-up film, a second apart, from one of them to another.
func hashedFrames(from, to int) (frames []wire.HashedFrame) {
	for i := from; i < to; i++ {
		frames = append(frames, wire.HashedFrame{Time: float64(i - from), Hashes: wire.Hashes{PDQ: hexOf(1000 + i)}})
	}
	return frames
}

// segment fails the test unless the one result has this one segment.
func (a answer) segment(name string, from, to, referenceFrom, referenceTo float64) wire.Segment {
	a.t.Helper()
	got := into[wire.MatchAnswer](a.want(200))
	if len(got.Results) != 1 || got.Results[0].Status != "match" || len(got.Results[0].Segments) != 1 {
		a.t.Fatalf("got %+v, want one segment", got)
	}
	s := got.Results[0].Segments[0]
	off := func(a, b float64) bool { return math.Abs(a-b) > 1 }
	if s.ExternalID != name || off(s.From, from) || off(s.To, to) || off(s.ReferenceFrom, referenceFrom) || off(s.ReferenceTo, referenceTo) {
		a.t.Errorf("got %+v\nwant %v to %v, of %s %v to %v", s, from, to, name, referenceFrom, referenceTo)
	}
	return s
}

// A server without a decoder keeps and finds videos by the hashes of their frames.
func TestVideoIsAddedAndFoundByTheHashesOfItsFrames(t *testing.T) {
	h := open(t).ready()
	h.collection("films", "work")
	added := into[wire.AddedReferences](h.json("POST", "/v1/collections/films/references",
		wire.HashReference{ExternalID: "film", Frames: hashedFrames(0, 60)}).want(201))
	h.json("POST", "/v1/collections/films/references", wire.HashReferences{References: []wire.HashReference{
		{ExternalID: "other", Frames: hashedFrames(100, 160)}, {ExternalID: "still", Hashes: wire.Hashes{PDQ: hexOf(1)}},
	}}).want(201)
	if got := into[wire.Reference](h.get("/v1/references/" + added.References[0].ID).want(200)); got.Frames != 60 {
		t.Errorf("%d frames are kept, want 60", got.Frames)
	}
	query := append(hashedFrames(300, 310), hashedFrames(20, 40)...)
	query = append(query, hashedFrames(400, 410)...)
	for i := range query {
		query[i].Time = float64(i)
	}
	s := h.json("POST", "/v1/match", wire.MatchURL{Frames: query, Seconds: 40, Subject: "stream-1"}).segment("film", 10, 30, 20, 40)
	if s.Frames != 20 || s.Speed < 0.95 || s.Speed > 1.05 || s.Kind != "copy" || s.Transform.Mirrored || len(s.Pairs) == 0 {
		t.Errorf("got %+v", s)
	}
	none := into[wire.MatchAnswer](h.json("POST", "/v1/match", wire.MatchURL{Frames: hashedFrames(500, 530)}).want(200))
	if r := none.Results[0]; r.Status != "no_match" || len(r.Segments) != 0 || r.Video == nil || r.Video.Frames != 30 {
		t.Errorf("got %+v", r)
	}
}

func TestPicturesWithTimesAreFramesOfOneVideo(t *testing.T) {
	h := open(t).ready()
	h.collection("films", "work")
	var pictures []part
	var film []wire.HashedFrame
	for i := range 6 {
		content := product(i + 1)
		hashed := into[wire.HashAnswer](h.post("/v1/hash", "image/png", content).want(200))
		film = append(film, wire.HashedFrame{Time: float64(i) + 7, Hashes: hashed.Results[0].Hashes, Quality: &hashed.Results[0].Quality})
		pictures = append(pictures, image(content), field("time", fmt.Sprint(i)))
	}
	h.json("POST", "/v1/collections/films/references", wire.HashReference{ExternalID: "film", Frames: film}).want(201)
	h.parts("/v1/match", pictures...).segment("film", 0, 5, 7, 12)
	h.parts("/v1/match", pictures[1:]...).problem(400, "input_invalid")
}

// What a reference's frames are answered as makes the same reference again.
func TestFramesOfAReferenceAreListedAsTheyCame(t *testing.T) {
	h := open(t).ready()
	h.collection("films", "work")
	film := hashedFrames(0, 5)
	dark := 0
	film[0].Time, film[0].Quality = 0.1, &dark
	film[1].Time = 1.0 / 3
	h.json("POST", "/v1/collections/films/references", wire.HashReference{ExternalID: "film", Frames: film}).want(201)
	first := into[wire.ReferenceFrames](h.get("/v1/references/2/frames?limit=2").want(200))
	rest := into[wire.ReferenceFrames](h.get(fmt.Sprintf("/v1/references/2/frames?from=%d", first.Next)).want(200))
	again := append(first.Frames, rest.Frames...)
	if len(first.Frames) != 2 || first.Next != 2 || rest.Next != 0 || len(again) != len(film) || *again[0].Quality != 0 || again[4].Hashes != film[4].Hashes {
		t.Fatalf("got %+v and %+v of %+v", first, rest, film)
	}
	h.json("POST", "/v1/collections/films/references", wire.HashReference{ExternalID: "again", Frames: again}).want(201)
	if twice := into[wire.ReferenceFrames](h.get("/v1/references/3/frames").want(200)); !reflect.DeepEqual(twice.Frames, again) {
		t.Errorf("added again: %+v, want %+v", twice.Frames, again)
	}
	if past := into[wire.ReferenceFrames](h.get("/v1/references/2/frames?from=5").want(200)); len(past.Frames) != 0 || past.Next != 0 {
		t.Errorf("beyond the last frame: %+v", past)
	}
	h.get("/v1/references/2/frames?from=-1").problem(400, "input_invalid")
	h.get("/v1/references/9/frames").problem(404, "reference_not_found")
}

func TestBadFramesAreRefused(t *testing.T) {
	h := open(t).ready()
	h.collection("films", "work")
	backwards := hashedFrames(0, 3)
	backwards[2].Time = 0.5
	before := hashedFrames(0, 3)
	before[0].Time = -1
	for name, frames := range map[string][]wire.HashedFrame{"backwards": backwards, "before the start": before, "none": {}, "no hash": {{Time: 1}}} {
		t.Run(name, func(t *testing.T) {
			h := *h
			h.t = t
			h.json("POST", "/v1/collections/films/references", map[string]any{"frames": frames}).problem(400, "input_invalid")
			h.json("POST", "/v1/match", map[string]any{"frames": frames}).problem(400, "input_invalid")
		})
	}
	h.json("POST", "/v1/match", wire.MatchURL{Frames: hashedFrames(0, 3), URL: "https://example.com/a.png"}).problem(400, "input_invalid")
	h.json("POST", "/v1/collections/films/references", wire.HashReference{Hashes: wire.Hashes{PDQ: hexOf(1)}, Frames: hashedFrames(0, 3)}).problem(400, "input_invalid")
}

func TestWithoutADecoderVideosAreRefusedWithTheRemedy(t *testing.T) {
	h := open(t).ready()
	h.collection("films", "work")
	h.post("/v1/match", "video/mp4", []byte("any")).problem(501, "video_undecodable")
	h.parts("/v1/collections/films/references", videoPart([]byte("any"))).problem(501, "video_undecodable")
}

func videoPart(content []byte) part { return part{name: "video", content: content} }

// made is a video of 12 seconds, two scenes that move.
func made(t *testing.T) []byte {
	t.Helper()
	ffmpeg, err := exec.LookPath("ffmpeg")
	if err != nil {
		t.Skip("no ffmpeg on PATH")
	}
	file := filepath.Join(t.TempDir(), "made.mp4")
	out, err := exec.Command(ffmpeg, "-v", "error", "-nostdin",
		"-f", "lavfi", "-i", "mandelbrot=s=320x180:r=12:start_scale=1:end_scale=0.2", "-f", "lavfi", "-i", "mandelbrot=s=320x180:r=12:start_x=-1.2:start_y=0.3:start_scale=0.5:end_scale=0.1",
		"-filter_complex", "[0:v]trim=0:7,setpts=PTS-STARTPTS[a];[1:v]trim=0:5,setpts=PTS-STARTPTS[b];[a][b]concat=n=2:v=1,format=yuv420p[v]", "-map", "[v]",
		"-c:v", "mpeg4", "-q:v", "3", file).CombinedOutput()
	if err != nil {
		t.Skipf("this ffmpeg cannot make the test's video: %v: %s", err, out)
	}
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func withVideos(t *testing.T, limits api.Limits) *house {
	return openWith(t, api.Config{
		Videos: video.New(fingerprint.New(fingerprint.Limits{}), video.Limits{Wall: 5 * time.Minute}), Limits: limits, Workers: 2,
	})
}

func TestVideoIsDecodedAddedAndFound(t *testing.T) {
	content := made(t)
	h := withVideos(t, api.Limits{QueueWait: time.Minute, Request: 5 * time.Minute}).ready()
	h.collection("films", "work")
	added := into[wire.AddedReferences](h.parts("/v1/collections/films/references",
		videoPart(content), field("external_id", "film"), field("meta", `{"year":"2026"}`)).want(201))
	r := into[wire.Reference](h.get("/v1/references/" + added.References[0].ID).want(200))
	if r.Frames < 12 || r.Width != 320 || r.Height != 180 || r.Format != "mov" || r.Meta["year"] != "2026" || !added.References[0].Searchable {
		t.Errorf("got %+v", r)
	}
	h.post("/v1/match?effort=fast", "video/mp4", content).segment("film", 0, 12, 0, 12)
	shown := h.parts("/v1/match", videoPart(content), field("subject", `{"listing":"clip","seller":"sam"}`)).segment("film", 0, 12, 0, 12)
	if shown.Standing != "hit" {
		t.Errorf("with a subject: %+v", shown)
	}
	h.provenBy("seller=sam", len(h.hits("seller=sam")[0].Segment.Pairs))
	h.parts("/v1/match", videoPart(content), image(product(1))).problem(400, "input_invalid")
	h.post("/v1/match", "video/mp4", content[:len(content)/2]).problem(422, "video_truncated")
	h.post("/v1/match", "video/mp4", []byte("#EXTM3U\nfile:///etc/passwd\n")).problem(422, "video_format_unsupported")
	if !bytes.Contains(h.get("/metrics").want(200).body, []byte(`touchstone_video_failures_total{code="video_truncated"} 1`)) {
		t.Error("the refused video is not counted by its reason")
	}
}

func TestVideoHasALimitOfItsOwn(t *testing.T) {
	content := made(t)
	h := withVideos(t, api.Limits{BodyBytes: int64(len(content)) / 2, VideoBytes: int64(len(content)) - 1}).ready()
	if p := h.post("/v1/match", "video/mp4", content).problem(413, "limit_exceeded"); p.Limit != "video_bytes" {
		t.Errorf("got %+v", p)
	}
}

// takenApart is a decoder that waits with its video until it may go on.
type takenApart struct{ begun, goOn chan struct{} }

func (v takenApart) Each(context.Context, *io.SectionReader, func(hashindex.Look) error) (hashindex.VideoInfo, error) {
	v.begun <- struct{}{}
	<-v.goOn
	return hashindex.VideoInfo{Length: time.Second}, nil
}

func (v takenApart) Picture(context.Context, *io.SectionReader) (hashindex.Picture, error) {
	return hashindex.Picture{}, errors.New("not asked for here")
}

// TestVideosTakeNoMoreOfTheDiskThanTheyMay, by one client or in all, and give it back.
func TestVideosTakeNoMoreOfTheDiskThanTheyMay(t *testing.T) {
	decoder := takenApart{make(chan struct{}, 1), make(chan struct{})}
	h := openWith(t, api.Config{Videos: decoder, Limits: api.Limits{HeldVideo: 3 << 20, ClientVideo: 2 << 20, Request: 10 * time.Minute, Video: 10 * time.Minute}}).ready()
	send := func(bytes int) answer {
		return h.parts("/v1/match", part{name: "video", content: make([]byte, bytes)})
	}
	taken := func() string { return metric(h, "touchstone_spooled_bytes") }
	first := make(chan answer, 1)
	go func() { first <- send(3 << 19) }()
	<-decoder.begun
	if got := taken(); got != "1.572864e+06" {
		t.Errorf("%s bytes are taken by a video of 1.5 MiB", got)
	}
	if p := send(1<<20).problem(429, "rate_limited"); p.Limit != "client_video_bytes" || p.Max != 2<<20 {
		t.Errorf("got %+v", p)
	}
	close(decoder.goOn)
	(<-first).want(200)
	if got := taken(); got != "0" {
		t.Errorf("%s bytes are still taken", got)
	}
	if p := send(4<<20).problem(429, "rate_limited"); p.Limit != "client_video_bytes" {
		t.Errorf("got %+v", p)
	}
	if got := taken(); got != "0" {
		t.Errorf("%s bytes are taken by videos that were refused", got)
	}
}

// metric is the value of a series in a scrape; empty when it is not there.
func metric(h *house, series string) string {
	h.t.Helper()
	for line := range strings.Lines(string(h.get("/metrics").want(200).body)) {
		if value, ok := strings.CutPrefix(line, series+" "); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
