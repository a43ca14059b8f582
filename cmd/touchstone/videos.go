package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"

	"touchstone/api/client"
	"touchstone/api/wire"
	"touchstone/hashindex/fingerprint/video"
)

// sorted tells pictures from videos by their content. What cannot be read is left to whoever reads it.
func (a *app) sorted(files []string) (pictures, videos []string) {
	for _, file := range files {
		if isVideo(file) {
			videos = append(videos, file)
		} else {
			pictures = append(pictures, file)
		}
	}
	return pictures, videos
}

// isVideo is false for standard input, which can be read once.
func isVideo(file string) bool {
	info, err := os.Stat(file)
	if err != nil || !info.Mode().IsRegular() {
		return false
	}
	opened, err := os.Open(file)
	if err != nil {
		return false
	}
	defer opened.Close()
	head := make([]byte, 1024)
	n, err := io.ReadFull(opened, head)
	return (err == nil || errors.Is(err, io.ErrUnexpectedEOF)) && video.IsVideo(head[:n])
}

// withVideo sends one video. One that is refused is reported; then the error is errRefused.
func (a *app) withVideo(file string, v client.Video, send func(client.Video) error) error {
	opened, err := os.Open(file)
	if err != nil {
		return err
	}
	defer opened.Close()
	info, err := opened.Stat()
	if err != nil {
		return err
	}
	v.Name, v.Content, v.Size = filepath.Base(file), opened, info.Size()
	err = send(v)
	if problem, ok := errors.AsType[*client.Problem](err); ok && (problem.Status == 413 || problem.Status == 422 || problem.Status == 501) {
		return errors.Join(a.report(file, problem), fmt.Errorf("1 video %w", errRefused))
	}
	return err
}

func (a *app) addVideo(ctx context.Context, c *client.Client, collection, file string, v client.Video, print func(string, wire.AddedReference) error) error {
	return a.withVideo(file, v, func(v client.Video) error {
		added, err := c.AddVideo(ctx, collection, v)
		if err != nil {
			return err
		}
		return print(file, added.References[0])
	})
}

func (a *app) matchVideo(ctx context.Context, c *client.Client, file string, options client.MatchOptions, print func(string, matchedFile) error) error {
	return a.withVideo(file, client.Video{}, func(v client.Video) error {
		answer, err := c.MatchVideo(ctx, v, options)
		if err != nil {
			return err
		}
		return print(file, matchedFile{Seq: answer.Seq, MatchResult: answer.Results[0]})
	})
}

// timelineWidth is how many characters the length of a video takes.
const timelineWidth = 60

// printTimeline prints what a video shows: a line for each segment, drawn and in words.
func (a *app) printTimeline(m matchedFile) error {
	fmt.Fprintf(a.stdout, "%s: %s, %s of video\n", harmless(m.File), m.Status, clock(m.Video.Seconds))
	for _, s := range m.Segments {
		_, err := fmt.Fprintf(a.stdout, "  |%s|\n  %s–%s shows %s (%s) %s\n", drawn(s, m.Video.Seconds), clock(s.From), clock(s.To),
			harmless(segmentName(s)), harmless(s.Collection), segmentText(s))
		if err != nil {
			return err
		}
	}
	return nil
}

// drawn is the segment on the video's time.
func drawn(s wire.Segment, length float64) string {
	if length <= 0 {
		return strings.Repeat(" ", timelineWidth)
	}
	place := func(at float64) int { return min(max(int(math.Round(timelineWidth*at/length)), 0), timelineWidth) }
	from := min(place(s.From), timelineWidth-1)
	to := max(place(s.To), from+1)
	return strings.Repeat(" ", from) + strings.Repeat("=", to-from) + strings.Repeat(" ", timelineWidth-to)
}

func segmentName(s wire.Segment) string {
	if s.ExternalID == "" {
		return "#" + s.ReferenceID
	}
	return s.ExternalID
}

func segmentText(s wire.Segment) string {
	text := fmt.Sprintf("from %s to %s", clock(s.ReferenceFrom), clock(s.ReferenceTo))
	if s.Speed == 0 {
		text = "as a still"
	} else if math.Abs(s.Speed-1) >= 0.02 {
		text += fmt.Sprintf(", %.2f times as fast", s.Speed)
	}
	if s.Transform.Mirrored || s.Transform.Rotation != 0 {
		text += ", " + transformText(s.Transform)
	}
	return text + fmt.Sprintf(": %s, %d of %d frames, score %.2f", s.Kind, s.Frames, s.Asked, s.Score)
}

// clock writes seconds as a player shows them, with tenths.
func clock(s float64) string {
	tenths := int(math.Round(s * 10))
	hours, minutes := tenths/36000, tenths/600%60
	if hours > 0 {
		return fmt.Sprintf("%d:%02d:%02d.%d", hours, minutes, tenths/10%60, tenths%10)
	}
	return fmt.Sprintf("%d:%02d.%d", minutes, tenths/10%60, tenths%10)
}
