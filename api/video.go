package api

import (
	"context"
	"errors"
	"io"
	"math"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"touchstone/api/gate"
	"touchstone/api/wire"
	"touchstone/casework"
	"touchstone/hashindex"
	"touchstone/hashindex/timeline"
)

// Videos decodes videos. What it refuses is a *hashindex.DecodeError or a *hashindex.LimitError.
type Videos interface {
	// Each calls take with each frame of a query, in order, and ends at take's error.
	Each(ctx context.Context, source *io.SectionReader, take func(hashindex.Look) error) (hashindex.VideoInfo, error)

	// Picture is the video as a reference, with features.
	Picture(ctx context.Context, source *io.SectionReader) (hashindex.Picture, error)
}

// A video is larger than memory, and decoding may seek in it: it lies in a file without a name, which is
// gone with the request.

// spooled is a video that has arrived.
type spooled struct {
	*os.File
	room *gate.Claim // on the disk
}

// Close also gives its room back.
func (v *spooled) Close() error {
	defer v.room.Close()
	return v.File.Close()
}

// Write takes the next piece where there is room for it. It is io.Copy's only way in: the file's own would not ask.
func (v *spooled) Write(piece []byte) (int, error) {
	if err := hold(v.room, "video_bytes", int64(len(piece))); err != nil {
		return 0, err
	}
	return v.File.Write(piece)
}

func (s *Server) spool(c echo.Context, from io.Reader) (*spooled, error) {
	if s.config.Videos == nil {
		return nil, fail(videoUndecodable, "this server decodes no videos: send frames, or hashes, with their times")
	}
	most := s.limits.VideoBytes
	b := bodyOf(c.Request())
	if b.declared > most+maxField {
		return nil, &hashindex.LimitError{Limit: "video_bytes", Max: most, Got: b.declared}
	}
	// What goes to the disk is not held in memory; what follows it is.
	b.within("", 0)
	defer b.within("video_bytes", most+maxField)
	s.giveTime(c)
	file, err := os.CreateTemp("", "touchstone-video-*")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(file.Name()); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	v := &spooled{file, s.spools.Claim(clientOf(c))}
	n, err := io.Copy(struct{ io.Writer }{v}, io.LimitReader(from, most+1))
	if err == nil && n > most {
		err = &hashindex.LimitError{Limit: "video_bytes", Max: most}
	}
	if err != nil {
		return nil, errors.Join(err, v.Close())
	}
	return v, nil
}

// giveTime lets the request take as long as a video may.
func (s *Server) giveTime(c echo.Context) {
	bodyOf(c.Request()).clock.allow(s.limits.Video)
	conn := http.NewResponseController(c.Response().Writer)
	until := time.Now().Add(s.limits.Video + 30*time.Second)
	// A connection that knows no deadlines, as within one process, has none to be put off.
	conn.SetReadDeadline(until)
	conn.SetWriteDeadline(until)
}

func (v *spooled) source() (*io.SectionReader, error) {
	size, err := v.Seek(0, io.SeekEnd)
	return io.NewSectionReader(v, 0, size), err
}

// decodeVideo makes a reference of it.
func (s *Server) decodeVideo(ctx context.Context, v *spooled) (p hashindex.Picture, err error) {
	source, err := v.source()
	if err != nil {
		return p, err
	}
	leave, err := s.lanes.video.Enter(ctx)
	if err != nil {
		return p, crowded(err)
	}
	defer leave()
	begun := s.config.Now()
	p, err = s.config.Videos.Picture(ctx, source)
	s.metrics.observeVideo("reference", s.config.Now().Sub(begun), len(p.Frames), err)
	return p, err
}

// matchVideo answers which parts of the video show which parts of which references, with pictures of frames
// if they are to be kept.
func (s *Server) matchVideo(ctx context.Context, query hashindex.Query, v *spooled, kept bool) (answer wire.MatchAnswer, found showing, err error) {
	source, err := v.source()
	if err != nil {
		return answer, found, err
	}
	leave, err := s.lanes.video.Enter(ctx)
	if err != nil {
		return answer, found, crowded(err)
	}
	defer leave()
	begun := s.config.Now()
	w := s.watch(query)
	info, err := s.config.Videos.Each(ctx, source, func(l hashindex.Look) error { return w.add(ctx, l, nil) })
	s.metrics.observeVideo("match", s.config.Now().Sub(begun), info.Frames, err)
	if err != nil {
		return answer, found, err
	}
	answer, found, err = w.answer(ctx, info.Length)
	if err == nil && kept {
		err = s.stills(ctx, source, &found)
	}
	return answer, found, err
}

// watching is a video that is being asked about.
type watching struct {
	*timeline.Follower
	server  *Server
	query   hashindex.Query
	seq     hashindex.Seq
	frames  []casework.Glimpse
	quality int
}

func (s *Server) watch(query hashindex.Query) *watching {
	return &watching{
		Follower: timeline.Follow(s.index, query, timeline.Rules{}, s.config.Now), server: s, query: query,
		seq: s.index.Seq(), quality: hashindex.QualityUnknown,
	}
}

func (w *watching) add(ctx context.Context, l hashindex.Look, encoded []byte) error {
	w.frames = append(w.frames, glimpse(l.Frame, encoded))
	w.quality = max(w.quality, l.Quality)
	return w.Add(ctx, l)
}

func (w *watching) answer(ctx context.Context, length time.Duration) (answer wire.MatchAnswer, found showing, err error) {
	segments, err := w.Finish(ctx, length)
	if err != nil {
		return answer, found, err
	}
	found.frames = w.frames
	slices.SortStableFunc(segments, func(a, b timeline.Segment) int { return int(a.From - b.From) })
	result := wire.MatchResult{
		Status: string(hashindex.NotMatched), Quality: max(w.quality, 0), Matches: []wire.Match{}, Tried: w.tried(),
		Video: &wire.Video{Seconds: length.Seconds(), Frames: len(w.frames)}, Segments: []wire.Segment{},
	}
	for _, segment := range segments {
		each, err := w.server.wireSegment(segment)
		if errors.Is(err, hashindex.ErrNotFound) {
			continue // removed since it was found
		}
		if err != nil {
			return answer, found, err
		}
		result.Segments = append(result.Segments, each)
		found.segments = append(found.segments, segment)
	}
	switch {
	case len(result.Segments) > 0:
		result.Status = string(hashindex.Matched)
	case w.quality != hashindex.QualityUnknown && w.quality < hashindex.PoorQuality:
		result.Status, result.Tried = string(hashindex.Undecidable), []string{}
	}
	return wire.MatchAnswer{Seq: uint64(w.seq), Results: []wire.MatchResult{result}}, found, nil
}

// tried are the tiers that every frame, or a share of them, was asked of.
func (w *watching) tried() []string {
	tiers := []hashindex.Tier{hashindex.Copy, hashindex.Near}
	if parts, err := w.server.needsFeatures(w.query); err == nil && parts {
		tiers = append(tiers, hashindex.Partial)
	}
	return wireTiers(tiers)
}

func (s *Server) wireSegment(of timeline.Segment) (wire.Segment, error) {
	reference, collection, err := s.index.Reference(of.Reference)
	if err != nil {
		return wire.Segment{}, err
	}
	segment := wire.Segment{
		ReferenceID: wireID(of.Reference), ExternalID: reference.ExternalID,
		Collection: collection.Name, Purpose: string(collection.Purpose), Kind: string(of.Kind), Score: of.Score,
		From: of.From.Seconds(), To: of.To.Seconds(), ReferenceFrom: of.ReferenceFrom.Seconds(), ReferenceTo: of.ReferenceTo.Seconds(),
		Speed: of.Speed, Frames: of.Frames, Asked: of.Asked, Transform: wireTransform(of.Transform), Pairs: []wire.FramePair{},
	}
	for _, p := range of.Pairs {
		segment.Pairs = append(segment.Pairs, wire.FramePair{
			Time: p.Query.Seconds(), ReferenceTime: p.Reference.Seconds(), ReferenceFrame: p.Frame, Kind: string(p.Kind), Score: p.Score,
		})
	}
	return segment, nil
}

// matchFrames answers for frames that the client has decoded itself: as hashes, each with its time.
func (s *Server) matchFrames(ctx context.Context, query hashindex.Query, asked wire.MatchURL) (answer wire.MatchAnswer, found showing, err error) {
	frames, err := s.newFrames(asked.Frames, "", "frames", maxFrames)
	if err != nil {
		return answer, found, err
	}
	w := s.watch(query)
	for i := range frames {
		f := &frames[i]
		if s.config.Variants != nil && !f.Hashes[hashindex.PDQ].IsZero() {
			f.Dihedral = s.config.Variants(f.Hashes[hashindex.PDQ])
		}
		if err := w.add(ctx, hashindex.Look{Frame: *f}, nil); err != nil {
			return answer, found, err
		}
	}
	return w.answer(ctx, max(lasting(asked.Seconds), frames[len(frames)-1].At))
}

// newFrames are the frames of a video, in order of time.
func (s *Server) newFrames(asked []wire.HashedFrame, prefix, limit string, most int) ([]hashindex.Frame, error) {
	if len(asked) == 0 {
		return nil, invalid(prefix+"frames", "none given")
	}
	if len(asked) > most {
		return nil, &hashindex.LimitError{Limit: limit, Max: int64(most), Got: int64(len(asked))}
	}
	frames := make([]hashindex.Frame, len(asked))
	for i, each := range asked {
		f := &frames[i]
		if err := s.fill(&f.Fingerprint, each.Hashes, each.Quality, prefix+"frames."); err != nil {
			return nil, err
		}
		if f.Hashes.IsZero() {
			return nil, invalid(prefix+"frames.hashes", "none given")
		}
		if !(each.Time >= 0 && each.Time < maxVideoSeconds) { // not a number included
			return nil, invalid(prefix+"frames.time", "%v is not within 0..%d seconds", each.Time, maxVideoSeconds)
		}
		f.At, f.Shot = lasting(each.Time), each.Shot
		if i > 0 && frames[i].At <= frames[i-1].At {
			return nil, invalid(prefix+"frames.time", "%v follows %v: want frames in the order of their times", each.Time, asked[i-1].Time)
		}
	}
	return frames, nil
}

// lasting is exact for the seconds of a Duration: what was exported comes back.
func lasting(s float64) time.Duration { return time.Duration(math.Round(s * float64(time.Second))) }

// matchTimed answers for pictures that come with their times: frames of a video that the client decodes.
func (s *Server) matchTimed(ctx context.Context, query hashindex.Query, up *upload) (answer wire.MatchAnswer, found showing, err error) {
	times := up.fields["time"]
	if len(times) != len(up.pictures) {
		return answer, found, invalid("time", "%d given for %d pictures: want one for each, in their order", len(times), len(up.pictures))
	}
	w := s.watch(query)
	last := time.Duration(-1)
	for i, p := range up.pictures {
		at, err := parseTime(times[i])
		if err != nil {
			return answer, found, err
		}
		if at <= last {
			return answer, found, invalid("time", "%s follows %v: want pictures in the order of their times", times[i], last)
		}
		frame := p.Frames[0]
		frame.At, last = at, at
		look := hashindex.Look{Frame: frame}
		if !frame.Features.IsZero() {
			look.Features = func() hashindex.Features { return frame.Features }
		}
		if err := w.add(ctx, look, p.encoded); err != nil {
			return answer, found, err
		}
	}
	return w.answer(ctx, last)
}

func parseTime(text string) (time.Duration, error) {
	d, err := time.ParseDuration(strings.TrimSpace(text) + "s")
	if err != nil || d < 0 || d >= maxVideoSeconds*time.Second {
		return 0, invalid("time", "%.40q is not a number of seconds within 0..%d", text, maxVideoSeconds)
	}
	return d, nil
}
