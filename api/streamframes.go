package api

import (
	"bytes"
	"context"
	"math"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"touchstone/api/wire"
	"touchstone/hashindex"
	"touchstone/hashindex/watch"
)

func (s *Server) feedStream(c echo.Context) error {
	to, err := s.stream(c)
	if err != nil {
		return err
	}
	if err := s.index.Ready(); err != nil {
		return err
	}
	switch mediaType(c) {
	case jsonType, ndjsonType:
		frames, err := s.readFrames(c)
		if err != nil {
			return err
		}
		return s.feed(c, to, frames)
	}
	return s.feedPictures(c, to)
}

func (s *Server) feed(c echo.Context, to watch.Stream, frames []watch.Frame) error {
	begun := s.config.Now()
	counts, stream, err := s.streams.Feed(c.Request().Context(), to.ID, frames)
	s.metrics.matches.WithLabelValues("frames").Observe(s.config.Now().Sub(begun).Seconds())
	if err != nil {
		return aboutStream(err)
	}
	answer := wire.FedFrames{Counts: wire.StreamCounts(counts), Seq: stream.Seq, OpenSegments: append([]int{}, stream.Open...)}
	return s.answerOnce(c, 200, "", answer)
}

// readFrames reads frames known by their hashes.
func (s *Server) readFrames(c echo.Context) ([]watch.Frame, error) {
	var asked wire.StreamFrames
	if mediaType(c) == jsonType {
		if err := s.readJSON(c, &asked); err != nil {
			return nil, err
		}
	} else {
		text, err := readInto(nil, bodyOf(c.Request()).within("document_bytes", s.limits.DocumentBytes))
		if err != nil {
			return nil, err
		}
		for line := range bytes.Lines(text) {
			if line = bytes.TrimSpace(line); len(line) == 0 {
				continue
			}
			var f wire.StreamFrame
			if err := parseDocument(line, &f); err != nil {
				return nil, err
			}
			if asked.Frames = append(asked.Frames, f); len(asked.Frames) > maxStreamFrames {
				break
			}
		}
	}
	if n := len(asked.Frames); n > maxStreamFrames {
		return nil, &hashindex.LimitError{Limit: "stream_frames", Max: maxStreamFrames, Got: int64(n)}
	}
	frames := make([]watch.Frame, len(asked.Frames))
	for i, f := range asked.Frames {
		var err error
		if frames[i].Frame, err = s.frameOf(f, "frames["+strconv.Itoa(i)+"]"); err != nil {
			return nil, err
		}
	}
	return frames, nil
}

var marks = map[string]hashindex.Mark{"": hashindex.Telling, "black": hashindex.Black, "flat": hashindex.Flat, "credits": hashindex.Credits}

func (s *Server) frameOf(f wire.StreamFrame, field string) (frame hashindex.Frame, err error) {
	if f.At == nil {
		return frame, invalid(field+".at", "missing: the frame's time in seconds")
	}
	if frame.At, err = streamTime(*f.At, field+".at"); err != nil {
		return frame, err
	}
	mark, known := marks[f.Mark]
	if !known {
		return frame, invalid(field+".mark", "%.20q is not one of black, flat, credits", f.Mark)
	}
	frame.Shot, frame.Mark, frame.Recipe, frame.Quality = f.Shot, mark, s.index.Recipe(), hashindex.QualityUnknown
	if f.Quality != nil {
		if frame.Quality = *f.Quality; frame.Quality < 0 || frame.Quality > 100 {
			return frame, invalid(field+".quality", "%d is not within 0..100", frame.Quality)
		}
	}
	frame.Hashes[hashindex.PDQ], err = parseHash(hashindex.PDQ, f.PDQ, field+".pdq")
	return frame, err
}

// maxStreamTime is how long a stream can be, in seconds: a year.
const maxStreamTime = 366 * 24 * 3600

func streamTime(seconds float64, field string) (time.Duration, error) {
	if !(seconds >= 0 && seconds <= maxStreamTime) { // not a number is neither
		return 0, invalid(field, "%g is not within 0..%d seconds", seconds, maxStreamTime)
	}
	return time.Duration(math.Round(seconds*1e6)) * time.Microsecond, nil
}

// feedPictures reads pictures with their times. Their features are made only of those that tier partial looks at.
func (s *Server) feedPictures(c echo.Context, to watch.Stream) error {
	parts := false
	if to.Effort == hashindex.FullEffort {
		var err error
		if parts, err = s.index.SearchesParts(to.Collections, to.Within); err != nil {
			return aboutCollection(err)
		}
	}
	up, err := s.receive(c, expected{limit: "stream_images", images: maxStreamImages, fields: []string{"at"}, keep: parts || to.Subject != ""})
	if err != nil {
		return err
	}
	defer up.close()
	times := up.fields["at"]
	if len(times) != len(up.pictures) {
		return invalid("at", "given %d times for %d pictures", len(times), len(up.pictures))
	}
	frames := make([]watch.Frame, len(times))
	for i, p := range up.pictures {
		at, err := strconv.ParseFloat(times[i], 64)
		if err != nil {
			return invalid("at", "%.40q is not a number of seconds", times[i])
		}
		frames[i].Frame = p.Frames[0]
		if frames[i].At, err = streamTime(at, "at"); err != nil {
			return err
		}
		if frames[i].Quality < hashindex.PoorQuality {
			frames[i].Mark = hashindex.Flat
		}
		frames[i].Encoded = p.encoded
		if parts {
			frames[i].Features = func() hashindex.Features { return s.featuresOf(c.Request().Context(), p.encoded) }
		}
	}
	return s.feed(c, to, frames)
}

// featuresOf are those of a picture that was decoded before; none when it cannot be done in time, as the other
// tiers have their answer.
func (s *Server) featuresOf(ctx context.Context, encoded []byte) hashindex.Features {
	leave, err := s.takePlace(ctx, false)
	if err != nil {
		return hashindex.Features{}
	}
	defer leave()
	p, err := s.decode(ctx, encoded, s.config.Fingerprint.Detailed)
	if err != nil {
		return hashindex.Features{}
	}
	return p.Frames[0].Features
}
